"""Walk along borders, from corner to corner.

Directions are 0 east, 1 south, 2 west, 3 north; a corner is its row in the table of `Corners`.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.bits import load, store
from geoseg.vectorizer.trace import DOWN, EAST, FLAGS, NODE, SOUTH, UP, X, Y


@helper
def step(corners, corner, direction):
    """Go along an edge to the next corner; -1 where it is not read yet, or no longer kept."""
    if direction & 1:
        return np.int64(load(corners.links, 5 * corner + (DOWN if direction == 1 else UP)))
    return corner + 1 - direction


@helper
def onward(flags, direction):
    """Choose the edge that keeps the region on the right hand: right, else on, else left."""
    for turn in (1, 0, 3):
        if flags >> ((direction + turn) & 3) & 1:
            return (direction + turn) & 3
    return -1


@helper
def bend(flags, direction):
    """Go on at a corner that is no junction: always from a row into a column, or back."""
    if direction & 1:
        return 0 if flags & EAST else 2
    return 1 if flags & SOUTH else 3


@helper
def walk(corners, first, direction, path, n):
    """Write the corners from `first` to a junction, or back to `first`.

    Args:
        corners: all of them.
        first: corner to start from.
        direction: that it is left by.
        path: (corners + n + 1, 3) int32, corner, column and row, written from n on.
        n: see there.

    Returns:
        Where the path stops, or n where a corner after `first` is on the way; and the direction
        of the last edge.
    """
    links = corners.links
    here, stop, flags = first, n, 0
    while True:
        store(path, 3 * stop, here)
        store(path, 3 * stop + 1, load(links, 5 * here + X))
        store(path, 3 * stop + 2, load(links, 5 * here + Y))
        stop += 1
        if stop > n + 1:
            flags = load(links, 5 * here + FLAGS)
            if here == first or flags & NODE:
                return stop, direction
            direction = bend(flags, direction)
        here = step(corners, here, direction)
        if here < 0 or here > first:
            return n, direction
