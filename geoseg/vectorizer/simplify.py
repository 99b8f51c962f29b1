"""Simplify each arc once, between its ends, so that no arc crosses itself or another.

Each arc is drawn (`smooth`), then simplified by distance or by area; every shortcut keeps the arc
on its side of all points of all arcs (`guards`), so the result does not depend on any order.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.vectorizer.compiled import helper, kernel
from geoseg.vectorizer.douglas_peucker import SLACK, douglas_peucker, refine
from geoseg.vectorizer.smooth import draw
from geoseg.vectorizer.stitch import Arcs, reverse
from geoseg.vectorizer.trace import FLAGS, NODE, Y
from geoseg.vectorizer.visvalingam import visvalingam


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


@helper
def _begin(corners, chain, cut, line, firsts, own):
    """Draw one arc; give the number of its points, and by how many a loop was turned, else -1."""
    n = draw(corners, chain, cut, line, firsts)
    shift = np.int64(-1)
    if chain[0] == chain[-1] and not corners[chain[0], FLAGS] & NODE:
        shift = np.int64(_turn_loop(line, n))
    _mark(own, chain, firsts, True)
    return n, shift


@helper
def _write(line, n, keep, points, total):
    """Write the points that stay; give the number of points so far."""
    for k in range(n):
        if keep[k]:
            points[total, 0], points[total, 1] = line[k, 0], line[k, 1]
            total += 1
    return total


@kernel
def draw_all(corners, offsets, chain, cut, points, point_offsets):
    """Draw the arcs; same arguments as `by_distance`."""
    firsts = np.empty(len(chain), np.int64)
    for arc in range(len(offsets) - 1):
        total = point_offsets[arc]
        n = draw(corners, chain[offsets[arc] : offsets[arc + 1]], cut, points[total:], firsts)
        point_offsets[arc + 1] = total + n


@kernel
def by_distance(
    corners, rows, offsets, chain, cut, tolerance, aspect, longest, points, point_offsets
):
    """Draw the arcs and leave out the points that lie near a straight line.

    Args:
        corners: corner table.
        rows: (rows + 1,) int64, start of each row of corners in it, from that of its first.
        offsets, chain: arcs.
        cut: True to cut the stairs first.
        tolerance: pixels of the mean size.
        aspect: height of a pixel divided by its width.
        longest: corners of the longest arc.
        points: (2 * len(chain), 2) int32, eighths of a pixel (UNITS), written.
        point_offsets: (arcs + 1,) int64, written.
    """
    own = np.full(len(corners), -1, np.int64)
    line, keep = np.empty((2 * longest + 2, 2), np.int32), np.empty(2 * longest + 2, np.bool_)
    firsts = np.empty(longest, np.int64)
    for arc in range(len(offsets) - 1):
        links = chain[offsets[arc] : offsets[arc + 1]]
        n, shift = _begin(corners, links, cut, line, firsts, own)
        douglas_peucker(corners, rows, links, cut, own, line, n, shift, keep, tolerance, aspect)
        refine(corners, rows, links, cut, own, line, n, shift, keep, tolerance, aspect)
        _mark(own, links, firsts, False)
        point_offsets[arc + 1] = _write(line, n, keep, points, point_offsets[arc])


@kernel
def by_area(
    corners, rows, offsets, chain, cut, tolerance, aspect, longest, points, point_offsets
):
    """Draw the arcs and leave out the points of small triangles; same arguments."""
    own = np.full(len(corners), -1, np.int64)
    line, keep = np.empty((2 * longest + 2, 2), np.int32), np.empty(2 * longest + 2, np.bool_)
    firsts = np.empty(longest, np.int64)
    for arc in range(len(offsets) - 1):
        links = chain[offsets[arc] : offsets[arc + 1]]
        n, shift = _begin(corners, links, cut, line, firsts, own)
        visvalingam(corners, rows, cut, own, line, n, shift, keep, tolerance, aspect)
        _mark(own, links, firsts, False)
        point_offsets[arc + 1] = _write(line, n, keep, points, point_offsets[arc])


def simplify(
    corners: np.ndarray, arcs: Arcs, *, cut: bool, method: str, tolerance: float, aspect: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw arcs, once each.

    Args:
        corners: (n, 11) int32, corner table.
        arcs: whole arcs.
        cut: True to cut the stairs first.
        method: dp, vw or none.
        tolerance: pixels of the mean size.
        aspect: height of a pixel divided by its width.

    Returns:
        (m, 2) int32 points in eighths of a pixel (UNITS), and (arcs + 1,) int64 offsets into them.
    """
    points = np.empty((2 * len(arcs.chain) + 2, 2), np.int32)
    point_offsets = np.zeros(len(arcs.offsets), np.int64)
    if method == "none" or len(arcs.offsets) < 2:
        draw_all(corners, arcs.offsets, arcs.chain, cut, points, point_offsets)
    else:
        top, bottom = int(corners[0, Y]), int(corners[-1, Y])
        rows = np.searchsorted(corners[:, Y], np.arange(top, bottom + 2))
        longest = int(np.diff(arcs.offsets).max())
        kernels = {"dp": by_distance, "vw": by_area}
        kernels[method](
            corners, rows, arcs.offsets, arcs.chain, cut, float(tolerance), aspect, longest,
            points, point_offsets,
        )
    return points[: point_offsets[-1]], point_offsets
