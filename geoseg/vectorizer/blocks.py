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
def bisect(links, column, low, high, least):
    """Give the first of some corners in order whose column or row is at least that."""
    while low < high:
        middle = (low + high) >> 1
        if load(links, 5 * middle + column) < least:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def find_rows(corners, first, last, width, rows):
    """Write where each row of the corners [first, last) starts and stops; give how many are."""
    links, count = corners.links, 0
    while first < last:
        rows[count, 0] = first
        most = min(last, first + width + 1)
        first = bisect(links, Y, first, most, np.int64(load(links, 5 * first + Y)) + 1)
        rows[count, 1] = first
        count += 1
    return count


@helper
def list_block(corners, rows, count, stop, kinds, found, n):
    """Write the corners of some kinds in the next block; give where they stop.

    Args:
        corners: all of them.
        rows: see `find_rows`; where each starts is moved behind the block.
        count: how many rows.
        stop: first column behind the block.
        kinds: see `in_blocks`.
        found: written from n on.
        n: see there.
    """
    links = corners.links
    for row in range(count):
        end = bisect(links, X, rows[row, 0], rows[row, 1], stop)
        for corner in range(rows[row, 0], end):
            store(found, n, corner)
            n += kinds >> np.int64(load(links, 5 * corner + FLAGS)) & 1
        rows[row, 0] = end
    return n


@kernel
def _list(corners, first, last, kinds, width, rows, found):
    """Write the corners; give how many."""
    count, n = find_rows(corners, first, last, width, rows), 0
    for stop in range(COLUMNS, width + COLUMNS + 1, COLUMNS):
        n = list_block(corners, rows, count, stop, kinds, found, n)
    return n


def room(corners: Corners, first: int, last: int, scratch: Scratch) -> tuple:
    """Make room for the rows of the corners [first, last), and for a list of them."""
    count = int(corners.links[last - 1, Y] - corners.links[first, Y] + 1) if last > first else 0
    rows = scratch.array("rows", (count, 2), np.int64)
    return rows, scratch.array("listed", last - first + 1, np.int32)


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
    rows, found = room(corners, first, last, scratch)
    return found[: _list(corners, first, last, kinds, width, rows, found)]
