"""Scan rows of labels by themselves: runs, regions, and the corners between the rows.

Nothing above or below the rows is looked at, so strips can be scanned in any order and by several
threads; `Stream` puts them together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer import regions, runs, trace
from geoseg.vectorizer.bits import SPARE
from geoseg.vectorizer.edges import Edges, find_edges
from geoseg.vectorizer.runs import OUTSIDE, Runs
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
    kind = np.int32 if np.can_cast(labels.dtype, np.int32) else np.int64
    labels, width = np.ascontiguousarray(labels, kind), labels.shape[1]
    edges, count, n = find_edges(labels, OUTSIDE, scratch)
    places = scratch.array("columns", width + 64, np.int32)
    found, table = _join(labels, edges, count, row, places, scratch)
    firsts, last = scratch.array("ends", (2, width + 1), np.int32)
    firsts[:] = last[:] = -1
    corners = trace.room(n, scratch)
    of_runs = scratch.array("regions", count + 1, np.int32)
    of_runs[0] = 0
    trace.find_corners(
        edges, of_runs, row + 1, width, -1, last, firsts, corners, 0, places
    )
    return Piece(found, table, corners, firsts, last)


def nothing(width: int) -> Piece:
    """Give what is above the first row and below the last one."""
    ends = np.full(width + 1, -1, np.int32)
    return Piece(
        runs.nothing(), regions.outside(), trace.room(0, Scratch()), ends, ends.copy()
    )


def _join(
    labels: np.ndarray, edges: Edges, count: int, row: int, places: np.ndarray, scratch: Scratch
) -> tuple[Runs, np.ndarray]:
    """Write the runs, so many of them, and join them to regions; give both, as runs and table."""
    starts = scratch.array("starts", count + SPARE, np.int32)
    offsets = np.empty(len(labels) + 1, np.int64)
    found = Runs(offsets, starts[:count], scratch.array("regions", count + 1, np.int32)[1:])
    table = scratch.array("table", (count + 1, 7), np.int64)
    parents = scratch.array("parents", count + 1, np.int32)
    table[:1] = regions.outside()
    known = regions.connect(
        edges, labels.shape[1], row, offsets, starts, found.regions, places, parents, table
    )
    numbers = scratch.array("numbers", known, np.int32)
    table = table[: regions.settle(parents, table, known, numbers)]
    firsts = table[1:, regions.FIRST] - row * labels.shape[1]
    table[1:, regions.VALUE] = labels.reshape(-1)[firsts]  # at once: each is far from the caches
    runs.rename(found.regions, numbers)
    return found, table
