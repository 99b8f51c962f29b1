"""Join runs that touch to regions of equal value, over any number of strips."""

from __future__ import annotations

import numpy as np

from geoseg.vectorizer.compiled import helper, kernel
from geoseg.vectorizer.runs import OUTSIDE
from geoseg.vectorizer.sets import join, root
from geoseg.vectorizer.trace import NE, NW, SE, SW

VALUE, FIRST, LAST, PARCEL_SUM, PARCEL_COUNT, BORDER_SUM, BORDER_COUNT = range(7)
"""Columns of a region table (int64): value, first pixel, last row, sums of probabilities."""


def outside() -> np.ndarray:
    """Give a region table with the region around the raster."""
    return np.array([[OUTSIDE, 0, -1, 0, 0, 0, 0]], np.int64)


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
                for column in range(PARCEL_SUM, BORDER_COUNT + 1):
                    table[known, column] = 0
                known += 1
            table[regions[run], LAST] = y
        if offsets[row + 1] > offsets[row]:
            regions[offsets[row + 1] - 1] = 0
    return known


@kernel
def join_rows(above_starts, above_values, above_regions, starts, values, regions, parents):
    """Join the regions of a row with those of the row below.

    Args:
        above_starts, above_values, above_regions: runs of one row; or none.
        starts, values, regions: runs of the other; or none.
        parents: union-find over regions, written.
    """
    above = run = 0
    while above + 1 < len(above_starts) and run + 1 < len(starts):
        if above_values[above] == values[run]:
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
