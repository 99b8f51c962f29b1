"""How the vectorizer's loops are compiled: once per installation, and as little as possible."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from numba import njit

log = logging.getLogger(__name__)

_SOURCES = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
_VERSION = hashlib.sha256(_SOURCES).hexdigest()[:12]
"""Of this package's sources."""

_KERNELS: list[Callable] = []
"""All that `kernel` made."""

helper = njit(nogil=True, no_cfunc_wrapper=True, no_cpython_wrapper=True, error_model="numpy")
"""A part of kernels; Python never calls it, so it gets no wrapper and no file of its own."""


def kernel(function: Callable) -> Callable:
    """Compile a loop that is called from Python, and keep its machine code on disk.

    Numba keeps code while the file of the function is unchanged, and does not look at the helpers
    and constants that it takes from other files. The version in the name makes it look at all.
    """
    function.__qualname__ += f"_{_VERSION}"
    made = njit(cache=True, nogil=True, no_cfunc_wrapper=True, error_model="numpy")(function)
    _KERNELS.append(made)
    return made


def announce() -> None:
    """Say so in the log when the kernels have no machine code on disk yet."""
    if not any(Path(_KERNELS[0].stats.cache_path).glob(f"*{_VERSION}*.nbi")):
        log.info("compiling the vectorizer, once per installation: about 20 s")
