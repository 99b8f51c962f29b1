"""Trim spurs: small bits that hang on a parcel, or reach into it, by a narrow foot.

A spur is where a simplified arc turns away, comes back to nearly the same place, and goes on. Both
neighbours lose it alike, for the arc is theirs. The tip of a long thin parcel is none: behind the
foot of a spur the arc opens.
"""

from __future__ import annotations

import math

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.guards import is_clear
from geoseg.vectorizer.shortcuts import farthest, next_kept
from geoseg.vectorizer.trace import UNITS

SLENDER = 4.0
"""Widths of its foot that the way around a spur is at least."""
AROUND = 16.0
"""Largest widths that the way around is at most: what is larger is no slip of the network."""
OPEN = 2.0
"""Largest widths between the points before and behind a foot, at least."""
POINTS = 13
"""Points behind the first one of a foot among which the other one is sought."""
LEAST = 4
"""Points that an arc keeps: those of a triangle, the first one twice."""


@helper
def _apart2(line, a, b, aspect):
    """Give the squared distance of two points, in square units of the mean size."""
    dx, dy = float(line[b, 0] - line[a, 0]), (line[b, 1] - line[a, 1]) * aspect
    return (dx * dx + dy * dy) / aspect


@helper
def _other_foot(line, n, keep, before, foot, width, aspect):
    """Find the last point that closes a spur which begins at a point.

    Args:
        line: (n, 2) int32, points of the arc.
        n: their number.
        keep: (n,) bool, those that stay.
        before: the point that stays before the foot, or the foot where the arc begins.
        foot: the point.
        width: units (of the mean size) that the foot is wide at most.
        aspect: height of a pixel divided by its width.

    Returns:
        A point, how many points that stay are between, and 0 where there is no spur.
    """
    found, between, around, here = foot, 0, 0.0, foot
    for count in range(POINTS):
        if here == n - 1:
            break
        last = here
        here = next_kept(keep, last)
        around += math.sqrt(_apart2(line, last, here, aspect))
        if around > AROUND * width:
            break
        foot2 = _apart2(line, foot, here, aspect)
        if foot2 == 0 or foot2 > width * width or around * around < SLENDER * SLENDER * foot2:
            continue
        behind = here if here == n - 1 else next_kept(keep, here)
        if _apart2(line, before, behind, aspect) >= OPEN * OPEN * width * width:
            found, between = here, count
    return found, between


@helper
def trim_spurs(guard, line, n, keep, trim):
    """Leave out the points of spurs.

    Args:
        guard: all corners.
        line: (n, 2) int32, points of the arc.
        n: their number.
        keep: (n,) bool, those that stay; changed.
        trim: pixels of the mean size that the foot of a spur is wide at most; 0 trims none.
    """
    if trim <= 0:
        return
    left = 0
    for k in range(n):
        left += keep[k]
    before = here = 0
    while here < n - 1:
        foot, between = _other_foot(line, n, keep, before, here, UNITS * trim, guard.aspect)
        if between > 0 and left - between >= LEAST and _is_clear(guard, line, here, foot):
            for k in range(here + 1, foot):
                keep[k] = False
            left -= between
        else:
            foot = next_kept(keep, here)
        before, here = here, foot


@helper
def _is_clear(guard, line, start, stop):
    """Tell whether a spur has nothing else in it."""
    _, away2 = farthest(line, start, stop, guard.aspect)
    return is_clear(guard, line, start, stop, line, start, stop + 1, math.sqrt(away2))
