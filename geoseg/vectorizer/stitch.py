"""Join strips: keep the corners that open arcs need, and give each arc once, when it is whole.

An *arc* is the chain of corners between two junctions, or a loop. It is whole when the last of its
corners in row-major order has been read, wherever strips were cut; it is found from that corner, so
it is found once. It runs from its smaller junction to its larger one, whatever strip showed it.

Memory: the corners of the rows that an open arc reaches into.

Source: Bostock, How to Infer Topology, 2013 (arcs are cut at junctions, shared by both sides).
Departs: streamed over rows, on the lattice of pixel corners, so no hashing of coordinates.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.arcs import AREA2, EDGE, LEFT, RIGHT, Arcs, ahead, describe
from geoseg.vectorizer.bits import load, store
from geoseg.vectorizer.blocks import in_blocks
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.trace import FLAGS, NODE, NORTH, SOUTH, UNITS, WEST, Corners
from geoseg.vectorizer.walk import walk

ENDS = 1 << WEST + NORTH | (1 << 2 * NODE) - (1 << NODE)
"""Kinds of corners that may be the last of an arc: bends west and north, and all junctions."""


@helper
def _write(path, start, stop, way, chain, points, n):
    """Copy a part of a path behind an arc, in its order or backwards; give where the arc stops."""
    here = start if way > 0 else stop - 1
    for _ in range(start, stop):
        store(chain, n, load(path, 3 * here))
        if len(points) > 0:
            store(points, 2 * n, UNITS * load(path, 3 * here + 1))
            store(points, 2 * n + 1, UNITS * load(path, 3 * here + 2))
        here += way
        n += 1
    return n


@helper
def _area2(path, start, stop):
    """Give twice the signed area under a path."""
    area2 = np.int64(0)
    ax, ay = np.int64(path[start, 1]), np.int64(path[start, 2])
    for k in range(start + 1, stop):
        bx, by = np.int64(load(path, 3 * k + 1)), np.int64(load(path, 3 * k + 2))
        area2 += ax * by - bx * ay
        ax, ay = bx, by
    return area2


@helper
def _smallest(path, stop):
    """Give the place of a loop's smallest corner."""
    smallest = 0
    for k in range(1, stop):
        if path[k, 0] < path[smallest, 0]:
            smallest = k
    return smallest


@helper
def _ways(corners, corner, out, path):
    """Walk an arc from its last corner, both ways unless that is a junction.

    Returns:
        Where the two ways stop in path, 0 where the arc is not whole or is found by its other end;
        and the directions in which an arc that runs that way comes to the two ends.
    """
    middle, into = walk(corners, corner, out, path, 0)
    if middle == 0:
        return middle, middle, into, into
    loops = path[middle - 1, 0] == corner
    if corners.links[corner, FLAGS] & NODE:
        is_other = loops and (into + 2) & 3 < out
        return middle, 0 if is_other else middle, into, (out + 2) & 3
    if loops:
        return middle, middle, into, into
    stop, into_second = walk(corners, corner, 3, path, middle)
    return middle, 0 if stop == middle else stop, into, into_second


@helper
def _take(corners, path, middle, stop, one, two, width, table, n, chain, points, at):
    """Write an arc of two ways (see `_ways`) but its sides; give where its chain stops."""
    a, b = path[middle - 1, 0], path[stop - 1 if stop > middle else 0, 0]
    out_a, out_b = (one + 2) & 3, (two + 2) & 3
    area2 = _area2(path, 0, middle) - _area2(path, middle, stop)
    if a == path[0, 0] and not corners.links[a, FLAGS] & NODE:  # a loop
        k = _smallest(path, middle)  # it goes east there, as it went west from its last corner
        describe(corners, path[k, 0], 0, path[k, 0], 3, width, table, n)
        at = _write(path, k, middle, 1, chain, points, at)
        at = _write(path, 1, k + 1, 1, chain, points, at)
    elif a < b or (a == b and out_a < out_b):
        describe(corners, a, out_a, b, two, width, table, n)
        at = _write(path, 0, middle, -1, chain, points, at)
        at = _write(path, middle + 1, stop, 1, chain, points, at)
        area2 = -area2
        table[n, LEFT], table[n, RIGHT] = table[n, RIGHT], table[n, LEFT]
    else:
        describe(corners, b, out_b, a, one, width, table, n)
        at = _write(path, middle + 1, stop, -1, chain, points, at)
        at = _write(path, 0, middle, 1, chain, points, at)
    table[n, AREA2] = area2
    return at


@kernel
def find_arcs(corners, ends, sought, bare, width, path, table, offsets, chain, points):
    """Find the arcs that became whole with some corners.

    Args:
        corners: all of them.
        ends: rows of those that are ENDS, settled since the call before.
        sought: (regions + 4,) int8, with dropped ones: arcs are found where a side is 1 and none 2.
        bare: (regions + 4,) int8, with dropped ones: 1 outside and without data.
        width: columns of the raster.
        path: (2 * corners + 4, 3) int32, room for one arc.
        table, offsets, chain, points: arcs, written from their start; points may have no room.

    Returns:
        The number of arcs.

    No arc leaves its last corner to the east or south, or goes west and then south: later corners
    are there.
    """
    n = 0
    for k in range(len(ends)):
        corner = np.int64(ends[k])
        flags = corners.links[corner, FLAGS]
        is_node = flags & NODE
        for out in (2, 3):
            if not flags >> out & 1 or (not is_node and out != 2):
                continue
            if out == 2 and corners.links[corner - 1, FLAGS] & (NODE + SOUTH) == SOUTH:
                continue
            left, right = ahead(corners, corner, out)
            if max(sought[left], sought[right]) != 1:
                continue
            middle, stop, one, two = _ways(corners, corner, out, path)
            if stop == 0:
                continue
            table[n, LEFT], table[n, RIGHT] = max(left, -1), max(right, -1)
            table[n, EDGE] = bare[left] | bare[right]
            at = _take(
                corners, path, middle, stop, one, two, width, table, n, chain, points, offsets[n]
            )
            n += 1
            offsets[n] = at
    return n


def whole_arcs(
    corners: Corners, first: int, last: int, sought: np.ndarray, bare: np.ndarray, width: int,
    scratch: Scratch, *, plain: bool,
) -> Arcs:
    """Find the arcs that became whole with the corners [first, last); see `find_arcs`.

    They lie in the scratch; without `plain` they get no points.
    """
    room, longest = 2 * (last - first) + 4, 4 * len(corners.links) + 8
    table = scratch.array("arcs", (room, 10), np.int64)
    offsets = scratch.array("offsets", room + 1, np.int64)
    path = scratch.array("path", (longest, 3), np.int32)
    chain = scratch.array("chain", longest, np.int32)
    points = scratch.array("points", (longest if plain else 0, 2), np.int32)
    offsets[0] = 0
    ends = in_blocks(corners, first, last, ENDS, width, scratch)
    n = find_arcs(corners, ends, sought, bare, width, path, table, offsets, chain, points)
    return Arcs(table[:n], offsets[: n + 1], chain[: offsets[n]], points[: offsets[n]])
