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
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, KEEP_BYTES) and mallopt(TRIM_THRESHOLD, KEEP_BYTES))
