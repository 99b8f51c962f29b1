"""Give both sides of a simplified arc back the area that its pixels had.

A line that runs on one side of its stairs takes area from one parcel and gives it to the other.
Here bends move along the arc, as little as they must, until the two are even; where that is not
enough, the arc gets another bend. Bends stay points of the arc, and lines stay safe (`guards`) and
within the tolerance.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.fit import misfit
from geoseg.vectorizer.trace import UNITS, X, Y

EVEN = UNITS * UNITS // 4
"""Twice an area, in square units: an arc is even within an eighth of a pixel."""
FAR = 8
"""Points of the arc that a bend may move."""
AWAY = 0.02
"""Pixels that an arc with bends may lie beside its stairs on average before it gets another."""
MOST = 2
"""Bends that such an arc may get."""
STRAIGHT = 0.08
"""The same pixels for a straight arc ..."""
CURVED = 0.0015
"""... or these per pixel of its length: beside a long border lie large parcels."""
WORSE = 2.0
"""How much the squared distance between the arc and its two lines may grow by a move ..."""
ROUGH = 0.02
"""... or square pixels of it, per pixel of the lines."""


@helper
def _cross(ax, ay, bx, by):
    return np.int64(ax) * by - np.int64(bx) * ay


@helper
def excess2(corners, chain, line, n, keep):
    """Give twice the area by which a drawn arc is right of its stairs, in square units."""
    total = np.int64(0)
    x0, y0 = UNITS * corners.links[chain[0], X], UNITS * corners.links[chain[0], Y]
    ax, ay = x0, y0
    for k in range(n):
        if keep[k]:
            total += _cross(ax - x0, ay - y0, line[k, 0] - x0, line[k, 1] - y0)
            ax, ay = line[k, 0], line[k, 1]
    for k in range(len(chain) - 1, -1, -1):
        bx, by = UNITS * corners.links[chain[k], X], UNITS * corners.links[chain[k], Y]
        total += _cross(ax - x0, ay - y0, bx - x0, by - y0)
        ax, ay = bx, by
    return total


@helper
def _triangle2(line, one, two, three):
    """Give twice the signed area of a triangle."""
    return _cross(
        line[two, 0] - line[one, 0], line[two, 1] - line[one, 1],
        line[three, 0] - line[one, 0], line[three, 1] - line[one, 1],
    )


@helper
def evener_bend(line, sums, before, here, after, low, high, excess, aspect):
    """Find the point from low to high, between two bends, from which the areas are most even.

    Args:
        line, sums: points of the arc, and their `moments`.
        before, after: the bends.
        here: the bend between them that is to move; `before` where there is none.
        low, high: places in line.
        excess: see `excess2`.
        aspect: height of a pixel divided by its width.

    Returns:
        The point, and the excess from there.
    """
    where, left = here, excess
    own2 = _triangle2(line, before, here, after)
    error = misfit(line, sums, before, after, aspect)
    if here != before:
        error = misfit(line, sums, before, here, aspect) + misfit(line, sums, here, after, aspect)
    limit = max(WORSE * error, error + ROUGH * UNITS * UNITS * (sums[after, 0] - sums[before, 0]))
    for k in range(max(before + 1, low), min(after - 1, high) + 1):
        there = excess + _triangle2(line, before, k, after) - own2
        if abs(there) < abs(left):
            moved = misfit(line, sums, before, k, aspect) + misfit(line, sums, k, after, aspect)
            if moved <= limit:
                where, left = k, there
    return where, left
