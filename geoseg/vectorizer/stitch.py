"""Join strips: keep the corners that open arcs need, and give each arc once, when it is whole.

An *arc* is the chain of corners between two junctions, or a loop. It is whole when the last of its
corners in row-major order has been read, wherever strips were cut; it is found from that corner, so
it is found once. It runs from its smaller junction to its larger one, whatever strip showed it.

Memory: the corners of the rows that an open arc reaches into.

Source: Bostock, How to Infer Topology, 2013 (arcs are cut at junctions, shared by both sides).
Departs: streamed over rows, on the lattice of pixel corners, so no hashing of coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer.compiled import helper, kernel
from geoseg.vectorizer.threads import even_parts, join_offsets, spread
from geoseg.vectorizer.trace import (
    DOWN,
    EAST,
    FLAGS,
    NE,
    NODE,
    NORTH,
    NW,
    SE,
    SOUTH,
    SW,
    UNITS,
    UP,
    WEST,
    X,
    Y,
)

LEFT, RIGHT, START, END, AFTER_END, AFTER_START, ACROSS_END, ACROSS_START, AREA2, EDGE = range(10)
"""Columns of an arc table (int64).

LEFT, RIGHT: regions beside it. START, END: keys (corner and direction) by which the arc, and the
arc walked backwards, leave. AFTER_*: the key that follows there, around the region on the right
hand. ACROSS_*: the region diagonally across that junction; if it is the same region, the ring
crosses over instead of turning. AREA2: twice the signed area under the arc. EDGE: 1 where a side is
outside or has no data.
"""


@dataclass(frozen=True, slots=True)
class Arcs:
    """Whole arcs, as chains of rows of a corner table."""

    table: np.ndarray
    """(n, 10) int64, arc table."""
    offsets: np.ndarray
    """(n + 1,) int64, start of each arc in chain."""
    chain: np.ndarray
    """(m,) int64, rows of the corner table; a loop repeats its first at its end."""
    points: np.ndarray
    """(m, 2) int32, their places in eighths of a pixel (UNITS)."""


@helper
def bit(direction):
    """Give the flag of a direction."""
    if direction == 0:
        return EAST
    if direction == 1:
        return SOUTH
    return WEST if direction == 2 else NORTH


@helper
def step(corners, corner, direction):
    """Go along an edge to the next corner; -1 where it is not read yet, or no longer kept."""
    if direction == 0:
        return corner + 1
    if direction == 2:
        return corner - 1
    return np.int64(corners[corner, DOWN] if direction == 1 else corners[corner, UP])


@helper
def onward(flags, direction):
    """Choose the edge that keeps the region on the right hand: right, else on, else left."""
    for turn in (1, 0, 3):
        if flags & bit((direction + turn) & 3):
            return (direction + turn) & 3
    return -1


@helper
def bend(flags, direction):
    """Go on at a corner that is no junction: always from a row into a column, or back."""
    if direction & 1:
        return 0 if flags & EAST else 2
    return 1 if flags & SOUTH else 3


@helper
def _walk(corners, first, direction, chain, n):
    """Write the corners from `first` to a junction, or back to `first`; n where one is past it."""
    stop = n + 1
    chain[n] = first
    here = first
    while True:
        here = step(corners, here, direction)
        if here < 0 or here > first:
            return n
        chain[stop] = here
        stop += 1
        flags = corners[here, FLAGS]
        if here == first or flags & NODE:
            return stop
        direction = bend(flags, direction)


@helper
def reverse(chain, start, stop):
    stop -= 1
    while start < stop:
        chain[start], chain[stop] = chain[stop], chain[start]
        start += 1
        stop -= 1


@helper
def _heading(corners, here, there):
    """Give the direction of the edge between two neighbours of a chain."""
    if corners[there, Y] == corners[here, Y]:
        return 0 if corners[there, X] > corners[here, X] else 2
    return 1 if corners[there, Y] > corners[here, Y] else 3


@helper
def _ahead(corners, corner, direction):
    """Give the regions ahead of a corner, left and right: beside the edge that leaves that way."""
    left = (NE, SE, SW, NW)[direction]
    right = (SE, SW, NW, NE)[direction]
    return corners[corner, left], corners[corner, right]


@helper
def _across(corners, corner, direction):
    """Give the region left and ahead of a junction of four edges; -1 at others."""
    return _ahead(corners, corner, direction)[0] if corners[corner, FLAGS] & 15 == 15 else -1


@helper
def _key(corners, corner, width, direction):
    """Give the key by which an arc leaves a corner."""
    return (np.int64(corners[corner, Y]) * (width + 1) + corners[corner, X]) * 4 + direction


@helper
def _describe(corners, chain, start, stop, width, table, arc, points):
    """Fill in one row of the arc table, and the places of the arc's corners."""
    first, last = chain[start], chain[stop - 1]
    out = _heading(corners, first, chain[start + 1])
    into = _heading(corners, chain[stop - 2], last)
    back_in, back_out = (out + 2) & 3, (into + 2) & 3
    table[arc, LEFT], table[arc, RIGHT] = _ahead(corners, first, out)
    table[arc, START] = _key(corners, first, width, out)
    table[arc, END] = _key(corners, last, width, back_out)
    table[arc, AFTER_END], table[arc, AFTER_START] = table[arc, START], table[arc, END]
    if corners[first, FLAGS] & NODE:
        turn = onward(corners[last, FLAGS], into)
        table[arc, AFTER_END] = _key(corners, last, width, turn)
        turn = onward(corners[first, FLAGS], back_in)
        table[arc, AFTER_START] = _key(corners, first, width, turn)
    table[arc, ACROSS_END] = _across(corners, last, into)
    table[arc, ACROSS_START] = _across(corners, first, back_in)
    area2 = np.int64(0)
    ax, ay = np.int64(corners[first, X]), np.int64(corners[first, Y])
    for k in range(start, stop):
        bx, by = np.int64(corners[chain[k], X]), np.int64(corners[chain[k], Y])
        points[k, 0], points[k, 1] = UNITS * bx, UNITS * by
        area2 += ax * by - bx * ay
        ax, ay = bx, by
    table[arc, AREA2] = area2


@helper
def _orient(corners, chain, start, stop):
    """Make the chain start at its smaller end; a loop, at its smallest corner and eastward."""
    first, last = chain[start], chain[stop - 1]
    if first == last and not corners[first, FLAGS] & NODE:
        smallest = start
        for k in range(start, stop - 1):
            if chain[k] < chain[smallest]:
                smallest = k
        reverse(chain, start, smallest)
        reverse(chain, smallest, stop - 1)
        reverse(chain, start, stop - 1)
        chain[stop - 1] = chain[start]
        first = last = chain[start]
    there, back = chain[start + 1], chain[stop - 2]
    if first > last or (
        first == last and _heading(corners, first, there) > _heading(corners, last, back)
    ):
        reverse(chain, start, stop)


@helper
def _chain_from(corners, corner, out, chain, start):
    """Write the whole arc that leaves its last corner this way; return `start` if it is not."""
    stop = _walk(corners, corner, out, chain, start)
    if stop == start:
        return start
    end = chain[stop - 1]
    if corners[corner, FLAGS] & NODE:
        back = _heading(corners, end, chain[stop - 2])
        return start if end == corner and back < out else stop
    if end == corner:
        return stop
    reverse(chain, start, stop)
    last = _walk(corners, corner, 3, chain, stop - 1)
    return start if last == stop - 1 else last


@kernel
def find_arcs(corners, first, last, wanted, width, table, offsets, chain, points):
    """Find the arcs that became whole with the corners [first, last).

    Args:
        corners: corner table.
        first, last: rows of it, settled since the call before.
        wanted: (regions,) bool; an arc without a wanted side is left out.
        width: columns of the raster.
        table, offsets, chain, points: arcs, written from their start.

    Returns:
        The number of arcs.

    No arc leaves its last corner to the east or south, or goes west and then south: later corners
    are there.
    """
    n = 0
    for corner in range(first, last):
        flags = corners[corner, FLAGS]
        is_node = flags & NODE
        if not is_node and flags != WEST + NORTH:
            continue
        for out in (2, 3):
            if not flags & bit(out) or (not is_node and out != 2):
                continue
            if out == 2 and corners[corner - 1, FLAGS] & (NODE + SOUTH) == SOUTH:
                continue
            start = offsets[n]
            stop = _chain_from(corners, corner, out, chain, start)
            if stop == start:
                continue
            _orient(corners, chain, start, stop)
            _describe(corners, chain, start, stop, width, table, n, points)
            if wanted[table[n, LEFT]] or wanted[table[n, RIGHT]]:
                n += 1
                offsets[n] = stop
    return n


def whole_arcs(
    corners: np.ndarray, first: int, last: int, wanted: np.ndarray, width: int, threads: int
) -> Arcs:
    """Find the arcs that became whole with the corners [first, last); see `find_arcs`."""

    def part(first: int, last: int) -> tuple[np.ndarray, ...]:
        room, longest = 2 * (last - first) + 4, 4 * len(corners) + 8
        table, offsets = np.empty((room, 10), np.int64), np.zeros(room + 1, np.int64)
        chain, points = np.empty(longest, np.int64), np.empty((longest, 2), np.int32)
        n = find_arcs(corners, first, last, wanted, width, table, offsets, chain, points)
        return table[:n], offsets[: n + 1], chain[: offsets[n]], points[: offsets[n]]

    ranges = even_parts(np.arange(first, last + 1), threads)
    parts = spread(part, [(first + one, first + two) for one, two in ranges], threads)
    if len(parts) == 1:
        return Arcs(*parts[0])
    tables, offsets, *rest = zip(*parts, strict=True)
    return Arcs(np.concatenate(tables), join_offsets(offsets), *map(np.concatenate, rest))
