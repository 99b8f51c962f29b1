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

from geoseg.vectorizer.balance import EVEN, FAR, LEAST, SHORT, evener_bend, excess2
from geoseg.vectorizer.compiled import helper
from geoseg.vectorizer.fit import CLOSE, REACH, SWEEPS, best_bend, moments
from geoseg.vectorizer.guards import has_twin, is_clear
from geoseg.vectorizer.trace import UNITS

LEAN = 0.3
"""Share of the tolerance that a line may lie to one side of its border on average.

It keeps the areas of parcels: against no limit, 20 % more points make the error a third."""
SLACK = 1.0
"""Pixels that a corner may be from the points that stand for it, and a little more."""


@helper
def _farthest(points, start, stop, aspect):
    """Find the point between two that is farthest from their segment, the first of equals."""
    best, where = -1.0, start
    ax, ay = points[start, 0], points[start, 1]
    dx, dy = float(points[stop, 0] - ax), (points[stop, 1] - ay) * aspect
    length2 = dx * dx + dy * dy
    scale = max(length2, 1.0)
    for k in range(start + 1, stop):
        px, py = float(points[k, 0] - ax), (points[k, 1] - ay) * aspect
        along = px * dx + py * dy
        if along <= 0:
            here2 = (px * px + py * py) * scale
        elif along >= length2:
            here2 = ((px - dx) ** 2 + (py - dy) ** 2) * scale
        else:
            here2 = (dx * py - dy * px) ** 2
        if here2 > best:
            best, where = here2, k
    return where, best / scale / aspect


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
        where, away2 = _farthest(points, start, stop, aspect)
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
    if away2 > (UNITS * tolerance) ** 2:
        return False
    reach = math.sqrt(away2)
    if not is_clear(guard, line, start, stop, line, start, stop + 1, reach):
        return False
    if away2 == 0 or start > 0 or stop < n - 1:
        return True
    aspect = guard.aspect
    near2 = (UNITS * (tolerance + SLACK)) ** 2 * max(aspect, 1 / aspect)
    return not has_twin(guard.corners, chain, near2, aspect)


@helper
def _next(keep, place):
    """Find the next point that stays."""
    place += 1
    while not keep[place]:
        place += 1
    return place


@helper
def _is_bend(guard, chain, line, before, here, after, n, tolerance):
    """Tell whether an arc may run straight to a point, and straight on from it, and bends there."""
    ax, ay = line[here, 0] - line[before, 0], line[here, 1] - line[before, 1]
    bx, by = line[after, 0] - line[here, 0], line[after, 1] - line[here, 1]
    if np.int64(ax) * by == np.int64(bx) * ay:
        return False
    for start, stop in ((before, here), (here, after)):
        where, away2 = _farthest(line, start, stop, guard.aspect)
        if where != start and not _is_safe(
            guard, chain, line, start, stop, n, tolerance, away2
        ):
            return False
    return True


@helper
def _move(guard, chain, line, n, keep, sums, tolerance):
    """Move each bend to the point near it where the lines fit best; tell whether any did."""
    moved = False
    before = np.int64(0)
    here = _next(keep, before)
    while here < n - 1:
        after = _next(keep, here)
        low, high = here - REACH, here + REACH
        where = best_bend(line, sums, before, here, after, low, high, guard.aspect)
        if where != here and _is_bend(
            guard, chain, line, before, where, after, n, tolerance
        ):
            keep[here], keep[where] = False, True
            moved = True
            here = where
        before, here = here, after
    return moved


@helper
def _goes_on(line, before, one, two, after):
    """Tell whether an arc has about the same direction before and after two bends."""
    ax, ay = float(line[one, 0] - line[before, 0]), float(line[one, 1] - line[before, 1])
    bx, by = float(line[after, 0] - line[two, 0]), float(line[after, 1] - line[two, 1])
    return ax * bx + ay * by > abs(ax * by - ay * bx)


@helper
def _merge(guard, chain, line, n, keep, sums, tolerance):
    """Make one bend of two that are a step of the stairs: close, and the arc goes on as before."""
    left = 0
    for k in range(n):
        left += keep[k]
    before = np.int64(0)
    one = _next(keep, before)
    while one < n - 1 and left > 5:
        two = _next(keep, one)
        if two == n - 1:
            return
        after = _next(keep, two)
        where = one
        if sums[two, 0] - sums[one, 0] < CLOSE * UNITS and _goes_on(line, before, one, two, after):
            where = best_bend(line, sums, before, one, after, one, two, guard.aspect)
            if _is_bend(guard, chain, line, before, where, after, n, tolerance):
                keep[one] = keep[two] = False
                keep[where] = True
                left -= 1
        before = where if keep[where] else one
        one = _next(keep, before)


@helper
def _even_out(guard, chain, line, n, keep, sums, tolerance):
    """Move bends until either side of an arc has its area again; a straight arc may get one."""
    excess = excess2(guard.corners, chain, line, n, keep)
    last = np.int64(n - 1)
    if _next(keep, 0) == last:
        length = sums[last, 0]
        if length > SHORT * UNITS or abs(excess) < max(8 * EVEN, 2 * LEAST * UNITS * length):
            return
        where, _ = evener_bend(
            line, sums, np.int64(0), np.int64(0), last, 1, last, excess, guard.aspect
        )
        if where > 0 and _is_bend(guard, chain, line, np.int64(0), where, last, n, tolerance):
            keep[where] = True
        return
    for _ in range(SWEEPS):
        before = np.int64(0)
        here = _next(keep, before)
        while here < last and abs(excess) > EVEN:
            after = _next(keep, here)
            where, left = evener_bend(
                line, sums, before, here, after, here - FAR, here + FAR, excess, guard.aspect
            )
            if where != here and _is_bend(guard, chain, line, before, where, after, n, tolerance):
                keep[here], keep[where] = False, True
                here, excess = where, left
            before, here = here, after


@helper
def refine(guard, chain, line, n, keep, sums, tolerance):
    """Move the bends that `douglas_peucker` kept to where the lines fit best, then even out.

    Arguments as there, and sums: (n, 6) float64, room for `moments`.
    """
    if n < 3:
        return
    moments(line, n, guard.aspect, sums)
    for sweep in range(SWEEPS):
        moved = _move(guard, chain, line, n, keep, sums, tolerance)
        if sweep == 0:
            _merge(guard, chain, line, n, keep, sums, tolerance)
        elif not moved:
            break
    _even_out(guard, chain, line, n, keep, sums, tolerance)


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
        stop = _next(keep, start)
        if stop != stack[height - 1]:
            stack[height] = stop
            height += 1
        where, away2 = _farthest(line, start, stop, aspect)
        if where == start or (
            away2 <= (UNITS * tolerance) ** 2
            and _lean(line, start, stop) <= LEAN * UNITS * tolerance
            and _is_safe(guard, chain, line, start, stop, n, tolerance, away2)
        ):
            start = stop
            height -= 1
        else:
            keep[where] = True
