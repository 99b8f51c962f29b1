"""Simplify each arc once, between its ends, so that no arc crosses itself or another.

A shortcut over some points of an arc is taken only where the area between them and the shortcut has
no other point of any arc. Then no order of work matters and neighbours need not be simplified yet:
each arc stays on its side of every point that any other arc may keep.

Two arcs with the same two ends enclose a region; such an arc keeps a point between its ends, and a
loop keeps two besides its own, so that no region vanishes.

Source: Douglas and Peucker, 1973; de Berg, van Kreveld and Schirra, Topologically correct
subdivision simplification using the bandwidth criterion, 1998 (the empty area). Departs: the
distance is to the segment, not to its line; a loop is split at two of its farthest points.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.vectorize.compiled import helper, kernel
from geoseg.vectorize.smooth import draw, points_of
from geoseg.vectorize.stitch import bit, onward, reverse, step
from geoseg.vectorize.trace import FLAGS, NODE, X, Y

SLACK = 1.0
"""Pixels that a corner may be from the points that stand for it, and a little more."""


def margin(tolerance: float, aspect: float) -> int:
    """Give the rows beyond an arc that must be known before it can be simplified.

    Args:
        tolerance: pixels (of the mean size).
        aspect: height of a pixel divided by its width.
    """
    near = (tolerance + SLACK) * math.sqrt(max(aspect, 1 / aspect))
    return math.ceil(near / math.sqrt(aspect)) + 5


@helper
def _distance2(x, y, ax, ay, bx, by, aspect):
    """Give the squared distance of a point to a segment, in half pixels of the mean size."""
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
def _farthest(points, start, stop, aspect):
    """Find the point between two that is farthest from their segment, the first of equals."""
    best, where = -1.0, start
    ax, ay, bx, by = points[start, 0], points[start, 1], points[stop, 0], points[stop, 1]
    for k in range(start + 1, stop):
        distance2 = _distance2(points[k, 0], points[k, 1], ax, ay, bx, by, aspect)
        if distance2 > best:
            best, where = distance2, k
    return where, best


@helper
def _encloses(points, start, stop, x, y):
    """Tell whether a point is in or on the area between an arc's part and its shortcut."""
    winding = 0
    ax, ay = np.int64(points[stop, 0] - x), np.int64(points[stop, 1] - y)
    for k in range(start, stop + 1):
        bx, by = np.int64(points[k, 0] - x), np.int64(points[k, 1] - y)
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
def _is_blocked(corners, corner, cut, own, points, start, stop, n, shift):
    """Tell whether a point of this corner forbids a shortcut."""
    here = np.empty((2, 2), np.int32)
    count = points_of(corners, corner, cut, here, 0)
    for k in range(count):
        x, y = here[k, 0], here[k, 1]
        if (x == points[start, 0] and y == points[start, 1]) or (
            x == points[stop, 0] and y == points[stop, 1]
        ):
            continue
        if own[corner] >= 0:
            is_part = False
            for other in range(2):
                place = own[corner] + other
                place = (place - shift) % (n - 1) if shift >= 0 else place
                if start <= place <= stop and points[place, 0] == x and points[place, 1] == y:
                    is_part = True
            if is_part:
                continue
        if _encloses(points, start, stop, x, y):
            return True
    return False


@helper
def _is_clear(corners, rows, cut, own, points, start, stop, n, shift, reach, aspect):
    """Tell whether no other point is between an arc's part and its shortcut."""
    ax, ay, bx, by = points[start, 0], points[start, 1], points[stop, 0], points[stop, 1]
    top = corners[0, Y]
    across, down = reach * math.sqrt(aspect) + 1, reach / math.sqrt(aspect) + 1
    first = math.floor((min(ay, by) - down) / 2)
    last = math.ceil((max(ay, by) + down) / 2)
    for y in range(max(first, top), min(last, top + len(rows) - 2) + 1):
        low, high = _span(ay, by, 2 * y - down, 2 * y + down, ax, bx)
        low, high = (low - across) / 2, (high + across) / 2
        corner, end = rows[y - top], rows[y - top + 1]
        while corner < end:
            middle = (corner + end) // 2
            if corners[middle, X] < low:
                corner = middle + 1
            else:
                end = middle
        end = rows[y - top + 1]
        while corner < end and corners[corner, X] <= high:
            if _is_blocked(corners, corner, cut, own, points, start, stop, n, shift):
                return False
            corner += 1
    return True


@helper
def _has_twin(corners, chain, tolerance2, aspect):
    """Tell whether another arc joins the same ends and is as near to their segment."""
    first, last = chain[0], chain[-1]
    ax, ay = 2 * corners[first, X], 2 * corners[first, Y]
    bx, by = 2 * corners[last, X], 2 * corners[last, Y]
    for out in range(4):
        if not corners[last, FLAGS] & bit(out):
            continue
        here, direction = step(corners, last, out), out
        if here == chain[-2]:
            continue
        while here >= 0 and not corners[here, FLAGS] & NODE:
            x, y = 2 * corners[here, X], 2 * corners[here, Y]
            if _distance2(x, y, ax, ay, bx, by, aspect) > tolerance2:
                break
            direction = onward(corners[here, FLAGS], direction)
            here = step(corners, here, direction)
        if here == first:
            return True
    return False


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
def _split_loop(points, n, keep, aspect):
    """Keep the point farthest from a loop's start, and one more on either way back."""
    best, far = -1, 0
    for k in range(n - 1):
        dx, dy = np.int64(points[k, 0] - points[0, 0]), np.int64(points[k, 1] - points[0, 1])
        if dx * dx + dy * dy > best:
            best, far = dx * dx + dy * dy, k
    keep[far] = True
    for start, stop in ((0, far), (far, n - 1)):
        where, distance2 = _farthest(points, start, stop, aspect)
        if distance2 > 0:
            keep[where] = True


@helper
def _douglas_peucker(corners, rows, chain, cut, own, points, n, shift, keep, tolerance, aspect):
    """Mark the points of one arc that stay."""
    tolerance2 = 4 * tolerance * tolerance
    is_loop = points[0, 0] == points[n - 1, 0] and points[0, 1] == points[n - 1, 1]
    for k in range(n):
        keep[k] = k == 0 or k == n - 1
    if is_loop:
        _split_loop(points, n, keep, aspect)
    stack = np.empty(n, np.int64)
    start = 0
    stack[0] = n - 1
    height = 1
    while height > 0:
        stop = stack[height - 1]
        for k in range(start + 1, stop):
            if keep[k]:
                stop = k
                break
        if stop != stack[height - 1]:
            stack[height] = stop
            height += 1
        where, distance2 = _farthest(points, start, stop, aspect)
        is_straight = where == start or distance2 <= tolerance2
        if is_straight and where != start:
            is_straight = _is_clear(
                corners, rows, cut, own, points, start, stop, n, shift, 2 * tolerance, aspect
            )
        if is_straight and distance2 > 0 and start == 0 and stop == n - 1 and not is_loop:
            near2 = 4 * (tolerance + SLACK) ** 2 * max(aspect, 1 / aspect)
            is_straight = not _has_twin(corners, chain, near2, aspect)
        if is_straight:
            keep[stop] = True
            start = stop
            height -= 1
        else:
            keep[where] = True


@kernel
def simplify(corners, rows, offsets, chain, cut, tolerance, aspect, points, point_offsets):
    """Draw the arcs and leave out the points that they can do without.

    Args:
        corners: corner table.
        rows: (rows + 1,) int64, start of each row of corners in it, from that of its first.
        offsets, chain: arcs.
        cut: True to cut the stairs first.
        tolerance: pixels of the mean size; below 0 leaves all points.
        aspect: height of a pixel divided by its width.
        points: (2 * len(chain), 2) int32, half pixels, written.
        point_offsets: (arcs + 1,) int64, written.
    """
    own = np.full(len(corners), -1, np.int64)
    longest = 0
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
        if n > 2 and tolerance >= 0:
            is_free = links[0] == links[-1] and not corners[links[0], FLAGS] & NODE
            shift = _turn_loop(line, n) if is_free else -1
            for k in range(len(links)):
                own[links[k]] = firsts[k]
            _douglas_peucker(
                corners, rows, links, cut, own, line, n, shift, keep, tolerance, aspect
            )
            for k in range(len(links)):
                own[links[k]] = -1
        for k in range(n):
            if keep[k]:
                points[total, 0], points[total, 1] = line[k, 0], line[k, 1]
                total += 1
        point_offsets[arc + 1] = total
