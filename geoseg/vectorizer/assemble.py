"""Put arcs together to rings, and rings to polygons, region by region as regions are finished.

A ring keeps its region on the right hand (rows go down); where four regions meet in a chequer and
the two diagonal ones are the same region, the ring crosses over, so that it never touches itself
and a hole that touches the shell is a ring of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine

from geoseg.vectorizer.borders import EMPTY, find_place
from geoseg.vectorizer.compiled import helper, kernel
from geoseg.vectorizer.stitch import (
    ACROSS_END,
    ACROSS_START,
    AFTER_END,
    AFTER_START,
    AREA2,
    EDGE,
    END,
    LEFT,
    RIGHT,
    START,
)
from geoseg.vectorizer.threads import even_parts, join_offsets, spread
from geoseg.vectorizer.trace import UNITS

REGION, KEY, RING_AREA2, RING_EDGE = range(4)
"""Columns of a ring table (int64)."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Arcs as drawn, that wait for the regions beside them."""

    table: np.ndarray
    """(n, 10) int64, arc table; a side that needs the arc no more is -1."""
    offsets: np.ndarray
    """(n + 1,) int64, start of each arc in points."""
    points: np.ndarray
    """(m, 2) int32, eighths of a pixel (UNITS)."""


@kernel
def _link(starts, after, keys, places, following):
    """Find for each half arc the one that leaves by its key; keys and places are a hash table."""
    for half in range(len(starts)):
        place = find_place(keys, starts[half])
        keys[place], places[place] = starts[half], half
    for half in range(len(after)):
        following[half] = places[find_place(keys, after[half])]


@helper
def _smallest(first, starts, following):
    """Find the half arc of a ring that leaves by the smallest key."""
    smallest, half = first, following[first]
    while half != first:
        if starts[half] < starts[smallest]:
            smallest = half
        half = following[half]
    return smallest


@kernel
def _walk_rings(starts, regions, following, arcs, table, seen, halves, ring_offsets, rings):
    """Walk the rings; each starts at the smallest of its keys."""
    n = m = 0
    for first in range(len(starts)):
        if seen[first]:
            continue
        half = _smallest(first, starts, following)
        rings[n, REGION], rings[n, KEY] = regions[half], starts[half]
        rings[n, RING_AREA2] = rings[n, RING_EDGE] = 0
        while not seen[half]:
            seen[half] = True
            halves[m] = arcs[half]
            m += 1
            area2 = table[arcs[half] >> 1, AREA2]
            rings[n, RING_AREA2] += -area2 if arcs[half] & 1 else area2
            rings[n, RING_EDGE] |= table[arcs[half] >> 1, EDGE]
            half = following[half]
        n += 1
        ring_offsets[n] = m
    return n


@kernel
def _count_points(order, ring_offsets, halves, offsets, out):
    for k in range(len(order)):
        n = np.int64(1)
        for place in range(ring_offsets[order[k]], ring_offsets[order[k] + 1]):
            arc = halves[place] >> 1
            n += offsets[arc + 1] - offsets[arc] - 1
        out[k + 1] = out[k] + n


@kernel
def _write_rings(first, last, order, ring_offsets, halves, offsets, points, affine, way, out, xy):
    """Write rings [first, last) in CRS coordinates; all use the same arithmetic for a point.

    Args:
        affine: six numbers, of units of a line to coordinates.
        way: -1 to write them backwards.
    """
    a, b, c, d, e, f = affine
    for k in range(first, last):
        start = at = out[k] if way > 0 else out[k + 1] - 1
        for place in range(ring_offsets[order[k]], ring_offsets[order[k] + 1]):
            arc, step = halves[place] >> 1, 1
            here = offsets[arc]
            count = offsets[arc + 1] - here - 1
            if halves[place] & 1:
                here, step = here + count, -1
            for _ in range(count):
                col, row = points[here, 0], points[here, 1]
                xy[at, 0] = a * col + b * row + c
                xy[at, 1] = d * col + e * row + f
                here += step
                at += way
        xy[at, 0], xy[at, 1] = xy[start, 0], xy[start, 1]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Polygons as ragged arrays."""

    coords: np.ndarray
    """(n, 2) float64, CRS coordinates."""
    ring_offsets: np.ndarray
    """(rings + 1,) int64, start of each ring in coords; a ring repeats its first point."""
    polygon_offsets: np.ndarray
    """(polygons + 1,) int64, start of each polygon in the rings: the shell, then its holes."""
    regions: np.ndarray
    """(polygons,) int64, region of each."""
    edge: np.ndarray
    """(polygons,) bool, touches the scene's edge or pixels without data."""


def assemble(lines: Lines, ranks: np.ndarray, transform: Affine, *, threads: int = 1) -> Shapes:
    """Make the polygons of finished regions.

    Args:
        lines: all arcs of these regions, and others.
        ranks: (regions,) int64, place of each region in the result; -1 where it is not wanted.
        transform: pixel corner to CRS coordinates.
        threads: that write rings.

    Returns:
        The polygons in the order of their ranks; shells are counter-clockwise in the CRS.
    """
    table, offsets = lines.table, lines.offsets
    forward = np.flatnonzero(ranks[table[:, RIGHT]] >= 0)
    back = np.flatnonzero(ranks[table[:, LEFT]] >= 0)
    arcs = np.concatenate([2 * forward, 2 * back + 1])
    regions = np.concatenate([table[forward, RIGHT], table[back, LEFT]])
    starts = np.concatenate([table[forward, START], table[back, END]])
    after = np.concatenate([table[forward, AFTER_END], table[back, AFTER_START]])
    across = np.concatenate([table[forward, ACROSS_END], table[back, ACROSS_START]])
    after[across == regions] ^= 2
    following = np.empty(len(arcs), np.int64)
    size = 1 << (2 * len(arcs)).bit_length()
    _link(starts, after, np.full(size, EMPTY), np.empty(size, np.int64), following)
    halves, ring_offsets = np.empty(len(arcs), np.int64), np.zeros(len(arcs) + 1, np.int64)
    rings = np.empty((len(arcs), 4), np.int64)
    seen = np.zeros(len(arcs), bool)
    count = _walk_rings(
        starts, regions, following, arcs, table, seen, halves, ring_offsets, rings
    )
    rings = rings[:count]
    by_rank = np.lexsort((rings[:, KEY], rings[:, RING_AREA2] < 0, ranks[rings[:, REGION]]))
    rings = rings[by_rank]
    sizes = np.zeros(count + 1, np.int64)
    _count_points(by_rank, ring_offsets, halves, offsets, sizes)
    coords = np.empty((sizes[-1], 2))
    a, b, c, d, e, f = map(float, transform[:6])
    way = -1 if a * e - b * d < 0 else 1
    affine = (a / UNITS, b / UNITS, c, d / UNITS, e / UNITS, f)

    def write(first: int, last: int) -> None:
        _write_rings(
            first, last, by_rank, ring_offsets, halves, offsets, lines.points, affine, way, sizes,
            coords,
        )

    spread(write, even_parts(sizes, threads), threads)
    shells = np.flatnonzero(np.diff(rings[:, REGION], prepend=-1))
    edge = np.add.reduceat(rings[:, RING_EDGE], shells) > 0 if count else np.zeros(0, bool)
    return Shapes(coords, sizes, np.append(shells, count), rings[shells, REGION], edge)


def _ragged(offsets: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the offsets and the places of chosen parts of a ragged array."""
    sizes = np.diff(offsets)[chosen]
    result = np.concatenate([[0], np.cumsum(sizes)])
    places = np.arange(result[-1]) + np.repeat(offsets[chosen] - result[:-1], sizes)
    return result, places


def keep(lines: Lines, chosen: np.ndarray) -> Lines:
    """Keep some of the arcs, by their index."""
    offsets, places = _ragged(lines.offsets, chosen)
    return Lines(lines.table[chosen], offsets, lines.points[places])


def extend(lines: Lines, more: Lines) -> Lines:
    """Put new arcs behind the ones that wait."""
    return Lines(
        np.concatenate([lines.table, more.table]),
        join_offsets([lines.offsets, more.offsets]),
        np.concatenate([lines.points, more.points]),
    )
