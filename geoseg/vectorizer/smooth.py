"""Cut the stairs: an arc runs through the middles of the pixel edges, not around their corners.

Each corner gives way to the points half a pixel before and behind it, so a digital straight line
becomes a chain that stays within half a pixel of the true one, on both of its sides. Junctions
stay, and so does a corner between two long edges, which no straight line has on the pixel grid: it
is the corner of a field.

Source: Chaikin, An algorithm for high-speed curve generation, 1974. Departs: one step, and the cut
is half a pixel whatever the length of the edge, so arcs meet at junctions only.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.trace import DOWN, DX, DY, EAST, FLAGS, NODE, SOUTH, UNITS, UP, X, Y

HALF = UNITS // 2
"""Half a pixel."""
LONG = 3
"""Pixels: a corner between two edges at least this long is kept."""


@helper
def _vertical(corners, corner):
    """Give the signed length of a corner's vertical edge; an edge out of sight is long."""
    down = corners.links[corner, FLAGS] & SOUTH
    other = np.int64(corners.links[corner, DOWN] if down else corners.links[corner, UP])
    if other < 0:
        return LONG if down else -LONG
    return corners.links[other, Y] - corners.links[corner, Y]


@helper
def points_of(corners, corner, cut, points, n):
    """Write the points that stand for a corner, the one on its horizontal edge first.

    Args:
        corners: all of them.
        corner: row of it.
        cut: False leaves the corner where it is.
        points: (n + 2, 2) int32, eighths of a pixel (UNITS), written from n on.
        n: points there are already.

    Returns:
        The number of points: n + 1, or n + 2 where the corner is cut.
    """
    flags = corners.links[corner, FLAGS]
    x = UNITS * corners.links[corner, X] + corners.shift[corner, DX]
    y = UNITS * corners.links[corner, Y] + corners.shift[corner, DY]
    points[n, 0], points[n, 1] = x, y
    if flags & NODE or not cut:
        return n + 1
    other = corner + 1 if flags & EAST else corner - 1
    across = corners.links[other, X] - corners.links[corner, X]
    down = _vertical(corners, corner)
    if abs(across) >= LONG and abs(down) >= LONG:
        return n + 1
    points[n, 0] = x + (HALF if across > 0 else -HALF)
    points[n + 1, 0], points[n + 1, 1] = x, y + (HALF if down > 0 else -HALF)
    return n + 2


@helper
def draw(corners, chain, cut, points, firsts):
    """Write the points of one arc; a loop ends with its first point.

    Args:
        corners: all of them.
        chain: (m,) rows of it, from junction to junction.
        cut: see `points_of`.
        points: (2 m, 2) int32, written.
        firsts: (m,) int64, written: the first point of each corner.

    Returns:
        The number of points.
    """
    if not cut:
        for k in range(len(chain)):
            points_of(corners, chain[k], False, points, k)
            firsts[k] = k
        return len(chain)
    is_loop = chain[0] == chain[-1] and not corners.links[chain[0], FLAGS] & NODE
    n = 0
    for k in range(len(chain) - is_loop):
        before = chain[k - 1] if k > 0 else chain[len(chain) - 2]
        stop = points_of(corners, chain[k], cut, points, n)
        if stop == n + 2 and corners.links[before, Y] != corners.links[chain[k], Y]:
            for axis in range(2):
                points[n, axis], points[n + 1, axis] = points[n + 1, axis], points[n, axis]
        if n > 0 and points[n, 0] == points[n - 1, 0] and points[n, 1] == points[n - 1, 1]:
            points[n, 0], points[n, 1] = points[n + 1, 0], points[n + 1, 1]
            firsts[k] = n - 1
            n = stop - 1
        else:
            firsts[k] = n
            n = stop
    if is_loop:
        if points[n - 1, 0] == points[0, 0] and points[n - 1, 1] == points[0, 1]:
            n -= 1
        points[n, 0], points[n, 1] = points[0, 0], points[0, 1]
        firsts[len(chain) - 1] = 0
        n += 1
    return n
