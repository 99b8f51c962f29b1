"""Walk whole outlines from corner to corner, around regions of which all corners are at hand.

With plain lines such regions need no arcs: what two neighbours share is the same corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.bits import load, prefetch, store
from geoseg.vectorizer.blocks import COLUMNS, find_rows, list_block, room
from geoseg.vectorizer.rings import ACROSS, DOWN, KEY, REGION, RING_AREA2, RING_EDGE, TURN
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.trace import (
    EAST, FLAGS, NE, NODE, NW, SE, SOUTH, SW, UNITS, X, Y, Corners,
)
from geoseg.vectorizer.walk import bend, step

STARTS = sum(1 << flags for flags in range(2 * NODE) if flags & EAST and flags & SOUTH)
"""Kinds of corners that may be the smallest of a ring."""

LEFTS = NE | SE << 2 | SW << 4 | NW << 6
"""Columns of `Corners.around`, for each direction that on the left hand; two bits each."""
LEAD = 64
"""Rows by which corners are brought into the cache before rings start from them."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """Rings, each from its smallest corner on."""

    table: np.ndarray
    """(n, 7) int64, ring table."""
    offsets: np.ndarray
    """(n + 1,) int64, start of each ring in points."""
    points: np.ndarray
    """(m, 2) int32, eighths of a pixel (UNITS); the first of a ring is not repeated."""


@helper
def _left(around, corner, direction):
    """Give the region on the left hand of the edge that leaves a corner that way."""
    return np.int64(load(around, 4 * corner + (LEFTS >> 2 * direction & 3)))


@helper
def _turn(flags, around, corner, direction, region):
    """Choose the edge by which a ring leaves a junction: right, else on, else left.

    Where the region is across a junction of four edges, the ring crosses over (see `assemble`).
    """
    ways = flags & 15
    if ways == 15 and _left(around, corner, direction) == region:
        return (direction + 3) & 3
    ways = (ways | ways << 4) >> direction
    return (direction + (1 if ways & 2 else 3 * (1 - ways & 1))) & 3


@helper
def _walk(corners, first, out, region, bare, seen, points, at, ring):
    """Walk a ring from its smallest corner; give where its points stop, -1 if there is a smaller.

    Args:
        corners: all of them.
        first, out: corner to start from, and the direction that it is left by.
        region: on the right hand.
        bare: (regions + 4,) int8, with dropped ones: 1 outside and without data.
        seen: (corners,) uint8, bits of directions that rings leave by, written.
        points: written from `at` on.
        ring: (7,) int64, row of a ring table, written but for the region; the key is still
            4 * corner + direction.
    """
    links, around = corners.links, corners.around
    here, direction, start = first, out, at
    is_node = load(links, 5 * first + FLAGS) & NODE
    best, turn, area2, across, down = 4 * first + out, 0, np.int64(0), np.int64(0), np.int64(0)
    if not is_node:
        best = 4 * len(links)
    edge = bare[region] | bare[_left(around, first, out)]
    x, y = np.int64(load(links, 5 * first + X)), np.int64(load(links, 5 * first + Y))
    while True:
        store(points, 2 * at, UNITS * x)
        store(points, 2 * at + 1, UNITS * y)
        store(seen, here, load(seen, here) | 1 << direction)
        at += 1
        here = step(corners, here, direction)
        if here < first:
            return -1
        before_x, before_y = x, y
        x, y = np.int64(load(links, 5 * here + X)), np.int64(load(links, 5 * here + Y))
        area2 += before_x * y - x * before_y
        across += abs(x - before_x)
        down += abs(y - before_y)
        flags = load(links, 5 * here + FLAGS)
        if flags & NODE:
            direction = _turn(flags, around, here, direction, region)
            if here == first and direction == out:
                break
            edge |= bare[_left(around, here, direction)]
            if 4 * here + direction < best:
                best, turn = 4 * here + direction, at - start
        else:
            direction = bend(flags, direction)
            if here == first:
                break
    ring[KEY] = 4 * first + out if best == 4 * len(links) else best
    ring[RING_AREA2], ring[RING_EDGE], ring[TURN] = area2, edge, turn
    ring[ACROSS], ring[DOWN] = across, down
    return at


@kernel
def find_rings(
    corners, first, last, wanted, bare, width, rows, starts, seen, table, offsets, points
):
    """Find the rings of regions whose smallest corner is one of [first, last).

    Args:
        corners: all of them.
        first, last: rows of those.
        wanted: (regions,) bool; all their corners are there, and linked.
        bare: (regions + 4,) int8, with dropped ones: 1 outside and without data.
        width: columns of the raster.
        rows, starts: see `blocks.room`.
        seen: (corners,) uint8, zeros, room for the work; threads may share it. What one does not
            see of another's is walked again up to a smaller corner, and no smallest one is marked.
        table, offsets, points: `Outlines`, written.

    Returns:
        The number of rings.

    The smallest corner of a ring is one that it comes to from the east and leaves to the south, or
    the other way round.
    """
    n = 0
    links, around = corners.links, corners.around
    count = find_rows(corners, first, last, width, rows)
    for stop in range(COLUMNS, width + COLUMNS + 1, COLUMNS):
        listed = list_block(corners, rows, count, stop, STARTS, starts, 0)
        lead = listed * LEAD // max(count, 1)
        for k in range(listed):
            corner = np.int64(load(starts, k))
            coming = np.int64(load(starts, min(k + lead, listed - 1)))
            prefetch(links, 5 * coming)
            prefetch(around, 4 * coming)
            for out in range(2):
                region = np.int64(load(around, 4 * corner + (SW if out else SE)))
                if region < 0 or not wanted[region] or load(seen, corner) >> out & 1:
                    continue
                at = _walk(corners, corner, out, region, bare, seen, points, offsets[n], table[n])
                if at < 0:
                    continue
                key = table[n, KEY]
                x, y = links[key >> 2, X], np.int64(links[key >> 2, Y])
                table[n, REGION], table[n, KEY] = region, (y * (width + 1) + x) * 4 + (key & 3)
                n += 1
                offsets[n] = at
    return n


def outlines(
    corners: Corners, first: int, last: int, wanted: np.ndarray, bare: np.ndarray, width: int,
    seen: np.ndarray, scratch: Scratch,
) -> Outlines:
    """Find the rings whose smallest corner is one of [first, last); see `find_rings`.

    They lie in the scratch.
    """
    count = len(corners.links)
    table = scratch.array("outlines", (2 * (last - first), 7), np.int64)
    offsets = scratch.array("outline offsets", 2 * (last - first) + 1, np.int64)
    points = scratch.array("outline points", (4 * count, 2), np.int32)
    offsets[0] = 0
    work = (*room(corners, first, last, scratch), seen)
    n = find_rings(corners, first, last, wanted, bare, width, *work, table, offsets, points)
    return Outlines(table[:n], offsets[: n + 1], points[: offsets[n]])
