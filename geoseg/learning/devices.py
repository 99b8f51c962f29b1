"""Which device runs the network, and how the process is set up for it."""

from __future__ import annotations

import logging
import platform

import torch

from geoseg.cpus import usable_cpus
from geoseg.errors import OptionError

log = logging.getLogger(__name__)

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Numbers that a network may be run in."""
FAST_ON_CPU = {"bf16": ("avx512_bf16", "amx_bf16"), "fp16": ("avx512_fp16", "amx_fp16")}
"""Instruction sets that make them quicker than fp32."""


def choose_device(name: str = "auto") -> str:
    """Choose a device: `auto` takes a CUDA device where there is one.

    Raises:
        OptionError: the device is not here.
    """
    here = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if here else "cpu"
    if name.startswith("cuda") and not here:
        raise OptionError(f"no CUDA device for --device {name}; use cpu, or see geoseg doctor")
    if name != "cpu" and not name.startswith("cuda"):
        raise OptionError(f"no device {name!r}; choose auto, cpu or cuda")
    return name


def count_gpus() -> int:
    """Count the CUDA devices that this process sees."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def repeat_sums() -> None:
    """Let a GPU add in the same order in every run, so that a resumed training gives the same."""
    torch.backends.cudnn.benchmark = False  # it may choose other sums in every run
    torch.backends.cudnn.deterministic = True


def use_threads(threads: int | None) -> None:
    """Set the number of CPU threads; None for as many as this process may use."""
    if threads is None:
        threads = min(torch.get_num_threads(), usable_cpus())
    torch.set_num_threads(threads)


def numbers(precision: str, device: str) -> torch.dtype:
    """Give the dtype to predict in.

    Args:
        precision: fp32, bf16 or fp16.
        device: `cpu` or `cuda`.

    Raises:
        OptionError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise OptionError(f"no precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    native = FAST_ON_CPU.get(precision)
    if device == "cpu" and native is not None and not has_instructions(native):
        log.warning("this processor has no %s arithmetic: it is emulated, slower than fp32",
                    precision)
    return PRECISIONS[precision]


def has_instructions(names: tuple[str, ...]) -> bool:
    """Tell whether the processor has one of some instruction sets."""
    probe = getattr(torch.cpu, "get_capabilities", dict)  # older torch cannot say
    has = probe()
    return any(has.get(name) for name in names)


def choose_precision(name: str, device: str) -> str:
    """Choose the numbers to train in: `auto` takes bf16 where the device has it built in."""
    if name != "auto":
        return name
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if has_instructions(FAST_ON_CPU["bf16"]) else "fp32"


def describe_device() -> str:
    """Say what `auto` would run on."""
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return f"{name}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free (CUDA)"
    return (
        f"CPU ({platform.machine()}, {torch.get_num_threads()} threads); torch "
        f"{torch.__version__} sees no CUDA device"
    )
