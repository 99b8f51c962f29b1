"""Tell which shortcuts keep every arc on its side of all others.

A shortcut is safe where the area between it and the points that it leaves out has no other point of
any arc, whether that arc is simplified already or not. So arcs need no order.

Source: de Berg, van Kreveld and Schirra, Topologically correct subdivision simplification using the
bandwidth criterion, 1998.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.blocks import bisect
from geoseg.vectorizer.smooth import HALF, points_of
from geoseg.vectorizer.trace import FLAGS, NODE, UNITS, X, Y, Corners
from geoseg.vectorizer.walk import onward, step

BLOCK = 64
"""Columns that the index of corners takes together."""
MANY_ROWS = 4
"""Rows from which on a slanted shortcut is worth looking at in each row alone."""


class Guard(NamedTuple):
    """What shortcuts of an arc must not pass over: the points of all arcs, found by their place."""

    corners: Corners
    """all corners."""
    cells: np.ndarray
    """(rows + 1, blocks) int32: first corner of each BLOCK columns of each row, or after them."""
    own: np.ndarray
    """(n,) int32, place of the first point of each corner of this arc in its line, plus the base;
    less than the base at others."""
    base: np.ndarray
    """(1,) int64, points of the arcs before this one."""
    here: np.ndarray
    """(2, 2) int32, room for the points of one corner."""
    cut: bool
    """See `points_of`."""
    aspect: float
    """Height of a pixel divided by its width."""


@kernel
def fill_index(corners, first, cells):
    """Write the index of corners from a row on, counted from that of the first corner."""
    rows, blocks = cells.shape
    first += corners.links[0, Y]
    corner = bisect(corners.links, Y, 0, len(corners.links), first)
    for row in range(rows):
        y = first + row
        for block in range(blocks):
            x = BLOCK * block
            while corner < len(corners.links) and (
                corners.links[corner, Y] < y
                or (corners.links[corner, Y] == y and corners.links[corner, X] < x)
            ):
                corner += 1
            cells[row, block] = corner


def index_shape(corners: Corners, width: int) -> tuple[int, int]:
    """Give the shape of the index of corners by row and column that a `Guard` needs."""
    height = int(corners.links[-1, Y] - corners.links[0, Y]) + 1
    return height + 1, width // BLOCK + 1


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
def _encloses(area, low, high, x, y):
    """Tell whether a point is in or on a closed line; twice enclosed is not out of it."""
    winding = 0
    ax, ay = np.int64(area[high - 1, 0] - x), np.int64(area[high - 1, 1] - y)
    for k in range(low, high):
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
def _is_blocked(guard, corner, line, start, stop, area, low, high):
    """Tell whether a point of this corner is in the area of a shortcut from start to stop."""
    first = guard.own[corner] - guard.base[0]
    if start <= first < stop:
        return False
    here = guard.here
    for k in range(points_of(guard.corners, corner, guard.cut, here, 0)):
        x, y = here[k, 0], here[k, 1]
        if _is_part(line, start, start, start, x, y) or _is_part(line, stop, stop, stop, x, y):
            continue
        if first >= 0 and (
            _is_part(line, start, stop, first, x, y)
            or _is_part(line, start, stop, first + 1, x, y)
        ):
            continue
        if _encloses(area, low, high, x, y):
            return True
    return False


@helper
def is_clear(guard, line, start, stop, area, low, high, reach):
    """Tell whether a shortcut from one point of an arc to another is safe.

    Args:
        guard: all corners.
        line: (n, 2) int32, points of this arc.
        start, stop: places in line.
        area, low, high: [low, high) of its points are the line around the area between, not closed.
        reach: units (of the mean size) that the area may be away from the shortcut.
    """
    corners, cells = guard.corners, guard.cells
    ax, ay, bx, by = line[start, 0], line[start, 1], line[stop, 0], line[stop, 1]
    left = right = area[low, 0]
    upper = lower = area[low, 1]
    for k in range(low + 1, high):
        left, right = min(left, area[k, 0]), max(right, area[k, 0])
        upper, lower = min(upper, area[k, 1]), max(lower, area[k, 1])
    margin = HALF if guard.cut else 0
    top = np.int64(corners.links[0, Y])
    last = min((lower + margin) // UNITS, top + len(cells) - 2)
    for y in range(max((upper - margin + UNITS - 1) // UNITS, top), last + 1):
        west, east = np.int64(left - margin), np.int64(right + margin)
        if lower - upper > MANY_ROWS * UNITS:
            across = reach * math.sqrt(guard.aspect) + margin
            down = reach / math.sqrt(guard.aspect) + margin
            one, two = _span(ay, by, UNITS * y - down, UNITS * y + down, ax, bx)
            west = max(west, np.int64(math.ceil(one - across)))
            east = min(east, np.int64(math.floor(two + across)))
        corner = cells[y - top, max(west, 0) // (UNITS * BLOCK)]
        end = cells[y - top + 1, 0]
        while corner < end and UNITS * corners.links[corner, X] < west:
            corner += 1
        while corner < end and UNITS * corners.links[corner, X] <= east:
            if _is_blocked(guard, corner, line, start, stop, area, low, high):
                return False
            corner += 1
    return True


@helper
def has_twin(corners, chain, tolerance2, aspect):
    """Tell whether another arc joins the same ends and is as near to their segment."""
    first, last = chain[0], chain[-1]
    ax, ay = UNITS * corners.links[first, X], UNITS * corners.links[first, Y]
    bx, by = UNITS * corners.links[last, X], UNITS * corners.links[last, Y]
    for out in range(4):
        if not corners.links[last, FLAGS] >> out & 1:
            continue
        here, direction = step(corners, last, out), out
        if here == chain[-2]:
            continue
        while here >= 0 and not corners.links[here, FLAGS] & NODE:
            x, y = UNITS * corners.links[here, X], UNITS * corners.links[here, Y]
            if distance2(x, y, ax, ay, bx, by, aspect) > tolerance2:
                break
            direction = onward(corners.links[here, FLAGS], direction)
            here = step(corners, here, direction)
        if here == first:
            return True
    return False
