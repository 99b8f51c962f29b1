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
from geoseg.vectorizer.outlines import Outlines
from geoseg.vectorizer.rings import (
    ACROSS, DOWN, KEY, REGION, RING_AREA2, RING_EDGE, TURN, in_order, to_crs, write_outlines,
    write_rings,
)
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.threads import join_offsets
from geoseg.vectorizer.trace import UNITS


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
        rings[n, RING_AREA2] = rings[n, RING_EDGE] = rings[n, TURN] = 0
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
def _count_points(ring_offsets, halves, offsets, sizes):
    for ring in range(len(sizes)):
        n = np.int64(1)
        for place in range(ring_offsets[ring], ring_offsets[ring + 1]):
            arc = halves[place] >> 1
            n += offsets[arc + 1] - offsets[arc] - 1
        sizes[ring] = n


@kernel
def _count_steps(ring_offsets, halves, offsets, points, rings):
    """Write how many pixels rings go along rows and along columns; their lines are plain."""
    for ring in range(len(rings)):
        across = down = np.int64(0)
        for place in range(ring_offsets[ring], ring_offsets[ring + 1]):
            arc = halves[place] >> 1
            for k in range(offsets[arc], offsets[arc + 1] - 1):
                across += abs(points[k + 1, 0] - points[k, 0])
                down += abs(points[k + 1, 1] - points[k, 1])
        rings[ring, ACROSS], rings[ring, DOWN] = across // UNITS, down // UNITS


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
    ring_offsets, rings = np.zeros(n + 1, np.int64), scratch.array("rings", (n, 7), np.int64)
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
    edge: np.ndarray
    """(polygons,) bool, touches the scene's edge or pixels without data."""
    steps: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    """(polygons,) each, where lines are plain: twice the signed area in pixels, and how many pixels
    its rings go along rows and along columns."""


def assemble(
    lines: Lines, outlines: Sequence[Outlines], ranks: np.ndarray, in_arcs: np.ndarray,
    transform: Affine, scratch: Scratch, *, is_plain: bool,
) -> Shapes:
    """Make the polygons of finished regions.

    Args:
        lines: all arcs of those of these regions that have arcs, and others.
        outlines: all rings of the other ones.
        ranks: (regions + 1,) int64, place of each region in the result; -1 where it is not wanted.
        in_arcs: (regions,) bool, whether it has arcs.
        transform: pixel corner to CRS coordinates.
        scratch: for the work.
        is_plain: all lines are the borders themselves.

    Returns:
        The polygons in the order of their ranks; shells are counter-clockwise in the CRS.
    """
    by_arcs = np.append(np.where(in_arcs, ranks[:-1], -1), -1)
    rings, halves, ring_offsets = _rings(lines.table, by_arcs, scratch)
    sizes = np.empty(len(rings), np.int64)
    _count_points(ring_offsets, halves, lines.offsets, sizes)
    if is_plain:
        _count_steps(ring_offsets, halves, lines.offsets, lines.points, rings)
    count = int(ranks.max()) + 1
    rings = np.concatenate([*(one.table for one in outlines), rings])
    order = in_order(
        rings, np.concatenate([*(np.diff(one.offsets) + 1 for one in outlines), sizes]), ranks,
        count,
    )
    coords = scratch.give((order.ring_offsets[-1], 2), np.float64)
    affine, way = to_crs(transform)
    first = 0
    for one in outlines:
        places = order.places[first : first + len(one.table)]
        write_outlines(one.table, one.offsets, one.points, affine, way, places, coords)
        first += len(places)
    write_rings(
        ring_offsets, halves, lines.offsets, lines.points, affine, way, sizes,
        order.places[first:], coords,
    )
    edge, *steps = (
        np.bincount(order.polygons, rings[:, column], count)
        for column in (RING_EDGE, RING_AREA2, ACROSS, DOWN)
    )
    return Shapes(
        coords, order.ring_offsets, order.polygon_offsets, edge > 0,
        tuple(steps) if is_plain else None,
    )


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
