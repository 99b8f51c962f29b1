"""Move the bends of a simplified arc to those of its points from which the lines fit best.

Douglas-Peucker keeps the points that stick out farthest, so its lines lie on one side of the
stairs. Here each bend tries the points near it on the arc, and takes the one with the least squared
distance between the arc and the two lines, integrated along the arc. Bends stay points of the arc,
and lines stay safe (`guards`) and within the tolerance, so all that holds of the arc still holds.
"""

from __future__ import annotations

import math

from geoseg.kernels.compiled import helper

REACH = 5
"""Points of the arc that a bend may move at once."""
CLOSE = 2.5
"""Pixels along the arc below which two bends are tried as one."""
SWEEPS = 2
"""Times that all bends are tried."""


@helper
def moments(line, n, aspect, sums):
    """Sum up length, first and second moments along an arc, from its start to each point.

    They are written to sums, (n, 6) float64: length, x, y, xx, xy, yy, in units of the width, y
    made square.
    """
    for column in range(6):
        sums[0, column] = 0.0
    for k in range(1, n):
        ax, ay = float(line[k - 1, 0] - line[0, 0]), (line[k - 1, 1] - line[0, 1]) * aspect
        bx, by = float(line[k, 0] - line[0, 0]), (line[k, 1] - line[0, 1]) * aspect
        length = math.sqrt((bx - ax) ** 2 + (by - ay) ** 2)
        sums[k, 0] = sums[k - 1, 0] + length
        sums[k, 1] = sums[k - 1, 1] + length * (ax + bx) / 2
        sums[k, 2] = sums[k - 1, 2] + length * (ay + by) / 2
        sums[k, 3] = sums[k - 1, 3] + length * (ax * ax + ax * bx + bx * bx) / 3
        sums[k, 4] = sums[k - 1, 4] + length * (2 * ax * ay + ax * by + bx * ay + 2 * bx * by) / 6
        sums[k, 5] = sums[k - 1, 5] + length * (ay * ay + ay * by + by * by) / 3


@helper
def misfit(line, sums, start, stop, aspect):
    """Integrate the squared distance of an arc's part to the line through its ends."""
    ax, ay = float(line[start, 0] - line[0, 0]), (line[start, 1] - line[0, 1]) * aspect
    dx = float(line[stop, 0] - line[start, 0])
    dy = (line[stop, 1] - line[start, 1]) * aspect
    length = sums[stop, 0] - sums[start, 0]
    x, y = sums[stop, 1] - sums[start, 1], sums[stop, 2] - sums[start, 2]
    xx = sums[stop, 3] - sums[start, 3] - 2 * ax * x + ax * ax * length
    yy = sums[stop, 5] - sums[start, 5] - 2 * ay * y + ay * ay * length
    xy = sums[stop, 4] - sums[start, 4] - ax * y - ay * x + ax * ay * length
    return (dy * dy * xx - 2 * dx * dy * xy + dx * dx * yy) / (dx * dx + dy * dy)


@helper
def best_bend(line, sums, before, here, after, low, high, aspect):
    """Find the point from low to high, between two bends, from which the lines fit best."""
    best = misfit(line, sums, before, here, aspect) + misfit(line, sums, here, after, aspect)
    best *= 1 - 1e-9
    where = here
    for k in range(max(before + 1, low), min(after - 1, high) + 1):
        error = misfit(line, sums, before, k, aspect) + misfit(line, sums, k, after, aspect)
        if error < best:
            best, where = error, k
    return where
