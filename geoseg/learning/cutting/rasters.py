"""Arrays as kernels read them where they lie: windows of scenes, of several kinds of numbers.

To a kernel an array of another kind, or with gaps between its rows, is another one to be compiled
for. Here its kind is a number, and it is read by its address.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, instruction

KINDS = tuple(map(np.dtype, (np.uint8, np.uint16, np.int16, np.float32, np.int32, np.bool_)))
"""Kinds of numbers; others become float32 first."""
UINT8, UINT16, INT16, FLOAT32, INT32, BOOL = range(6)


class Raster(NamedTuple):
    """Where an array lies, which must be kept."""

    address: int
    """Of the first number."""
    band: int
    """Bytes from a band to the next."""
    row: int
    """Bytes from a row to the next; those of a row have no gaps."""
    kind: int
    """As counted in KINDS."""


def readable(array: np.ndarray) -> np.ndarray:
    """Give an array that has a `Raster`: itself, where it can be."""
    kind = array.dtype if array.dtype in KINDS else np.float32
    if array.strides[-1] == array.itemsize:
        return array.astype(kind, copy=False)
    return np.ascontiguousarray(array, kind)


def raster_of(array: np.ndarray) -> Raster:
    """Tell where an array (..., rows, cols) lies that is readable."""
    band = array.strides[0] if array.ndim > 2 else 0
    return Raster(array.ctypes.data, band, array.strides[-2], KINDS.index(array.dtype))


@helper
def row_of(raster, band, row):
    """Give the address of a row."""
    return raster.address + band * raster.band + row * raster.row


@instruction
def item(context, address, place, like):
    """Read a number of the kind of `like` from memory; its place is never checked."""
    from numba.core import types

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_data_type(like).as_pointer()
        first = builder.inttoptr(arguments[0], kind)
        return builder.load(builder.gep(first, [arguments[1]]), align=1)

    return like(types.int64, types.int64, like), code
