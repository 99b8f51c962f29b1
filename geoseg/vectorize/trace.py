"""Turn strips of labels into runs, regions and the corners where borders bend.

A *run* is a stretch of equal pixels in a row; runs of equal value that touch make a 4-connected
region. A *corner* is a pixel corner where a border turns, or where three or more borders meet; only
these are kept, so the work is in the borders and not in the pixels.

Directions are 0 east, 1 south, 2 west, 3 north; rows go down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorize.compiled import helper, kernel

OUTSIDE = np.iinfo(np.int64).min
"""The value around the raster; no raster may use it."""

X, Y, FLAGS, UP, DOWN, NW, NE, SW, SE = range(9)
"""Columns of a corner table (int32): place, edges, vertical neighbours, the regions around it."""
NORTH, SOUTH, WEST, EAST, NODE = 1, 2, 4, 8, 16
"""Bits of FLAGS: an edge leaves that way; an arc ends here."""

VALUE, FIRST, LAST, PARCEL_SUM, PARCEL_COUNT, BORDER_SUM, BORDER_COUNT = range(7)
"""Columns of a region table (int64): value, first pixel, last row, sums of probabilities."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of some rows; a row ends with an entry at x = width that is outside."""

    offsets: np.ndarray
    """(rows + 1,) int64, start of each row in the other arrays; a row outside has no entries."""
    starts: np.ndarray
    """(n,) int32, first column of each run."""
    values: np.ndarray
    """(n,) int64, raster value, or OUTSIDE for the entry at the end of a row."""
    regions: np.ndarray
    """(n,) int32, row of the region table; 0 is outside."""


@kernel
def _count_runs(labels, offsets):
    height, width = labels.shape
    for row in range(height):
        changes = 0
        for col in range(1, width):
            changes += labels[row, col] != labels[row, col - 1]
        offsets[row + 1] = offsets[row] + changes + 2


@kernel
def _write_runs(labels, offsets, starts, values, flags):
    height, width = labels.shape
    words = flags.view(np.uint64)
    for row in range(height):
        for col in range(1, width):
            flags[col] = labels[row, col] != labels[row, col - 1]
        n = offsets[row]
        starts[n] = 0
        values[n] = labels[row, 0]
        for word in range(words.size):
            if words[word]:
                for col in range(word * 8, min(word * 8 + 8, width)):
                    if flags[col]:
                        n += 1
                        starts[n] = col
                        values[n] = labels[row, col]
        starts[n + 1] = width
        values[n + 1] = OUTSIDE


def encode(labels: np.ndarray) -> Runs:
    """Write rows of labels as runs; no region is known yet.

    Args:
        labels: (rows, width) integer.

    Returns:
        The runs; `regions` is all 0.

    >>> encode(np.array([[7, 7, 3]])).starts.tolist()
    [0, 2, 3]
    """
    kind = np.int32 if np.can_cast(labels.dtype, np.int32) else np.int64
    labels = np.ascontiguousarray(labels, kind)
    offsets = np.zeros(len(labels) + 1, np.int64)
    _count_runs(labels, offsets)
    starts = np.empty(offsets[-1], np.int32)
    values = np.empty(offsets[-1], np.int64)
    _write_runs(labels, offsets, starts, values, np.zeros(labels.shape[1] // 8 * 8 + 8, np.uint8))
    return Runs(offsets, starts, values, np.zeros(offsets[-1], np.int32))


def nothing() -> Runs:
    """Give the row above the first and below the last: all outside."""
    empty = np.zeros(0, np.int32)
    return Runs(np.zeros(2, np.int64), empty, np.zeros(0, np.int64), empty)


def below(above: Runs, rows: Runs) -> Runs:
    """Put rows under the last row of what came before."""
    start = above.offsets[-2]
    carried = len(above.starts) - start
    return Runs(
        np.concatenate([[0], rows.offsets + carried]),
        np.concatenate([above.starts[start:], rows.starts]),
        np.concatenate([above.values[start:], rows.values]),
        np.concatenate([above.regions[start:], rows.regions]),
    )


@helper
def root(parents, region):
    """Find the region that this one was merged into; paths are halved on the way."""
    while parents[region] != region:
        parents[region] = parents[parents[region]]
        region = parents[region]
    return region


@helper
def _connect_run(run, stop, above, above_stop, starts, values, regions, parents):
    """Give a run the region of the equal runs above it; -1 where there is none."""
    region = -1
    while above < above_stop and starts[above] < stop:
        if values[above] == values[run]:
            other = root(parents, regions[above])
            if region < 0:
                region = other
            elif other < region:
                parents[region] = other
                region = other
            else:
                parents[other] = region
        above += 1
    regions[run] = region


@kernel
def connect(offsets, starts, values, regions, parents, table, known, first_row):
    """Find the regions of all rows but the first, which has them.

    Args:
        offsets, starts, values, regions: runs; regions is written.
        parents: (known + runs,) int32, union-find over regions, written.
        table: (known + runs, 7) int64, region table, written.
        known: regions that there are already.
        first_row: row of the raster of the second row of the runs.

    Returns:
        The number of regions, merged ones included.
    """
    width = starts[-1] if len(starts) else 0
    for row in range(1, len(offsets) - 1):
        above = offsets[row - 1]
        above_stop = max(offsets[row] - 1, above)
        y = np.int64(first_row + row - 1)
        for run in range(offsets[row], offsets[row + 1] - 1):
            while above + 1 < above_stop and starts[above + 1] <= starts[run]:
                above += 1
            _connect_run(run, starts[run + 1], above, above_stop, starts, values, regions, parents)
            if regions[run] < 0:
                regions[run] = known
                parents[known] = known
                table[known, VALUE] = values[run]
                table[known, FIRST] = y * width + starts[run]
                known += 1
            table[regions[run], LAST] = y
        if offsets[row + 1] > offsets[row]:
            regions[offsets[row + 1] - 1] = 0
    return known


@kernel
def settle(parents, table, known, places):
    """Number the merged regions without gaps and add up what is known of each.

    Args:
        parents: union-find, as `connect` leaves it.
        table: region table; its first rows become the result.
        known: regions, merged ones included.
        places: (known,) int32, written: new number of every region.

    Returns:
        The number of regions now.
    """
    n = 0
    for region in range(known):
        if parents[region] == region:
            places[region] = n
            for column in range(table.shape[1]):
                table[n, column] = table[region, column]
            n += 1
        else:
            into = places[root(parents, region)]
            places[region] = into
            table[into, FIRST] = min(table[into, FIRST], table[region, FIRST])
            table[into, LAST] = max(table[into, LAST], table[region, LAST])
            for column in range(PARCEL_SUM, BORDER_COUNT + 1):
                table[into, column] += table[region, column]
    return n


@helper
def _flags(north, south, west, east, on_edge):
    flags = NORTH * north + SOUTH * south + WEST * west + EAST * east
    if north + south + west + east > 2 or on_edge:
        flags += NODE
    return flags


@kernel
def find_corners(offsets, starts, regions, first_row, height, last, corners, n):
    """Write the corners between consecutive rows, in row-major order, and link them up and down.

    Args:
        offsets, starts, regions: runs; the first row is the one above.
        first_row: row of the raster of the second row of the runs.
        height: rows of the raster.
        last: (width + 1,) int32, for each column the corner that its open vertical edge comes from.
        corners: (n + room, 9) int32, corner table; rows from n on are written.
        n: corners that there are already.

    Returns:
        The number of corners.
    """
    width = len(last) - 1
    for row in range(1, len(offsets) - 1):
        above, below = offsets[row - 1], offsets[row]
        above_stop, below_stop = offsets[row], offsets[row + 1]
        y = first_row + row - 1
        north_east = south_east = 0
        while above < above_stop or below < below_stop:
            x = width if above == above_stop else starts[above]
            x = x if below == below_stop else min(x, starts[below])
            north = above < above_stop and starts[above] == x
            south = below < below_stop and starts[below] == x
            north_west, south_west = north_east, south_east
            if north:
                north_east = regions[above]
                above += 1
            if south:
                south_east = regions[below]
                below += 1
            west, east = north_west != south_west, north_east != south_east
            if north and south and not west and not east:
                continue
            on_edge = (x == 0 or x == width) and (y == 0 or y == height)
            corners[n, X], corners[n, Y] = x, y
            corners[n, UP], corners[n, DOWN] = -1, -1
            corners[n, FLAGS] = _flags(north, south, west, east, on_edge)
            corners[n, NW], corners[n, NE] = north_west, north_east
            corners[n, SW], corners[n, SE] = south_west, south_east
            if north:
                corners[n, UP] = last[x]
                if last[x] >= 0:
                    corners[last[x], DOWN] = n
            if south:
                last[x] = n
            n += 1
    return n
