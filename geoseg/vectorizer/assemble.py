"""Put arcs together to rings, and rings to polygons, region by region as regions are finished.

A ring keeps its region on the right hand (rows go down); where four regions meet in a chequer and
the two diagonal ones are the same region, the ring crosses over, so that it never touches itself
and a hole that touches the shell is a ring of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.borders import EMPTY, find_place
from geoseg.vectorizer.arcs import (
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
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.threads import join_offsets
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
def _half_arcs(table, ranks, arcs, regions, starts, after):
    """List the arcs beside wanted regions, once for each side; give how many these are.

    Args:
        table: arc table.
        ranks: (regions + 1,) int64, below 0 where a region is not wanted.
        arcs: (2 n,) int32, written: twice the arc, and 1 where it runs backwards.
        regions: (2 n,) int32, written: the region on the right hand.
        starts, after: (2 n,) int64, written: the key that it leaves by, and the one that follows.
    """
    n = 0
    for arc in range(len(table)):
        right, left = table[arc, RIGHT], table[arc, LEFT]
        if ranks[right] >= 0:
            arcs[n], regions[n] = 2 * arc, right
            starts[n] = table[arc, START]
            after[n] = table[arc, AFTER_END] ^ (2 if table[arc, ACROSS_END] == right else 0)
            n += 1
        if ranks[left] >= 0:
            arcs[n], regions[n] = 2 * arc + 1, left
            starts[n] = table[arc, END]
            after[n] = table[arc, AFTER_START] ^ (2 if table[arc, ACROSS_START] == left else 0)
            n += 1
    return n


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


@helper
def _write_line(line, affine, is_turned, xy):
    """Write the points of a line in CRS coordinates, in their order or backwards."""
    a, b, c, d, e, f = affine
    n = len(line)
    if is_turned:
        for k in range(n):
            col, row = line[n - 1 - k, 0], line[n - 1 - k, 1]
            xy[k, 0], xy[k, 1] = a * col + b * row + c, d * col + e * row + f
    else:
        for k in range(n):
            col, row = line[k, 0], line[k, 1]
            xy[k, 0], xy[k, 1] = a * col + b * row + c, d * col + e * row + f


@kernel
def _write_rings(order, ring_offsets, halves, offsets, points, affine, way, out, xy):
    """Write rings in CRS coordinates; all use the same arithmetic for a point.

    Args:
        affine: six numbers, of units of a line to coordinates.
        way: -1 to write them backwards.
    """
    for k in range(len(order)):
        ring = xy[out[k] : out[k + 1]]
        end = len(ring) - 1
        at = 0 if way > 0 else end
        for place in range(ring_offsets[order[k]], ring_offsets[order[k] + 1]):
            arc, is_back = halves[place] >> 1, halves[place] & 1
            line = points[offsets[arc] + is_back : offsets[arc + 1] - 1 + is_back]
            count = len(line)
            room = ring[at : at + count] if way > 0 else ring[at - count + 1 : at + 1]
            _write_line(line, affine, (is_back != 0) == (way > 0), room)
            at += way * count
        if way > 0:
            ring[end, 0], ring[end, 1] = ring[0, 0], ring[0, 1]
        else:
            ring[0, 0], ring[0, 1] = ring[end, 0], ring[end, 1]


def _rings(
    table: np.ndarray, ranks: np.ndarray, scratch: Scratch
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the rings of wanted regions: their table, their half arcs, and the offsets of these."""
    room = 2 * len(table)
    arcs, regions, following, halves = scratch.array("half arcs", (4, room), np.int32)
    starts, after = scratch.array("keys", (2, room), np.int64)
    n = _half_arcs(table, ranks, arcs, regions, starts, after)
    size = 1 << (2 * n).bit_length()
    keys, places = scratch.array("hashed", size, np.int64), scratch.array("at", size, np.int32)
    keys.fill(EMPTY)
    _link(starts[:n], after[:n], keys, places, following)
    ring_offsets, rings = np.zeros(n + 1, np.int64), scratch.array("rings", (n, 4), np.int64)
    count = _walk_rings(
        starts[:n], regions, following, arcs, table, np.zeros(n, bool), halves, ring_offsets, rings
    )
    return rings[:count], halves, ring_offsets


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


def assemble(
    lines: Lines, ranks: np.ndarray, transform: Affine, scratch: Scratch
) -> Shapes:
    """Make the polygons of finished regions.

    Args:
        lines: all arcs of these regions, and others.
        ranks: (regions,) int64, place of each region in the result; -1 where it is not wanted.
        transform: pixel corner to CRS coordinates.
        scratch: for the work.

    Returns:
        The polygons in the order of their ranks; shells are counter-clockwise in the CRS.
    """
    rings, halves, ring_offsets = _rings(lines.table, ranks, scratch)
    count = len(rings)
    by_rank = np.lexsort((rings[:, KEY], rings[:, RING_AREA2] < 0, ranks[rings[:, REGION]]))
    rings = rings[by_rank]
    sizes = np.zeros(count + 1, np.int64)
    _count_points(by_rank, ring_offsets, halves, lines.offsets, sizes)
    coords = np.empty((sizes[-1], 2))
    a, b, c, d, e, f = map(float, transform[:6])
    way = -1 if a * e - b * d < 0 else 1
    affine = (a / UNITS, b / UNITS, c, d / UNITS, e / UNITS, f)
    _write_rings(
        by_rank, ring_offsets, halves, lines.offsets, lines.points, affine, way, sizes, coords
    )
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


def extend(lines: Lines, more: Sequence[Lines], scratch: Scratch) -> Lines:
    """Put new arcs behind the ones that wait; they lie in the scratch."""
    parts = [lines, *more]
    count = sum(len(one.table) for one in parts)
    table = scratch.array("waiting arcs", (count, 10), np.int64)
    points = scratch.array("waiting points", (sum(len(one.points) for one in parts), 2), np.int32)
    np.concatenate([one.table for one in parts], out=table)
    np.concatenate([one.points for one in parts], out=points)
    return Lines(table, join_offsets([one.offsets for one in parts]), points)
