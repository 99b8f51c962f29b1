"""Tell the C library what to do with freed memory: keep it for the next layer, or give it back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from typing import Any

TRIM_THRESHOLD = -1
"""glibc's M_TRIM_THRESHOLD: free memory above this goes back to the system."""
MMAP_THRESHOLD = -3
"""glibc's M_MMAP_THRESHOLD: blocks above this are mapped afresh every time."""
KEEP_BYTES = (1 << 31) - 1
"""Largest value mallopt takes, 2 GiB."""
RETURN_BYTES = 1 << 22
"""Blocks from 4 MiB on go straight back to the system when they are freed."""

SMALL_BLOCKS = 16
"""Items of a list after whose use the C library's own small blocks are given back too."""


def keep_freed_memory() -> bool:
    """Let glibc keep freed blocks, so that activations are not page-faulted in at every layer.

    Returns:
        True where it was done; elsewhere (musl, macOS, Windows) nothing happens.
    """
    return _set_thresholds(KEEP_BYTES)


def return_freed_memory() -> bool:
    """Give freed memory back to the system, now and from now on: for the steps after the network.

    Returns:
        True where it was done.
    """
    if not _set_thresholds(RETURN_BYTES):
        return False
    ctypes.CDLL(None).malloc_trim(0)
    return True


def drained(items: list[Any]) -> Iterator[Any]:
    """Give the items of a list in order, and their memory back on the way; the list is emptied."""
    items.reverse()
    while items:
        if len(items) % SMALL_BLOCKS == 0:
            return_freed_memory()
        yield items.pop()


def _set_thresholds(size: int) -> bool:
    """Set from how many bytes on glibc maps a block afresh, and gives free memory back."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_THRESHOLD, size) and mallopt(TRIM_THRESHOLD, size))
