"""Tell how far up the arcs reach that are not whole yet: the corners from there on are kept."""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.trace import FLAGS, NE, NODE, NORTH, NW, UP, Y
from geoseg.vectorizer.walk import bend, step


@helper
def _top(corners, corner, settled):
    """Give the highest row of an open arc, from a corner that it reaches northward."""
    row = corners.links[corner, Y]
    direction = 3
    while not corners.links[corner, FLAGS] & NODE:
        direction = bend(corners.links[corner, FLAGS], direction)
        corner = step(corners, corner, direction)
        if corner < 0 or corner >= settled:
            break
        row = min(row, corners.links[corner, Y])
    return row


@kernel
def open_row(corners, settled, wanted, last, starts, regions, row):
    """Give the first row that an arc which is not whole yet reaches into; `row` if none is above.

    Args:
        corners: all of them.
        settled: its rows up to this one were searched for arcs.
        wanted: (regions,) bool.
        last: open vertical edges by column, see `find_corners`.
        starts, regions: runs of the last row read.
        row: first row of corners that is not settled.
    """
    for corner in range(settled, len(corners.links)):
        above = np.int64(corners.links[corner, UP])
        if corners.links[corner, FLAGS] & NORTH and 0 <= above < settled:
            if wanted[corners.around[corner, NW]] or wanted[corners.around[corner, NE]]:
                row = min(row, _top(corners, above, settled))
    before = 0
    for run in range(len(starts)):
        above = np.int64(last[starts[run]])
        if 0 <= above < settled and (wanted[before] or wanted[regions[run]]):
            row = min(row, _top(corners, above, settled))
        before = regions[run]
    return row
