"""How the vectorizer's loops are compiled: once per installation, and as little as possible."""

from __future__ import annotations

from numba import njit

kernel = njit(cache=True, nogil=True, no_cfunc_wrapper=True)
"""A loop that is called from Python; its machine code is kept on disk."""
helper = njit(nogil=True, no_cfunc_wrapper=True, no_cpython_wrapper=True)
"""A part of kernels; Python never calls it, so it gets no wrapper and no file of its own."""
