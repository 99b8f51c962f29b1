"""The table of arcs: what lies beside each, and how rings go on at its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.kernels.compiled import helper
from geoseg.vectorizer.trace import FLAGS, NE, NODE, NW, SE, SW, X, Y
from geoseg.vectorizer.walk import onward

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
    """Whole arcs, as chains of rows of `Corners`."""

    table: np.ndarray
    """(n, 10) int64, arc table."""
    offsets: np.ndarray
    """(n + 1,) int64, start of each arc in chain."""
    chain: np.ndarray
    """(m,) int32, rows of them; a loop repeats its first at its end."""
    points: np.ndarray
    """(m, 2) int32, their places in eighths of a pixel (UNITS)."""


@helper
def ahead(corners, corner, direction):
    """Give the regions ahead of a corner, left and right: beside the edge that leaves that way."""
    if direction == 0:
        return corners.around[corner, NE], corners.around[corner, SE]
    if direction == 1:
        return corners.around[corner, SE], corners.around[corner, SW]
    if direction == 2:
        return corners.around[corner, SW], corners.around[corner, NW]
    return corners.around[corner, NW], corners.around[corner, NE]


@helper
def _across(corners, corner, direction):
    """Give the region left and ahead of a junction of four edges; -1 at others, or if dropped."""
    if corners.links[corner, FLAGS] & 15 != 15:
        return -1
    return max(ahead(corners, corner, direction)[0], -1)


@helper
def _key(corners, corner, width, direction):
    """Give the key by which an arc leaves a corner."""
    x, y = corners.links[corner, X], np.int64(corners.links[corner, Y])
    return (y * (width + 1) + x) * 4 + direction


@helper
def describe(corners, first, out, last, into, width, table, arc):
    """Fill in how one row of an arc table goes on at its ends.

    Args:
        corners: all of them.
        first, out: corner that the arc starts from, and the direction of its first edge.
        last, into: the same of its end.
        width: columns of the raster.
        table, arc: the row that is written.
    """
    back_in, back_out = (out + 2) & 3, (into + 2) & 3
    start, end = _key(corners, first, width, out), _key(corners, last, width, back_out)
    table[arc, START], table[arc, END] = start, end
    if corners.links[first, FLAGS] & NODE:
        end = _key(corners, last, width, onward(corners.links[last, FLAGS], into))
        start = _key(corners, first, width, onward(corners.links[first, FLAGS], back_in))
        table[arc, AFTER_END], table[arc, AFTER_START] = end, start
    else:
        table[arc, AFTER_END], table[arc, AFTER_START] = start, end
    table[arc, ACROSS_END] = _across(corners, last, into)
    table[arc, ACROSS_START] = _across(corners, first, back_in)
