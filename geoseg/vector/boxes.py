"""Boxes of geometries, read from their WKB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoseg.kernels.compiled import helper, instruction, kernel

LINE, POLYGON, MULTILINE, MULTIPOLYGON = 2, 3, 5, 6
"""Types of geometries in WKB."""
KNOWN = -1
"""Answer of `find_boxes` where all is as it should be."""
INFINITE = np.inf


@instruction
def double_at(context, array, at):
    """Give the double in a contiguous array of bytes; places are never checked."""
    from llvmlite import ir
    from numba.core import types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.gep(data, [arguments[1]])
        return builder.load(builder.bitcast(place, ir.DoubleType().as_pointer()), align=1)

    return types.float64(array, types.int64), code


@helper
def count_at(wkb, at, stop):
    """Give the unsigned integer at a place, or more than there can be where the bytes end."""
    if at + 4 > stop:
        return stop
    value = 0
    for i in range(4):
        value |= np.int64(wkb[at + i]) << (8 * i)
    return value


@helper
def pass_line(wkb, at, stop, boxes, row):
    """Widen a box by a line of points; give where it ends, or -1."""
    n = count_at(wkb, at, stop)
    at += 4
    if at + 16 * n > stop:
        return -1
    left, right, bottom, top = boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3]
    for i in range(n):
        x, y = double_at(wkb, at + 16 * i), double_at(wkb, at + 16 * i + 8)
        left, right = min(left, x), max(right, x)
        bottom, top = min(bottom, y), max(top, y)
    boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3] = left, right, bottom, top
    return at + 16 * n


@helper
def pass_part(wkb, at, stop, kind, boxes, row):
    """Widen a box by a line or a polygon; give where it ends, or -1."""
    if at + 9 > stop or wkb[at] != 1 or count_at(wkb, at + 1, stop) != kind:
        return -1
    at += 5
    n = 1
    if kind == POLYGON:
        n = count_at(wkb, at, stop)
        at += 4
    for _ in range(n):
        at = pass_line(wkb, at, stop, boxes, row)
        if at < 0:
            return -1
    return at


@helper
def pass_all(wkb, at, stop, boxes, row):
    """Widen a box by a geometry; give where it ends, or -1."""
    kind = count_at(wkb, at + 1, stop)
    if kind == LINE or kind == POLYGON:
        return pass_part(wkb, at, stop, kind, boxes, row)
    if at + 9 > stop or wkb[at] != 1 or not (kind == MULTILINE or kind == MULTIPOLYGON):
        return -1
    n = count_at(wkb, at + 5, stop)
    at += 9
    for _ in range(n):
        at = pass_part(wkb, at, stop, kind - 3, boxes, row)
        if at < 0:
            return -1
    return at


@kernel
def find_boxes(wkb, starts, sizes, boxes):
    """Find the boxes of geometries; give KNOWN, or the first row that is none of these.

    Args:
        wkb: bytes of two-dimensional lines and polygons and collections of either, the lowest byte
            of a number first.
        starts: (n,) int64, where each begins.
        sizes: (n,) int64, bytes of each; negative where there is none.
        boxes: (n, 4) float64, left, right, bottom, top; left > right where there are no points.
    """
    for row in range(len(starts)):
        boxes[row, 0], boxes[row, 1] = INFINITE, -INFINITE
        boxes[row, 2], boxes[row, 3] = INFINITE, -INFINITE
        if sizes[row] >= 0:
            stop = starts[row] + sizes[row]
            if pass_all(wkb, starts[row], stop, boxes, row) != stop:
                return row
    return KNOWN


def outward(boxes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round boxes to float32 so that they still hold what they held."""
    small = boxes.astype(np.float32)
    for side, away, is_inside in ((0, -np.inf, np.greater), (1, np.inf, np.less)):
        part = small[:, side::2]
        moved = np.nextafter(part, np.float32(away))
        np.copyto(part, moved, where=is_inside(part, boxes[:, side::2]))
    return small
