"""Simplify each arc once, between its ends, so that no arc crosses itself or another.

Each arc is drawn (`smooth`), simplified by distance or by area, and trimmed (`spurs`); every
shortcut keeps the arc on its side of all points of all arcs (`guards`), so no order matters.
"""

from __future__ import annotations

import math
import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.bends import refine
from geoseg.vectorizer.douglas_peucker import SLACK, douglas_peucker
from geoseg.vectorizer.guards import Guard
from geoseg.vectorizer.smooth import draw
from geoseg.vectorizer.spurs import trim_spurs
from geoseg.vectorizer.arcs import Arcs
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.trace import FLAGS, NODE, Corners
from geoseg.vectorizer.visvalingam import room, visvalingam


def margin(tolerance: float, aspect: float) -> int:
    """Give the rows beyond an arc that must be known before it can be simplified.

    Args:
        tolerance: pixels (of the mean size).
        aspect: height of a pixel divided by its width.
    """
    near = (tolerance + SLACK) * math.sqrt(max(aspect, 1 / aspect))
    return math.ceil(near / math.sqrt(aspect)) + 5


@helper
def _reverse(items, start, stop):
    """Turn a part of an array around."""
    stop -= 1
    while start < stop:
        items[start], items[stop] = items[stop], items[start]
        start += 1
        stop -= 1


@helper
def _turn_loop(points, n):
    """Start a loop at a point that is far from the others; give by how many points it turned."""
    best, where = -1, 0
    for k in range(n - 1):
        dx, dy = np.int64(points[k, 0] - points[0, 0]), np.int64(points[k, 1] - points[0, 1])
        if dx * dx + dy * dy > best:
            best, where = dx * dx + dy * dy, k
    for axis in range(2):
        _reverse(points[:, axis], 0, where)
        _reverse(points[:, axis], where, n - 1)
        _reverse(points[:, axis], 0, n - 1)
        points[n - 1, axis] = points[0, axis]
    return where


@helper
def _mark(own, chain, firsts, n, turned, base):
    """Write where the points of each corner of an arc are; a loop was turned by some points."""
    for k in range(len(chain)):
        first = firsts[k]
        if turned > 0:
            first = first - turned if first >= turned else first - turned + n - 1
        own[chain[k]] = base + first


@helper
def _begin(guard, chain, line, firsts, before):
    """Draw one arc, behind one of so many points; give the number of its points."""
    n = draw(guard.corners, chain, guard.cut, line, firsts)
    turned = np.int64(0)
    if chain[0] == chain[-1] and not guard.corners.links[chain[0], FLAGS] & NODE:
        turned = np.int64(_turn_loop(line, n))
    guard.base[0] += before
    _mark(guard.own, chain, firsts, n, turned, guard.base[0])
    return n


@helper
def _write(line, n, keep, points, total):
    """Write the points that stay; give the number of points so far.

    All are written, and only those that stay are kept: there is no branch to guess.
    """
    for k in range(n):
        points[total, 0], points[total, 1] = line[k, 0], line[k, 1]
        total += keep[k]
    return total


@kernel
def _draw_cut(corners, offsets, chain, points, point_offsets, firsts):
    """Draw whole arcs with their stairs cut; firsts is room for as many items as the chain has."""
    for arc in range(len(offsets) - 1):
        total = point_offsets[arc]
        n = draw(corners, chain[offsets[arc] : offsets[arc + 1]], True, points[total:], firsts)
        point_offsets[arc + 1] = total + n


@kernel
def _by_distance(
    guard, offsets, chain, line, firsts, keep, stack, sums, tolerance, trim, points, point_offsets
):
    """Draw arcs and leave out the points that lie near a straight line.

    Args:
        guard: all corners.
        offsets, chain: arcs.
        line, firsts, keep, stack, sums: room for the longest of them.
        tolerance: pixels of the mean size.
        trim: the same; spurs on a narrower foot go, 0 for none.
        points: (2 * corners of these arcs, 2) int32, eighths of a pixel (UNITS), written.
        point_offsets: (arcs + 1,) int64, written; the first is 0.
    """
    n = np.int64(0)
    for arc in range(len(offsets) - 1):
        links = chain[offsets[arc] : offsets[arc + 1]]
        n = _begin(guard, links, line, firsts, n)
        douglas_peucker(guard, links, line, n, keep, stack, tolerance)
        refine(guard, links, line, n, keep, sums, tolerance)
        trim_spurs(guard, line, n, keep, trim)
        point_offsets[arc + 1] = _write(line, n, keep, points, point_offsets[arc])


@kernel
def _by_area(
    guard, offsets, chain, line, firsts, keep, room, tolerance, trim, points, point_offsets
):
    """Draw arcs and leave out the points of small triangles; arguments alike."""
    n = np.int64(0)
    for arc in range(len(offsets) - 1):
        links = chain[offsets[arc] : offsets[arc + 1]]
        n = _begin(guard, links, line, firsts, n)
        visvalingam(guard, line, n, keep, room, tolerance)
        trim_spurs(guard, line, n, keep, trim)
        point_offsets[arc + 1] = _write(line, n, keep, points, point_offsets[arc])


def simplify(
    corners: Corners, arcs: Arcs, cells: np.ndarray, scratch: Scratch, *, cut: bool, method: str,
    tolerance: float, trim: float, aspect: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw arcs, once each.

    Args:
        corners: all corners.
        arcs: whole arcs.
        cells: `index` of the corners; not used without a method.
        scratch: for the work, and for the points that are given.
        cut: True to cut the stairs first.
        method: dp, vw or none.
        tolerance: pixels of the mean size.
        trim: the same; spurs on a narrower foot go, 0 for none.
        aspect: height of a pixel divided by its width.

    Returns:
        (m, 2) int32 points in eighths of a pixel (UNITS), and (arcs + 1,) int64 offsets into them.
    """
    count = len(arcs.table)
    if method == "none" or not count:
        return _draw(corners, arcs, cut, scratch)
    longest = int(np.diff(arcs.offsets).max())
    size = 2 * longest + 2
    own = scratch.array("own", len(corners.links), np.int32)
    own.fill(-1)
    guard = Guard(
        corners, cells, own, np.zeros(1, np.int64), np.empty((2, 2), np.int32), cut, float(aspect)
    )
    line, keep = np.empty((size, 2), np.int32), np.empty(size, np.bool_)
    points = scratch.array("points", (2 * len(arcs.chain) + 2, 2), np.int32)
    offsets = np.zeros(count + 1, np.int64)
    given = (guard, arcs.offsets, arcs.chain, line, np.empty(longest, np.int64), keep)
    if method == "dp":
        room_for = np.empty(size, np.int32), np.empty((size, 6))
        _by_distance(*given, *room_for, float(tolerance), float(trim), points, offsets)
    else:
        _by_area(*given, room(size), float(tolerance), float(trim), points, offsets)
    return points[: offsets[-1]], offsets


def _draw(
    corners: Corners, arcs: Arcs, cut: bool, scratch: Scratch
) -> tuple[np.ndarray, np.ndarray]:
    """Draw arcs with all their points."""
    if not cut:
        return arcs.points, arcs.offsets
    points = scratch.array("points", (2 * len(arcs.chain) + 2, 2), np.int32)
    point_offsets = np.zeros(len(arcs.offsets), np.int64)
    firsts = np.empty(len(arcs.chain), np.int64)
    _draw_cut(corners, arcs.offsets, arcs.chain, points, point_offsets, firsts)
    return points[: point_offsets[-1]], point_offsets
