"""Simplify one arc by area: leave out the points that span the smallest triangles.

An arc keeps one point between its ends, if it is not straight, and a loop two, so that no region
vanishes.

Source: Visvalingam and Whyatt, Line generalisation by repeated elimination of points, 1993.
Departs: a triangle must hold no other point (`guards`); of equal triangles, the first one goes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.vectorizer.compiled import helper
from geoseg.vectorizer.guards import is_clear
from geoseg.vectorizer.heap import LOW_HALF, pop, push
from geoseg.vectorizer.trace import UNITS

LARGEST = 2.0**31 - 1
"""Twice the area, in square units, of the largest triangle that goes: 4,000 pixels are its side."""


class Room(NamedTuple):
    """Arrays for the work on one arc of at most n points."""

    before: np.ndarray
    """(n,) int32, the point before that is still there; `after` alike."""
    after: np.ndarray
    current: np.ndarray
    """(n,) int64, area of the triangle at each point; -1 where it must stay."""
    heap: np.ndarray
    """(3 n,) int64, heap of triangles by area and point."""
    triangle: np.ndarray
    """(3, 2) int32."""


def room(n: int) -> Room:
    """Make room for arcs of up to n points."""
    return Room(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64),
        np.empty(3 * n, np.int64), np.empty((3, 2), np.int32),
    )


@helper
def _area2(line, one, two, three):
    """Give twice the area of a triangle, in square units."""
    ax, ay = np.int64(line[two, 0] - line[one, 0]), np.int64(line[two, 1] - line[one, 1])
    bx, by = np.int64(line[three, 0] - line[one, 0]), np.int64(line[three, 1] - line[one, 1])
    return abs(ax * by - bx * ay)


@helper
def _start(line, n, keep, room, limit):
    """Link the points, and put all small triangles on the heap; give its size."""
    size = np.int64(0)
    for k in range(n):
        keep[k] = True
        room.before[k], room.after[k] = k - 1, k + 1
        room.current[k] = -1
        if 0 < k < n - 1:
            room.current[k] = _area2(line, k - 1, k, k + 1)
            if room.current[k] <= limit:
                size = push(room.heap, size, (room.current[k] << 32) | k)
    return size


@helper
def visvalingam(guard, line, n, keep, room, tolerance):
    """Mark the points of one arc that stay.

    Args:
        guard: all corners.
        line: (n, 2) int32, points of the arc.
        n: their number.
        keep: (n,) bool, written.
        room: for the work.
        tolerance: pixels of the mean size: the side of a square as large as a triangle may be.
    """
    is_loop = line[0, 0] == line[n - 1, 0] and line[0, 1] == line[n - 1, 1]
    least, left = 2 if is_loop else 1, n - 2
    limit = np.int64(min(2 * (UNITS * tolerance) ** 2, LARGEST))
    # Pick's theorem: half a pixel between corners of pixels has no fourth corner in it.
    bare = 0 if guard.cut else UNITS * UNITS
    triangle = room.triangle
    size = _start(line, n, keep, room, limit)
    while size > 0:
        item, size = pop(room.heap, size)
        area, k = item >> 32, item & LOW_HALF
        if not keep[k] or room.current[k] != area or (area > 0 and left <= least):
            continue
        p, q = room.before[k], room.after[k]
        for axis in range(2):
            triangle[0, axis] = line[p, axis]
            triangle[1, axis] = line[k, axis]
            triangle[2, axis] = line[q, axis]
        reach = abs(triangle[0, 0] - triangle[1, 0]) + abs(triangle[0, 1] - triangle[1, 1])
        if area > bare and not is_clear(guard, line, p, q, triangle, 0, 3, 1.0 * reach):
            room.current[k] = -1
            continue
        keep[k] = False
        left -= 1
        room.after[p], room.before[q] = q, p
        for other in (p, q):
            if 0 < other < n - 1:
                here = _area2(line, room.before[other], other, room.after[other])
                grown = max(here, area)
                if grown != room.current[other]:
                    room.current[other] = grown
                    if grown <= limit:
                        size = push(room.heap, size, (grown << 32) | other)
