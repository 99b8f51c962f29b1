"""Simplify each arc once, between its ends, so that no arc crosses itself or another.

Each arc is drawn (`smooth`), then simplified by distance or by area; every shortcut keeps the arc
on its side of all points of all arcs (`guards`), so the result does not depend on any order.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.vectorize.compiled import helper, kernel
from geoseg.vectorize.douglas_peucker import SLACK, douglas_peucker, refine
from geoseg.vectorize.smooth import draw
from geoseg.vectorize.stitch import reverse
from geoseg.vectorize.trace import FLAGS, NODE
from geoseg.vectorize.visvalingam import visvalingam

NONE, BY_DISTANCE, BY_AREA = range(3)
"""Methods."""


def margin(tolerance: float, aspect: float) -> int:
    """Give the rows beyond an arc that must be known before it can be simplified.

    Args:
        tolerance: pixels (of the mean size).
        aspect: height of a pixel divided by its width.
    """
    near = (tolerance + SLACK) * math.sqrt(max(aspect, 1 / aspect))
    return math.ceil(near / math.sqrt(aspect)) + 5


@helper
def _turn_loop(points, n):
    """Start a loop at a point that is far from the others; give by how many points it turned."""
    best, where = -1, 0
    for k in range(n - 1):
        dx, dy = np.int64(points[k, 0] - points[0, 0]), np.int64(points[k, 1] - points[0, 1])
        if dx * dx + dy * dy > best:
            best, where = dx * dx + dy * dy, k
    for axis in range(2):
        reverse(points[:, axis], 0, where)
        reverse(points[:, axis], where, n - 1)
        reverse(points[:, axis], 0, n - 1)
        points[n - 1, axis] = points[0, axis]
    return where


@helper
def _mark(own, chain, firsts, is_own):
    """Write where the points of each corner of an arc are; or forget it."""
    for k in range(len(chain)):
        own[chain[k]] = firsts[k] if is_own else -1


@kernel
def simplify(
    corners, rows, offsets, chain, cut, method, tolerance, aspect, points, point_offsets
):
    """Draw the arcs and leave out the points that they can do without.

    Args:
        corners: corner table.
        rows: (rows + 1,) int64, start of each row of corners in it, from that of its first.
        offsets, chain: arcs.
        cut: True to cut the stairs first.
        method: NONE, BY_DISTANCE or BY_AREA.
        tolerance: pixels of the mean size.
        aspect: height of a pixel divided by its width.
        points: (2 * len(chain), 2) int32, eighths of a pixel (UNITS), written.
        point_offsets: (arcs + 1,) int64, written.
    """
    own = np.full(len(corners), -1, np.int64)
    longest = np.int64(0)
    for arc in range(len(offsets) - 1):
        longest = max(longest, offsets[arc + 1] - offsets[arc])
    line = np.empty((2 * longest + 2, 2), np.int32)
    firsts = np.empty(longest, np.int64)
    keep = np.empty(2 * longest + 2, np.bool_)
    total = 0
    for arc in range(len(offsets) - 1):
        links = chain[offsets[arc] : offsets[arc + 1]]
        n = draw(corners, links, cut, line, firsts)
        for k in range(n):
            keep[k] = True
        if n > 2 and method != NONE:
            is_free = links[0] == links[-1] and not corners[links[0], FLAGS] & NODE
            shift = _turn_loop(line, n) if is_free else -1
            _mark(own, links, firsts, True)
            if method == BY_DISTANCE:
                douglas_peucker(
                    corners, rows, links, cut, own, line, n, shift, keep, tolerance, aspect
                )
                refine(corners, rows, links, cut, own, line, n, shift, keep, tolerance, aspect)
            else:
                visvalingam(corners, rows, cut, own, line, n, shift, keep, tolerance, aspect)
            _mark(own, links, firsts, False)
        for k in range(n):
            if keep[k]:
                points[total, 0], points[total, 1] = line[k, 0], line[k, 1]
                total += 1
        point_offsets[arc + 1] = total
