"""Put arcs together to rings, and rings to polygons, region by region as regions are finished.

A ring keeps its region on the right hand (rows go down); where four regions meet in a chequer and
the two diagonal ones are the same region, the ring crosses over, so that it never touches itself
and a hole that touches the shell is a ring of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine

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
def _link(starts, order, after, following):
    """Find for each half arc the one that leaves by its key."""
    for half in range(len(after)):
        low, high = 0, len(starts)
        while low < high:
            middle = (low + high) // 2
            if starts[order[middle]] < after[half]:
                low = middle + 1
            else:
                high = middle
        following[half] = order[low]


@kernel
def _walk_rings(order, starts, regions, following, arcs, table, halves, ring_offsets, rings):
    """Walk the rings; each starts at the smallest of its keys."""
    seen = np.zeros(len(order), np.bool_)
    n = m = 0
    for first in order:
        if seen[first]:
            continue
        rings[n, REGION], rings[n, KEY] = regions[first], starts[first]
        rings[n, RING_AREA2] = rings[n, RING_EDGE] = 0
        half = first
        while not seen[half]:
            seen[half] = True
            halves[m] = half
            m += 1
            area2 = table[arcs[half] // 2, AREA2]
            rings[n, RING_AREA2] += -area2 if arcs[half] % 2 else area2
            rings[n, RING_EDGE] |= table[arcs[half] // 2, EDGE]
            half = following[half]
        n += 1
        ring_offsets[n] = m
    return n


@kernel
def _count_points(order, ring_offsets, halves, arcs, offsets, out):
    for k in range(len(order)):
        n = np.int64(1)
        for place in range(ring_offsets[order[k]], ring_offsets[order[k] + 1]):
            arc = arcs[halves[place]] // 2
            n += offsets[arc + 1] - offsets[arc] - 1
        out[k + 1] = out[k] + n


@helper
def _write_ring(halves, arcs, offsets, points, affine, backward, xy):
    """Write one ring in CRS coordinates; all rings use the same arithmetic for a point."""
    n = 0
    for half in halves:
        arc = arcs[half] // 2
        size = offsets[arc + 1] - offsets[arc]
        for k in range(size - 1):
            place = offsets[arc] + (size - 1 - k if arcs[half] % 2 else k)
            col, row = points[place, 0] / UNITS, points[place, 1] / UNITS
            at = len(xy) - 1 - n if backward else n
            xy[at, 0] = affine[0] * col + affine[1] * row + affine[2]
            xy[at, 1] = affine[3] * col + affine[4] * row + affine[5]
            n += 1
    if backward:
        xy[0, 0], xy[0, 1] = xy[n, 0], xy[n, 1]
    else:
        xy[n, 0], xy[n, 1] = xy[0, 0], xy[0, 1]


@kernel
def _write_rings(
    order, ring_offsets, halves, arcs, offsets, points, affine, backward, out, xy
):
    for k in range(len(order)):
        ring = halves[ring_offsets[order[k]] : ring_offsets[order[k] + 1]]
        part = xy[out[k] : out[k + 1]]
        _write_ring(ring, arcs, offsets, points, affine, backward, part)


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


def assemble(lines: Lines, ranks: np.ndarray, transform: Affine) -> Shapes:
    """Make the polygons of finished regions.

    Args:
        lines: all arcs of these regions, and others.
        ranks: (regions,) int64, place of each region in the result; -1 where it is not wanted.
        transform: pixel corner to CRS coordinates.

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
    order = np.argsort(starts, kind="stable")
    following = np.empty(len(arcs), np.int64)
    _link(starts, order, after, following)
    halves, ring_offsets = np.empty(len(arcs), np.int64), np.zeros(len(arcs) + 1, np.int64)
    rings = np.empty((len(arcs), 4), np.int64)
    count = _walk_rings(
        order, starts, regions, following, arcs, table, halves, ring_offsets, rings
    )
    rings = rings[:count]
    by_rank = np.lexsort((rings[:, KEY], rings[:, RING_AREA2] < 0, ranks[rings[:, REGION]]))
    rings = rings[by_rank]
    sizes = np.zeros(count + 1, np.int64)
    _count_points(by_rank, ring_offsets, halves, arcs, offsets, sizes)
    coords = np.empty((sizes[-1], 2))
    affine = np.array(transform[:6], np.float64)
    backward = bool(affine[0] * affine[4] - affine[1] * affine[3] < 0)
    _write_rings(
        by_rank, ring_offsets, halves, arcs, offsets, lines.points, affine, backward, sizes, coords
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


def extend(lines: Lines, more: Lines) -> Lines:
    """Put new arcs behind the ones that wait."""
    return Lines(
        np.concatenate([lines.table, more.table]),
        np.concatenate([lines.offsets, more.offsets[1:] + lines.offsets[-1]]),
        np.concatenate([lines.points, more.points]),
    )
