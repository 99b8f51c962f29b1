"""Simplify one arc by area: leave out the points that span the smallest triangles.

An arc keeps one point between its ends, if it is not straight, and a loop two, so that no region
vanishes.

Source: Visvalingam and Whyatt, Line generalisation by repeated elimination of points, 1993.
Departs: a triangle must hold no other point (`guards`); of equal triangles, the first one goes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.guards import is_clear
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
    triangle: np.ndarray
    """(3, 2) int32."""


def room(n: int) -> Room:
    """Make room for arcs of up to n points."""
    return Room(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64),
        np.empty((3, 2), np.int32),
    )


@helper
def _area2(line, one, two, three):
    """Give twice the area of a triangle, in square units."""
    ax, ay = np.int64(line[two, 0] - line[one, 0]), np.int64(line[two, 1] - line[one, 1])
    bx, by = np.int64(line[three, 0] - line[one, 0]), np.int64(line[three, 1] - line[one, 1])
    return abs(ax * by - bx * ay)


@helper
def _start(line, n, keep, room):
    """Link the points and measure their triangles; give the smallest area."""
    smallest = np.int64(LARGEST)
    for k in range(n):
        keep[k] = True
        room.before[k], room.after[k] = k - 1, k + 1
        room.current[k] = -1
    for k in range(1, n - 1):
        room.current[k] = _area2(line, k - 1, k, k + 1)
        smallest = min(smallest, room.current[k])
    return smallest


@helper
def _may_go(guard, line, room, k, bare):
    """Tell whether the triangle of a point is free of others."""
    if room.current[k] <= bare:
        return True
    p, q = room.before[k], room.after[k]
    triangle = room.triangle
    for axis in range(2):
        triangle[0, axis] = line[p, axis]
        triangle[1, axis] = line[k, axis]
        triangle[2, axis] = line[q, axis]
    reach = abs(triangle[0, 0] - triangle[1, 0]) + abs(triangle[0, 1] - triangle[1, 1])
    return is_clear(guard, line, p, q, triangle, 0, 3, 1.0 * reach)


@helper
def _leave_out(line, n, keep, room, k):
    """Take a point off the line; the triangles beside it count as no smaller than its own."""
    p, q = room.before[k], room.after[k]
    keep[k] = False
    room.after[p], room.before[q] = q, p
    if p > 0:
        room.current[p] = max(_area2(line, room.before[p], p, q), room.current[k])
    if q < n - 1:
        room.current[q] = max(_area2(line, p, q, room.after[q]), room.current[k])


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

    Areas are whole numbers, and many are equal: the line is passed once for each area that there
    is, which needs no heap.
    """
    is_loop = line[0, 0] == line[n - 1, 0] and line[0, 1] == line[n - 1, 1]
    least, left = 2 if is_loop else 1, n - 2
    limit = np.int64(min(2 * (UNITS * tolerance) ** 2, LARGEST))
    # Pick's theorem: half a pixel between corners of pixels has no fourth corner in it.
    bare = 0 if guard.cut else UNITS * UNITS
    level = _start(line, n, keep, room)
    while level <= limit and (level == 0 or left > least):
        larger = limit + 1
        k = np.int64(room.after[0])
        while k < n - 1:
            area, following = room.current[k], np.int64(room.after[k])
            if area > level:
                larger = min(larger, area)
            elif area == level and (level == 0 or left > least):
                if _may_go(guard, line, room, k, bare):
                    _leave_out(line, n, keep, room, k)
                    left -= 1
                    p = np.int64(room.before[k])
                    if room.current[p] == level:
                        following = p
                    elif room.current[p] > level:
                        larger = min(larger, room.current[p])
                else:
                    room.current[k] = -1
            k = following
        level = larger
