"""Shortcuts of one arc: what they leave out, how far that is from them, whether they are safe."""

from __future__ import annotations

import math

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.guards import is_clear
from geoseg.vectorizer.trace import UNITS


@helper
def farthest(points, start, stop, aspect):
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
def is_near_and_clear(guard, line, start, stop, tolerance, away2):
    """Tell whether a shortcut is near the points that it leaves out, and passes over no others.

    Args:
        guard: all corners.
        line: (n, 2) int32, points of the arc.
        start, stop: places in line.
        tolerance: pixels of the mean size.
        away2: squared distance of the point between that is farthest, in square units.
    """
    if away2 > (UNITS * tolerance) ** 2:
        return False
    reach = math.sqrt(away2)
    return is_clear(guard, line, start, stop, line, start, stop + 1, reach)


@helper
def next_kept(keep, place):
    """Find the next point that stays."""
    place += 1
    while not keep[place]:
        place += 1
    return place
