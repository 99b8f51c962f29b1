"""Tell which shortcuts keep every arc on its side of all others.

A shortcut is safe where the area between it and the points that it leaves out has no other point of
any arc, whether that arc is simplified already or not. So arcs need no order.

Source: de Berg, van Kreveld and Schirra, Topologically correct subdivision simplification using the
bandwidth criterion, 1998.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.vectorizer.compiled import helper
from geoseg.vectorizer.smooth import HALF, points_of
from geoseg.vectorizer.stitch import bit, onward, step
from geoseg.vectorizer.trace import FLAGS, NODE, UNITS, X, Y


@helper
def distance2(x, y, ax, ay, bx, by, aspect):
    """Give the squared distance of a point to a segment, in units of the mean size."""
    dx, dy = float(bx - ax), (by - ay) * aspect
    px, py = float(x - ax), (y - ay) * aspect
    length2 = dx * dx + dy * dy
    along = px * dx + py * dy
    if along <= 0 or length2 == 0:
        return (px * px + py * py) / aspect
    if along >= length2:
        return ((px - dx) ** 2 + (py - dy) ** 2) / aspect
    cross = dx * py - dy * px
    return cross * cross / length2 / aspect


@helper
def _encloses(area, x, y):
    """Tell whether a point is in or on a closed line; twice enclosed is not out of it."""
    winding = 0
    last = len(area) - 1
    ax, ay = np.int64(area[last, 0] - x), np.int64(area[last, 1] - y)
    for k in range(len(area)):
        bx, by = np.int64(area[k, 0] - x), np.int64(area[k, 1] - y)
        cross = ax * by - bx * ay
        if cross == 0 and ax * bx <= 0 and ay * by <= 0:
            return True
        if ay <= 0 < by and cross > 0:
            winding += 1
        elif by <= 0 < ay and cross < 0:
            winding -= 1
        ax, ay = bx, by
    return winding != 0


@helper
def _span(a, b, low, high, across_a, across_b):
    """Give the part of a segment, along x, where its y is within low and high."""
    if a == b:
        return min(across_a, across_b), max(across_a, across_b)
    first = min(max((low - a) / (b - a), 0.0), 1.0)
    second = min(max((high - a) / (b - a), 0.0), 1.0)
    one = across_a + (across_b - across_a) * first
    two = across_a + (across_b - across_a) * second
    return min(one, two), max(one, two)


@helper
def _is_part(line, start, stop, place, x, y):
    """Tell whether a point is the one at a place of an arc, between two others."""
    return start <= place <= stop and line[place, 0] == x and line[place, 1] == y


@helper
def _is_blocked(corners, corner, cut, own, here, line, start, stop, n, shift, area):
    """Tell whether a point of this corner is in the area of a shortcut from start to stop."""
    for k in range(points_of(corners, corner, cut, here, 0)):
        x, y = here[k, 0], here[k, 1]
        if _is_part(line, start, start, start, x, y) or _is_part(line, stop, stop, stop, x, y):
            continue
        first = own[corner]
        if first >= 0:
            one, two = first, first + 1
            if shift >= 0:
                one, two = (one - shift) % (n - 1), (two - shift) % (n - 1)
            if _is_part(line, start, stop, one, x, y) or _is_part(line, start, stop, two, x, y):
                continue
        if _encloses(area, x, y):
            return True
    return False


@helper
def _first_at(corners, low, start, stop):
    """Find the first corner of a row at or right of a column."""
    while start < stop:
        middle = (start + stop) // 2
        if corners[middle, X] < low:
            start = middle + 1
        else:
            stop = middle
    return start


@helper
def is_clear(corners, rows, cut, own, line, start, stop, n, shift, area, reach, aspect):
    """Tell whether a shortcut from one point of an arc to another is safe.

    Args:
        corners: corner table.
        rows: (rows + 1,) int64, start of each row of corners in it, from that of its first.
        cut: see `points_of`.
        own: (corners,) int64, place of the first point of each corner of this arc; -1 at others.
        line: (n, 2) int32, points of this arc.
        start, stop: places in line.
        n: number of points of line that count.
        shift: by how many places a loop's line was turned since own was written; -1 if it was not.
        area: (m, 2) int32, the line around the area between, not closed.
        reach: units (of the mean size) that the area may be away from the shortcut.
        aspect: height of a pixel divided by its width.
    """
    ax, ay, bx, by = line[start, 0], line[start, 1], line[stop, 0], line[stop, 1]
    here = np.empty((2, 2), np.int32)
    top = np.int64(corners[0, Y])
    across, down = reach * math.sqrt(aspect) + HALF, reach / math.sqrt(aspect) + HALF
    first = max(math.floor((min(ay, by) - down) / UNITS), top)
    last = min(math.ceil((max(ay, by) + down) / UNITS), top + len(rows) - 2)
    for y in range(first, last + 1):
        low, high = _span(ay, by, UNITS * y - down, UNITS * y + down, ax, bx)
        end = rows[y - top + 1]
        corner = _first_at(corners, (low - across) / UNITS, rows[y - top], end)
        while corner < end and corners[corner, X] <= (high + across) / UNITS:
            if _is_blocked(corners, corner, cut, own, here, line, start, stop, n, shift, area):
                return False
            corner += 1
    return True


@helper
def has_twin(corners, chain, tolerance2, aspect):
    """Tell whether another arc joins the same ends and is as near to their segment."""
    first, last = chain[0], chain[-1]
    ax, ay = UNITS * corners[first, X], UNITS * corners[first, Y]
    bx, by = UNITS * corners[last, X], UNITS * corners[last, Y]
    for out in range(4):
        if not corners[last, FLAGS] & bit(out):
            continue
        here, direction = step(corners, last, out), out
        if here == chain[-2]:
            continue
        while here >= 0 and not corners[here, FLAGS] & NODE:
            x, y = UNITS * corners[here, X], UNITS * corners[here, Y]
            if distance2(x, y, ax, ay, bx, by, aspect) > tolerance2:
                break
            direction = onward(corners[here, FLAGS], direction)
            here = step(corners, here, direction)
        if here == first:
            return True
    return False
