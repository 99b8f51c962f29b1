"""Order rings to polygons, and write them in CRS coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.trace import UNITS

REGION, KEY, RING_AREA2, RING_EDGE, TURN, ACROSS, DOWN = range(7)
"""Columns of a ring table (int64).

REGION: on the right hand. KEY: corner and direction, as in an arc table, that the ring starts with:
the smallest at its junctions, else its smallest. RING_AREA2: twice the signed area. RING_EDGE: 1
where anything beside it is outside or has no data. TURN: how many of its points are before its
start, where it is one line. ACROSS, DOWN: pixels that it goes along rows and columns, where lines
are plain.
"""

Numbers = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Order:
    """Where rings go: polygon by polygon, in each the shell and then its holes."""

    places: np.ndarray
    """(rings,) int64, where the points of each ring start among all."""
    ring_offsets: np.ndarray
    """(rings + 1,) int64, start of each ring, in the new order, in the points."""
    polygon_offsets: np.ndarray
    """(polygons + 1,) int64, start of each polygon in the rings."""
    polygons: np.ndarray
    """(rings,) int64, polygon of each ring."""


def in_order(rings: np.ndarray, sizes: np.ndarray, ranks: np.ndarray, count: int) -> Order:
    """Order rings.

    Args:
        rings: ring table; every polygon has one shell.
        sizes: (rings,) int64, points of each.
        ranks: (regions,) int64, polygon of each region.
        count: polygons.
    """
    polygons = ranks[rings[:, REGION]]
    is_hole = rings[:, RING_AREA2] < 0
    shells, holes = np.flatnonzero(~is_hole), np.flatnonzero(is_hole)
    holes = holes[np.lexsort((rings[holes, KEY], polygons[holes]))]
    polygon_offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(polygons, minlength=count), out=polygon_offsets[1:])
    order = np.empty(len(rings), np.int64)
    order[polygon_offsets[polygons[shells]]] = shells
    order[np.arange(len(holes)) + polygons[holes] + 1] = holes
    ring_offsets = np.zeros(len(rings) + 1, np.int64)
    np.cumsum(sizes[order], out=ring_offsets[1:])
    places = np.empty(len(rings), np.int64)
    places[order] = ring_offsets[:-1]
    return Order(places, ring_offsets, polygon_offsets, polygons)


def to_crs(transform: Affine) -> tuple[Numbers, int]:
    """Give the numbers that take UNITS of a line to the CRS, and -1 where rings turn around."""
    a, b, c, d, e, f = map(float, transform[:6])
    way = -1 if a * e - b * d < 0 else 1
    return (a / UNITS, b / UNITS, c, d / UNITS, e / UNITS, f), way


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


@helper
def _close(ring, way):
    """Write the first point of a ring again at its end; it was written from its end, way -1."""
    end = len(ring) - 1
    if way > 0:
        ring[end, 0], ring[end, 1] = ring[0, 0], ring[0, 1]
    else:
        ring[0, 0], ring[0, 1] = ring[end, 0], ring[end, 1]


@kernel
def write_outlines(table, offsets, points, affine, way, places, xy):
    """Write rings that are one line each in CRS coordinates.

    Args:
        table, offsets, points: `Outlines`.
        affine, way: see `to_crs`.
        places: (rings,) int64, where each goes.
        xy: (points, 2) float64, written.
    """
    for k in range(len(table)):
        line = points[offsets[k] : offsets[k + 1]]
        n, turn = len(line), table[k, TURN]
        ring = xy[places[k] : places[k] + n + 1]
        if way > 0:
            _write_line(line[turn:], affine, False, ring[: n - turn])
            _write_line(line[:turn], affine, False, ring[n - turn : n])
        else:
            _write_line(line[turn:], affine, True, ring[turn + 1 :])
            _write_line(line[:turn], affine, True, ring[1 : turn + 1])
        _close(ring, way)


@kernel
def write_rings(ring_offsets, halves, offsets, points, affine, way, sizes, places, xy):
    """Write rings of arcs in CRS coordinates; all use the same arithmetic for a point.

    Args:
        ring_offsets, halves: the half arcs of each ring.
        offsets, points: `Lines`.
        affine, way: see `to_crs`.
        sizes: (rings,) int64, points of each.
        places: (rings,) int64, where each goes.
        xy: (points, 2) float64, written.
    """
    for k in range(len(sizes)):
        ring = xy[places[k] : places[k] + sizes[k]]
        at = 0 if way > 0 else len(ring) - 1
        for place in range(ring_offsets[k], ring_offsets[k + 1]):
            arc, is_back = halves[place] >> 1, halves[place] & 1
            line = points[offsets[arc] + is_back : offsets[arc + 1] - 1 + is_back]
            count = len(line)
            room = ring[at : at + count] if way > 0 else ring[at - count + 1 : at + 1]
            _write_line(line, affine, (is_back != 0) == (way > 0), room)
            at += way * count
        _close(ring, way)
