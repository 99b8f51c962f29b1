"""Move, merge and add bends of a simplified arc; where each is best, `fit` and `balance` tell.

Bends are points of the arc that stay, between its ends. A line to a bend is never the whole arc, so
no arc comes to run straight from end to end here that did not before.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.balance import (
    AWAY, CURVED, EVEN, FAR, MOST, STRAIGHT, evener_bend, excess2,
)
from geoseg.vectorizer.fit import CLOSE, REACH, SWEEPS, best_bend, moments
from geoseg.vectorizer.shortcuts import farthest, is_near_and_clear, next_kept
from geoseg.vectorizer.trace import UNITS


@helper
def _is_bend(guard, line, before, here, after, tolerance):
    """Tell whether an arc may run straight to a point, and straight on from it, and bends there."""
    ax, ay = line[here, 0] - line[before, 0], line[here, 1] - line[before, 1]
    bx, by = line[after, 0] - line[here, 0], line[after, 1] - line[here, 1]
    if np.int64(ax) * by == np.int64(bx) * ay:
        return False
    for start, stop in ((before, here), (here, after)):
        where, away2 = farthest(line, start, stop, guard.aspect)
        if where != start and not is_near_and_clear(guard, line, start, stop, tolerance, away2):
            return False
    return True


@helper
def _move_bends(guard, line, n, keep, sums, tolerance):
    """Move each bend to the point near it where the lines fit best; tell whether any did."""
    moved = False
    before = np.int64(0)
    here = next_kept(keep, before)
    while here < n - 1:
        after = next_kept(keep, here)
        low, high = here - REACH, here + REACH
        where = best_bend(line, sums, before, here, after, low, high, guard.aspect)
        if where != here and _is_bend(guard, line, before, where, after, tolerance):
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
def _merge_steps(guard, line, n, keep, sums, tolerance):
    """Make one bend of two that are a step of the stairs: close, and the arc goes on as before."""
    left = 0
    for k in range(n):
        left += keep[k]
    before = np.int64(0)
    one = next_kept(keep, before)
    while one < n - 1 and left > 5:
        two = next_kept(keep, one)
        if two == n - 1:
            return
        after = next_kept(keep, two)
        where = one
        if sums[two, 0] - sums[one, 0] < CLOSE * UNITS and _goes_on(line, before, one, two, after):
            where = best_bend(line, sums, before, one, after, one, two, guard.aspect)
            if _is_bend(guard, line, before, where, after, tolerance):
                keep[one] = keep[two] = False
                keep[where] = True
                left -= 1
        before = where if keep[where] else one
        one = next_kept(keep, before)


@helper
def _add_bend(guard, line, n, keep, sums, excess, tolerance):
    """Bend an arc once more, where that makes its sides most even; give the excess then."""
    before, found, best = np.int64(0), np.int64(0), excess
    while before < n - 1:
        after = next_kept(keep, before)
        where, left = evener_bend(
            line, sums, before, before, after, before + 1, after, excess, guard.aspect
        )
        if abs(left) < abs(best) and _is_bend(guard, line, before, where, after, tolerance):
            found, best = where, left
        before = after
    if found > 0:
        keep[found] = True
    return best


@helper
def _even_out(guard, chain, line, n, keep, sums, tolerance):
    """Move bends until either side of an arc has its area again; add some where that fails."""
    excess, last = excess2(guard.corners, chain, line, n, keep), np.int64(n - 1)
    length, away, most = sums[last, 0], AWAY, MOST
    if next_kept(keep, 0) == last:
        away, most = max(STRAIGHT, CURVED * length / UNITS), 1
    for _ in range(SWEEPS):
        before = np.int64(0)
        here = next_kept(keep, before)
        while here < last and abs(excess) > EVEN:
            after = next_kept(keep, here)
            where, left = evener_bend(
                line, sums, before, here, after, here - FAR, here + FAR, excess, guard.aspect
            )
            if where != here and _is_bend(guard, line, before, where, after, tolerance):
                keep[here], keep[where] = False, True
                here, excess = where, left
            before, here = here, after
    for _ in range(most):
        if abs(excess) > max(8 * EVEN, 2 * away * UNITS * length):
            excess = _add_bend(guard, line, n, keep, sums, excess, tolerance)


@helper
def refine(guard, chain, line, n, keep, sums, tolerance):
    """Move the bends of one arc to where the lines fit best, then even out.

    Args:
        guard: all corners.
        chain: rows of the corner table that the arc runs through.
        line: (n, 2) int32, points of the arc.
        n: their number.
        keep: (n,) bool, the points that stay, changed.
        sums: (n, 6) float64, room for `moments`.
        tolerance: pixels of the mean size.
    """
    if n < 3:
        return
    moments(line, n, guard.aspect, sums)
    for sweep in range(SWEEPS):
        moved = _move_bends(guard, line, n, keep, sums, tolerance)
        if sweep == 0:
            _merge_steps(guard, line, n, keep, sums, tolerance)
        elif not moved:
            break
    _even_out(guard, chain, line, n, keep, sums, tolerance)
