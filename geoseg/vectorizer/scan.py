"""Scan rows of labels by themselves: runs, regions, and the corners between the rows.

Nothing above or below the rows is looked at, so strips can be scanned in any order and by several
threads; `Stream` puts them together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer import regions, runs, trace
from geoseg.vectorizer.runs import Runs
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.trace import Corners


@dataclass(frozen=True, slots=True)
class Piece:
    """What rows of a raster hold by themselves; it lies in a scratch, as long as that is not used.

    Regions count from 1; 0 is outside.
    """

    runs: Runs
    """Of the rows."""
    table: np.ndarray
    """(regions, 7) int64, region table."""
    corners: Corners
    """Between the rows, in row-major order; links lead to corners of the piece."""
    firsts: np.ndarray
    """(width + 1,) int32, for each column the corner that an edge from above the rows leads to."""
    last: np.ndarray
    """(width + 1,) int32, for each column the corner that its last vertical edge comes from."""


def scan(labels: np.ndarray, row: int, scratch: Scratch) -> Piece:
    """Scan rows.

    Args:
        labels: (rows, width) integer.
        row: the first one's row in the raster.
        scratch: room for all that is given.
    """
    width = labels.shape[1]
    found = runs.encode(labels, scratch)
    table = _join(found, row, scratch)
    firsts, last = scratch.array("ends", (2, width + 1), np.int32)
    firsts[:] = last[:] = -1
    corners = trace.room(2 * len(found.starts) + 4, scratch)
    count = trace.find_corners(
        found.offsets, found.starts, found.regions, row + 1, -1, last, firsts, corners, 0
    )
    return Piece(found, table, trace.part(corners, 0, count), firsts, last)


def nothing(width: int) -> Piece:
    """Give what is above the first row and below the last one."""
    ends = np.full(width + 1, -1, np.int32)
    return Piece(
        runs.nothing(), regions.outside(), trace.room(0, Scratch()), ends, ends.copy()
    )


def _join(found: Runs, row: int, scratch: Scratch) -> np.ndarray:
    """Join runs to regions: write the region of each run, and give their table."""
    most = len(found.starts) + 1
    table = scratch.array("table", (most, 7), np.int64)
    parents = scratch.array("parents", most, np.int32)
    table[:1], parents[0] = regions.outside(), 0
    known = regions.connect(
        np.append(0, found.offsets), found.starts, found.values, found.regions, parents, table, 1,
        row,
    )
    places = scratch.array("places", known, np.int32)
    count = regions.settle(parents, table, known, places)
    runs.rename(found.regions, places)
    return table[:count]
