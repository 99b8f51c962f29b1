"""Simplify one arc by area: leave out the points that span the smallest triangles.

An arc keeps one point between its ends, if it is not straight, and a loop two, so that no region
vanishes.

Source: Visvalingam and Whyatt, Line generalisation by repeated elimination of points, 1993.
Departs: a triangle must hold no other point (`guards`); of equal triangles, the first one goes.
"""

from __future__ import annotations

import numpy as np

from geoseg.vectorizer.compiled import helper
from geoseg.vectorizer.guards import is_clear
from geoseg.vectorizer.trace import UNITS


@helper
def _area2(line, one, two, three):
    """Give twice the area of a triangle, in square units."""
    ax, ay = np.int64(line[two, 0] - line[one, 0]), np.int64(line[two, 1] - line[one, 1])
    bx, by = np.int64(line[three, 0] - line[one, 0]), np.int64(line[three, 1] - line[one, 1])
    return abs(ax * by - bx * ay)


@helper
def _is_less(areas, places, one, two):
    return areas[one] < areas[two] or (areas[one] == areas[two] and places[one] < places[two])


@helper
def _swap(areas, places, one, two):
    areas[one], areas[two] = areas[two], areas[one]
    places[one], places[two] = places[two], places[one]


@helper
def _push(areas, places, n, area, place):
    """Put a triangle on the heap; give its size."""
    areas[n], places[n] = area, place
    while n > 0 and _is_less(areas, places, n, (n - 1) // 2):
        _swap(areas, places, n, (n - 1) // 2)
        n = (n - 1) // 2


@helper
def _pop(areas, places, n):
    """Move the smallest triangle of a heap of n behind its end."""
    _swap(areas, places, 0, n - 1)
    here = 0
    while 2 * here + 1 < n - 1:
        child = 2 * here + 1
        if child + 1 < n - 1 and _is_less(areas, places, child + 1, child):
            child += 1
        if not _is_less(areas, places, child, here):
            return
        _swap(areas, places, here, child)
        here = child


@helper
def visvalingam(corners, rows, cut, own, line, n, shift, keep, tolerance, aspect):
    """Mark the points of one arc that stay.

    Args:
        corners, rows, cut, own, line, n, shift, aspect: see `is_clear`.
        keep: (n,) bool, written.
        tolerance: pixels of the mean size: the side of a square as large as a triangle may be.
    """
    is_loop = line[0, 0] == line[n - 1, 0] and line[0, 1] == line[n - 1, 1]
    least, left = 2 if is_loop else 1, n - 2
    limit = np.int64(2 * (UNITS * tolerance) ** 2)
    before, after = np.arange(-1, n - 1), np.arange(1, n + 1)
    current = np.full(n, -1, np.int64)
    areas, places = np.empty(3 * n, np.int64), np.empty(3 * n, np.int64)
    triangle = np.empty((3, 2), np.int32)
    size = 0
    for k in range(n):
        keep[k] = True
        if 0 < k < n - 1:
            current[k] = _area2(line, k - 1, k, k + 1)
            _push(areas, places, size, current[k], k)
            size += 1
    while size > 0 and areas[0] <= limit:
        area, k = areas[0], places[0]
        _pop(areas, places, size)
        size -= 1
        if not keep[k] or current[k] != area or (area > 0 and left <= least):
            continue
        p, q = before[k], after[k]
        for axis in range(2):
            triangle[0, axis] = line[p, axis]
            triangle[1, axis] = line[k, axis]
            triangle[2, axis] = line[q, axis]
        reach = abs(triangle[0, 0] - triangle[1, 0]) + abs(triangle[0, 1] - triangle[1, 1])
        if area > 0 and not is_clear(
            corners, rows, cut, own, line, p, q, n, shift, triangle[0:3], 1.0 * reach, 1.0
        ):
            current[k] = -1
            continue
        keep[k] = False
        left -= 1
        after[p], before[q] = q, p
        for other in (p, q):
            if 0 < other < n - 1:
                grown = max(_area2(line, before[other], other, after[other]), area)
                if grown != current[other]:
                    current[other] = grown
                    _push(areas, places, size, grown, other)
                    size += 1
