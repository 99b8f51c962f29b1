"""List corners block by block of columns: what walks from them touch then stays in the cache.

A walk jumps from row to row. The rows that an arc reaches into hold more corners than a processor's
second cache does, over the whole width of a raster; over some columns they do not.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.bits import load, store
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.trace import FLAGS, X, Y, Corners

COLUMNS = 1024
"""Of a block."""


@helper
def _bisect(links, column, low, high, least):
    """Give the first of some corners in order whose column or row is at least that."""
    while low < high:
        middle = (low + high) >> 1
        if load(links, 5 * middle + column) < least:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _list(corners, first, last, kinds, width, rows, found):
    """Write the corners; give how many. rows is room for the start and end of each row."""
    links, count, n = corners.links, 0, 0
    while first < last:
        rows[count, 0] = first
        most = min(last, first + width + 1)
        first = _bisect(links, Y, first, most, np.int64(load(links, 5 * first + Y)) + 1)
        rows[count, 1] = first
        count += 1
    for stop in range(COLUMNS, width + COLUMNS + 1, COLUMNS):
        for row in range(count):
            end = _bisect(links, X, rows[row, 0], rows[row, 1], stop)
            for corner in range(rows[row, 0], end):
                store(found, n, corner)
                n += kinds >> np.int64(load(links, 5 * corner + FLAGS)) & 1
            rows[row, 0] = end
    return n


def in_blocks(
    corners: Corners, first: int, last: int, kinds: int, width: int, scratch: Scratch
) -> np.ndarray:
    """List the corners [first, last) of some kinds.

    Args:
        corners: all of them.
        first, last: rows of it.
        kinds: bit n is set where corners with FLAGS n are listed.
        width: columns of the raster.
        scratch: room for the list.

    Returns:
        (n,) int32, rows of the corners, block after block and in order within each.
    """
    count = int(corners.links[last - 1, Y] - corners.links[first, Y] + 1) if last > first else 0
    rows = scratch.array("rows", (count, 2), np.int64)
    found = scratch.array("listed", last - first + 1, np.int32)
    return found[: _list(corners, first, last, kinds, width, rows, found)]
