"""Simplify one arc by distance: keep the points that are too far from a straight line.

Two arcs with the same two ends enclose a region; such an arc keeps a point between its ends, and a
loop keeps one on either way around, so that no region vanishes.

Source: Douglas and Peucker, Algorithms for the reduction of the number of points required to
represent a digitized line, 1973. Departs: the distance is to the segment, not to its line; a
shortcut must be safe (`guards`) and lie on both sides of its border alike; a loop is split at two
points far from each other.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.guards import has_twin
from geoseg.vectorizer.shortcuts import farthest, is_near_and_clear, next_kept
from geoseg.vectorizer.trace import UNITS

LEAN = 0.3
"""Share of the tolerance that a line may lie to one side of its border on average.

It keeps the areas of parcels: against no limit, 20 % more points make the error a third."""
SLACK = 1.0
"""Pixels that a corner may be from the points that stand for it, and a little more."""


@helper
def _split_loop(points, n, keep, aspect):
    """Keep the point farthest from a loop's start, and one more on either way back."""
    best, far = -1, 0
    for k in range(n - 1):
        dx, dy = np.int64(points[k, 0] - points[0, 0]), np.int64(points[k, 1] - points[0, 1])
        if dx * dx + dy * dy > best:
            best, far = dx * dx + dy * dy, k
    keep[far] = True
    for start, stop in ((0, far), (far, n - 1)):
        where, away2 = farthest(points, start, stop, aspect)
        if away2 > 0:
            keep[where] = True


@helper
def _lean(line, start, stop):
    """Give the mean distance of an arc's part to the right of a shortcut, less that to the left."""
    area2 = np.int64(0)
    for k in range(start + 1, stop):
        ax, ay = line[k, 0] - line[start, 0], line[k, 1] - line[start, 1]
        bx, by = line[k + 1, 0] - line[start, 0], line[k + 1, 1] - line[start, 1]
        area2 += np.int64(ax) * by - np.int64(bx) * ay
    dx, dy = float(line[stop, 0] - line[start, 0]), float(line[stop, 1] - line[start, 1])
    return abs(area2) / 2 / math.sqrt(dx * dx + dy * dy)


@helper
def _is_safe(guard, chain, line, start, stop, n, tolerance, away2):
    """Tell whether the points between two others can go: the line is near, and safe."""
    if not is_near_and_clear(guard, line, start, stop, tolerance, away2):
        return False
    if away2 == 0 or start > 0 or stop < n - 1:
        return True
    aspect = guard.aspect
    near2 = (UNITS * (tolerance + SLACK)) ** 2 * max(aspect, 1 / aspect)
    return not has_twin(guard.corners, chain, near2, aspect)


@helper
def douglas_peucker(guard, chain, line, n, keep, stack, tolerance):
    """Mark the points of one arc that stay.

    Args:
        guard: all corners.
        chain: rows of the corner table that the arc runs through.
        line: (n, 2) int32, points of the arc.
        n: their number.
        keep: (n,) bool, written.
        stack: (n,) int32, room for places.
        tolerance: pixels of the mean size.
    """
    aspect = guard.aspect
    for k in range(n):
        keep[k] = k == 0 or k == n - 1
    if line[0, 0] == line[n - 1, 0] and line[0, 1] == line[n - 1, 1]:
        _split_loop(line, n, keep, aspect)
    stack[0] = n - 1
    height = 1
    start = np.int64(0)
    while height > 0:
        stop = next_kept(keep, start)
        if stop != stack[height - 1]:
            stack[height] = stop
            height += 1
        where, away2 = farthest(line, start, stop, aspect)
        if where == start or (
            away2 <= (UNITS * tolerance) ** 2
            and _lean(line, start, stop) <= LEAN * UNITS * tolerance
            and _is_safe(guard, chain, line, start, stop, n, tolerance, away2)
        ):
            start = stop
            height -= 1
        else:
            keep[where] = True
