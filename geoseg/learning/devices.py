"""Which device runs the network, and how the process is set up for it."""

from __future__ import annotations

import ctypes
import sys

import torch

from geoseg.errors import OptionError

TRIM_THRESHOLD = -1
"""glibc's M_TRIM_THRESHOLD: free memory above this goes back to the system."""
MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD: blocks above this are mapped afresh every time."""
KEEP_BYTES = (1 << 31) - 1
"""Largest value mallopt takes, 2 GiB."""
USUAL_BYTES = 1 << 25
"""Largest that glibc's own moving threshold becomes, 32 MiB."""


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


def use_threads(threads: int | None) -> None:
    """Set the number of CPU threads; None leaves torch's choice."""
    if threads is not None:
        torch.set_num_threads(threads)


def choose_precision(name: str, device: str) -> str:
    """Choose the numbers to train in: `auto` takes bfloat16 where the device has it built in."""
    if name != "auto":
        return name
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    probe = getattr(torch.cpu, "get_capabilities", dict)  # older torch cannot say
    has = probe()
    return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") else "float32"


def keep_freed_memory() -> bool:
    """Let glibc keep freed blocks, so that activations are not page-faulted in at every layer.

    Returns:
        True where it was done; elsewhere (musl, macOS, Windows) nothing happens.
    """
    return _set_thresholds(KEEP_BYTES)


def return_freed_memory() -> bool:
    """Give what `keep_freed_memory` kept back to the system, for the steps after the network.

    Returns:
        True where it was done.
    """
    return _set_thresholds(USUAL_BYTES) and bool(ctypes.CDLL(None).malloc_trim(0) in (0, 1))


def _set_thresholds(size: int) -> bool:
    """Set from how many bytes on glibc maps a block afresh, and gives free memory back."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, size) and mallopt(TRIM_THRESHOLD, size))
