"""Join runs that touch to regions of equal value, over any number of strips."""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.bits import load, store, up_to, write_ones
from geoseg.vectorizer.edges import run_at
from geoseg.vectorizer.runs import OUTSIDE
from geoseg.vectorizer.sets import join, root
from geoseg.vectorizer.trace import NE, NW, SE, SW

VALUE, FIRST, LAST, PARCEL_SUM, PARCEL_COUNT, BORDER_SUM, BORDER_COUNT = range(7)
"""Columns of a region table (int64): value, first pixel, last row, sums of probabilities."""


def outside() -> np.ndarray:
    """Give a region table with the region around the raster."""
    return np.array([[OUTSIDE, 0, -1, 0, 0, 0, 0]], np.int64)


def with_dropped(values: np.ndarray, *dropped: int) -> np.ndarray:
    """Put what is true of dropped regions behind what is true of each region.

    A dropped region's number is -1; -2 where its arcs were found; -3 or -4 if it is bare besides.
    As an index each leads to its own value at the end.

    >>> with_dropped(np.array([True, False]), 0, 2, 0, 2)[[0, 1, -1, -2]].tolist()
    [1, 0, 0, 2]
    """
    return np.append(values, dropped[::-1]).astype(np.int8)


@helper
def _begin(run, first, known, regions, parents, table):
    """Make a run a region of its own; its value is not written."""
    store(regions, run, known)
    store(parents, known, known)
    table[known, FIRST] = first
    for column in range(PARCEL_SUM, BORDER_COUNT + 1):
        table[known, column] = 0


@helper
def _meet(regions, run, other, parents):
    """Join the region that a run has with another one; the smaller number stays."""
    region = regions[run]
    if other < region:
        parents[region] = other
        regions[run] = other
    else:
        parents[other] = region


@helper
def _touching(edges, row, width, places):
    """Write the columns where a run begins to touch an equal one above; give how many these are."""
    n, before = 0, np.int64(1)
    for word in range(edges.north.shape[1]):
        north, left = edges.north[row, word], width - 64 * word
        if left < 64:
            north |= -1 << max(left, 0)
        starts = ~north & (edges.west[row, word] | north << 1 | before)
        n = write_ones(starts, 64 * word, places, n)
        before = north >> 63 & 1
    return n


@kernel
def connect(edges, width, first_row, offsets, starts, regions, places, parents, table):
    """Write rows as runs, and find the regions of these, which are numbered from 1 on.

    Args:
        edges: `Edges` of the rows.
        width: columns of the raster.
        first_row: row of the raster of the first row.
        offsets, starts, regions: runs, written; there is some room to spare behind the starts.
        places: (width + 64,) int32, room for the work.
        parents: (runs + 1,) int32, union-find over regions, written.
        table: (runs + 1, 7) int64, region table, written but for the values.

    Returns:
        The number of regions, merged ones included.
    """
    known, n = 1, 0
    parents[0], offsets[0] = 0, 0
    for row in range(len(edges.west)):
        left = np.int64(first_row + row) * width
        new = first = n
        for word in range(edges.west.shape[1]):
            n = write_ones(edges.west[row, word], 64 * word, starts, n)
        count = _touching(edges, row, width, places) if row > 0 else 0
        for k in range(count + 1):
            col = np.int64(load(places, k)) if k < count else width
            word, upto = col >> 6, up_to(col & 63)
            run = run_at(edges, row, word, upto)
            while new < run:
                _begin(new, left + starts[new], known, regions, parents, table)
                known += 1
                new += 1
            if k == count:
                break
            other = np.int64(load(regions, run_at(edges, row - 1, word, upto)))
            if load(parents, other) != other:
                other = root(parents, other)
            if run == new:
                store(regions, run, other)
                new += 1
            else:
                _meet(regions, run, other, parents)
        for run in range(first, n - 1):
            store(table, 7 * np.int64(load(regions, run)) + LAST, first_row + row)
        regions[n - 1] = 0
        offsets[row + 1] = n
    return known


@kernel
def join_rows(above_starts, above_regions, starts, regions, table, parents):
    """Join the regions of a row with those of the row below.

    Args:
        above_starts, above_regions: runs of one row; or none.
        starts, regions: runs of the other; or none.
        table: region table.
        parents: union-find over regions, written.
    """
    above = run = 0
    while above + 1 < len(above_starts) and run + 1 < len(starts):
        if table[above_regions[above], VALUE] == table[regions[run], VALUE]:
            join(parents, above_regions[above], regions[run])
        stop, above_stop = starts[run + 1], above_starts[above + 1]
        run += stop <= above_stop
        above += above_stop <= stop


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


@kernel
def regroup(groups, places, parents):
    """Follow groups of regions when `settle` has given the regions new numbers.

    Args:
        groups: (known,) int32, a region of the same group; the first regions may be fewer.
        places: (all,) int32, new number of every region.
        parents: (regions,) int32, union-find over the new numbers, written.
    """
    for region in range(len(parents)):
        parents[region] = region
    for region in range(len(groups)):
        join(parents, places[region], places[groups[region]])


@kernel
def join_diagonals(corners, first, table, parents):
    """Put regions of equal value that touch at a corner into one group.

    Args:
        corners: table of corners; rows from `first` on are new.
        table: region table.
        parents: (regions,) int32, union-find over regions, written.
    """
    for corner in range(first, len(corners.links)):
        for one, two in ((NW, SE), (NE, SW)):
            left, right = corners.around[corner, one], corners.around[corner, two]
            if left != right and table[left, VALUE] == table[right, VALUE]:
                join(parents, left, right)
    for region in range(len(parents)):
        parents[region] = root(parents, region)
