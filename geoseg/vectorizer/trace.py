"""Find the corners where borders bend or meet, between rows of pixels.

Only these corners are kept, so the work is in the borders and not in the pixels. Directions are
0 east, 1 south, 2 west, 3 north; rows go down.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.bits import count_ones, load, store, up_to, write_ones
from geoseg.vectorizer.edges import corner_bits
from geoseg.vectorizer.scratch import Scratch

X, Y, FLAGS, UP, DOWN = range(5)
"""Columns of `Corners.links`: place, edges, corners that vertical edges lead to (-1: unknown)."""
DX, DY = range(2)
"""Columns of `Corners.shift`: right and down."""
NW, NE, SW, SE = range(4)
"""Columns of `Corners.around`: the regions around a corner."""
UNITS = 8
"""Lines are drawn on a lattice of this many points per pixel, so that all is in whole numbers."""
EAST, SOUTH, WEST, NORTH, NODE = 1, 2, 4, 8, 16
"""Bits of FLAGS: an edge leaves that way (1 << direction); an arc ends here."""


class Corners(NamedTuple):
    """Corners in row-major order, as three tables: few columns, so that walks stay in the cache."""

    links: np.ndarray
    """(n, 5) int32: X, Y, FLAGS, UP, DOWN."""
    shift: np.ndarray
    """(n, 2) int8: DX, DY, the UNITS that it is drawn away from its place."""
    around: np.ndarray
    """(n, 4) int32: NW, NE, SW, SE."""


def room(count: int, scratch: Scratch, *, keep: int = 0) -> Corners:
    """Make room for as many corners; the first `keep` still hold what they held."""
    return Corners(
        scratch.array("links", (count, 5), np.int32, keep=keep),
        scratch.array("shift", (count, 2), np.int8, keep=keep),
        scratch.array("around", (count, 4), np.int32, keep=keep),
    )


def part(corners: Corners, start: int, stop: int) -> Corners:
    """Give the corners [start, stop), not copied."""
    return Corners(*(one[start:stop] for one in corners))


def drop_first(corners: Corners, count: int) -> Corners:
    """Move all but the first corners to the front; give them."""
    left = len(corners.links) - count
    if count:
        for one in corners:
            one[:left] = one[count:]
    return part(corners, 0, left)


@kernel
def renumber(corners, drop, places):
    """Follow regions to their new numbers, and corners to their new rows.

    Args:
        corners: changed; the first `drop` are gone already.
        drop: see there.
        places: (regions,) int32, new number of every region; those below 0 stay.
    """
    for corner in range(len(corners.links)):
        for link in (UP, DOWN):
            corners.links[corner, link] = max(corners.links[corner, link] - drop, -1)
        for side in (NW, NE, SW, SE):
            region = corners.around[corner, side]
            corners.around[corner, side] = places[region] if region >= 0 else region


@helper
def _bits(edges, row, places):
    """Write the columns of the corners between a row and the one above; give how many."""
    n, before = 0, np.int64(0)
    for word in range(edges.north.shape[1]):
        n = write_ones(corner_bits(edges, row, word, before), 64 * word, places, n)
        before = edges.north[row, word] >> 63 & 1
    return n


@helper
def _bit(words, col):
    """Give the bit of a column."""
    return load(words, col >> 6) >> (col & 63) & 1


@helper
def _surround(regions, words, ranks, starts, x, around, at):
    """Write the regions west and east of a corner, in one of the rows beside it."""
    run = load(ranks, x >> 6) + count_ones(load(words, x >> 6) & up_to(x & 63))
    store(around, at, load(regions, run - starts))
    store(around, at + 1, load(regions, run))


@kernel
def find_corners(edges, regions, first_row, width, height, last, firsts, corners, n, places):
    """Write the corners between consecutive rows, in row-major order, and link them up and down.

    Args:
        edges: of the rows; the first is the one above.
        regions: of their runs, behind one that is outside, as the last one of each row is.
        first_row: row of the raster of the second row.
        width, height: of the raster.
        last: (width + 1,) int32, for each column the corner that its open vertical edge comes from,
            -1 where none is known; changed.
        firsts: (width + 1,) int32, written: the corner that an edge from an unknown one leads to.
        corners: written from n on, but for the shift.
        n: corners that there are already.
        places: (width + 64,) int32, room for the work.

    Returns:
        The number of corners.
    """
    links, around = corners.links, corners.around
    for row in range(1, len(edges.west)):
        y = first_row + row - 1
        above, below, beside = edges.west[row - 1], edges.west[row], edges.north[row]
        above_ranks, below_ranks = edges.ranks[row - 1], edges.ranks[row]
        for k in range(_bits(edges, row, places)):
            x = np.int64(load(places, k))
            north, south, east, west = _bit(above, x), _bit(below, x), _bit(beside, x), 0
            if x > 0:
                west = _bit(beside, x - 1)
            _surround(regions, above, above_ranks, north, x, around, 4 * n + NW)
            _surround(regions, below, below_ranks, south, x, around, 4 * n + SW)
            flags = NORTH * north + SOUTH * south + WEST * west + EAST * east
            is_node = north + south + west + east > 2
            if x == 0 or x == width:
                is_node |= y == 0 or y == height
            open_edge = np.int64(load(last, x))
            up = open_edge | (north - 1)  # -1 without an edge; this way nothing is to be guessed
            store(links, 5 * (n if up < 0 else up) + DOWN, n)
            store(links, 5 * n + X, x)
            store(links, 5 * n + Y, y)
            store(links, 5 * n + FLAGS, flags + NODE * is_node)
            store(links, 5 * n + UP, up)
            store(links, 5 * n + DOWN, -1)
            if up < north - 1:
                firsts[x] = n
            store(last, x, n if south else open_edge)
            n += 1
    return n


@kernel
def append(corners, n, more, places, last, firsts, more_last):
    """Write corners behind those of the rows above, and link the edges between them.

    Args:
        corners: written from n on.
        n: corners that there are already.
        more: the others; their links are among themselves.
        places: (regions,) int32, number of every region of theirs.
        last: (width + 1,) int32, see `find_corners`; changed.
        firsts, more_last: the same of the others.
    """
    links, around = corners.links[n:], corners.around[n:]
    for k in range(len(more.links)):
        up, down = more.links[k, UP], more.links[k, DOWN]
        links[k, X], links[k, Y] = more.links[k, X], more.links[k, Y]
        links[k, FLAGS] = more.links[k, FLAGS]
        links[k, UP], links[k, DOWN] = up + (n if up >= 0 else 0), down + (n if down >= 0 else 0)
        around[k, NW], around[k, NE] = places[more.around[k, NW]], places[more.around[k, NE]]
        around[k, SW], around[k, SE] = places[more.around[k, SW]], places[more.around[k, SE]]
    for x in range(len(last)):
        if firsts[x] >= 0:
            first, above = n + firsts[x], last[x]
            corners.links[first, UP] = above
            if above >= 0:
                corners.links[above, DOWN] = first
        if more_last[x] >= 0:
            last[x] = n + more_last[x]
