"""Give the arcs as lines of their own: each shared border once, with the parcels beside it.

A line has the very points that the polygons beside it have. It is given as soon as both of its
parcels are finished, in an order that does not depend on the strips.

Memory: two sums per corner and column, and a few numbers per arc that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from affine import Affine

from geoseg.kernels.compiled import helper, kernel
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer.arcs import EDGE, LEFT, RIGHT, START, Arcs
from geoseg.vectorizer.assemble import Lines, keep
from geoseg.vectorizer.measure import Ground, add_known
from geoseg.vectorizer.runs import Runs
from geoseg.vectorizer.trace import EAST, FLAGS, NORTH, UNITS, X, Y, Corners

NOBODY, UNKNOWN = 0, -1
"""Sides of a line: no parcel; one whose number is not final yet."""
NORTH_SUM, EAST_SUM = 0, 2
"""Columns of a corner's sums; the count of pixels is in the next one."""
HEAD = np.frombuffer(b"\x01\x02\x00\x00\x00", np.uint8)
"""Start of the WKB of a line."""


@dataclass(frozen=True, slots=True)
class LineBatch:
    """Some borders, as columns."""

    line_id: np.ndarray
    """(n,) int64, above 0; the same in every run over the same labels."""
    left: np.ndarray
    """(n,) int64, parcel on the left hand as the line runs on the map; 0 where there is none."""
    right: np.ndarray
    """(n,) int64, parcel on the right hand."""
    length_m: np.ndarray
    """(n,) float64, on the ground."""
    boundary: np.ndarray
    """(n,) float64, mean boundary probability along it, 0 to 1; NaN where there is none."""
    edge: np.ndarray
    """(n,) bool, the scene's edge, or beside pixels without data."""
    coords: np.ndarray
    """(m, 2) float64, CRS coordinates of all lines."""
    offsets: np.ndarray
    """(n + 1,) int64, start of each line in coords."""

    def __len__(self) -> int:
        """Give the number of lines."""
        return len(self.line_id)

    def wkb(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the lines as well-known binary: (n + 1,) int64 offsets, and the bytes."""
        counts = np.diff(self.offsets)
        ends = np.concatenate([[0], np.cumsum(9 + 16 * counts)])
        out, is_head = np.empty(ends[-1], np.uint8), np.zeros(ends[-1], bool)
        heads = np.empty((len(self), 9), np.uint8)
        heads[:, :5] = HEAD
        heads[:, 5:] = counts.astype("<u4")[:, None].view(np.uint8)
        places = ends[:-1, None] + np.arange(9)
        is_head[places] = True
        out[places] = heads
        out[~is_head] = np.ascontiguousarray(self.coords, "<f8").reshape(-1).view(np.uint8)
        return ends, out


@helper
def _weigh_east(corners, n, above, below, has_above, has_below, sums):
    """Add the pixels on both sides of the edge that leaves a corner eastward."""
    for col in range(corners.links[n, X], corners.links[n + 1, X]):
        if has_above:
            add_known(sums, n, EAST_SUM, above[col])
        if has_below:
            add_known(sums, n, EAST_SUM, below[col])


@kernel
def _weigh(offsets, starts, first_row, probabilities, corners, first, open_sums, sums):
    """Add up the boundary values beside the edges north and east of new corners.

    Args:
        offsets, starts: runs; the first row is the one above.
        first_row: row of the raster of the second row of the runs.
        probabilities: (2, rows, width) uint8, rows of the same runs; outside has any values.
        corners: table of corners; rows from `first` on are new.
        open_sums: (width + 1, 2) int64, sum and count beside vertical edges that go on.
        sums: (corners, 4) int64, NORTH_SUM and EAST_SUM, written.
    """
    n, width = first, probabilities.shape[2]
    for row in range(1, len(offsets) - 1):
        above, below = probabilities[1, row - 1], probabilities[1, row]
        has_above, has_below = offsets[row] > offsets[row - 1], offsets[row + 1] > offsets[row]
        while n < len(corners.links) and corners.links[n, Y] == first_row + row - 1:
            x = corners.links[n, X]
            if corners.links[n, FLAGS] & NORTH:
                for k in range(2):
                    sums[n, NORTH_SUM + k] = open_sums[x, k]
                    open_sums[x, k] = 0
            if corners.links[n, FLAGS] & EAST:
                _weigh_east(corners, n, above, below, has_above, has_below, sums)
            n += 1
        for run in range(offsets[row], offsets[row + 1]):
            x = starts[run]
            if x < width:
                add_known(open_sums, x, 0, below[x])
            if x > 0:
                add_known(open_sums, x, 0, below[x - 1])


@kernel
def _sum_arcs(corners, sums, offsets, chain, out):
    """Add up the sums along each arc; out is (arcs, 2) int64."""
    for arc in range(len(offsets) - 1):
        for k in range(offsets[arc], offsets[arc + 1] - 1):
            here, there = chain[k], chain[k + 1]
            if corners.links[here, Y] == corners.links[there, Y]:
                corner, column = min(here, there), EAST_SUM
            else:
                corner, column = max(here, there), NORTH_SUM
            for m in range(2):
                out[arc, m] += sums[corner, column + m]


class BorderLines:
    """What is known of the arcs that wait; row by row beside the stream's own tables."""

    def __init__(
        self, width: int, transform: Affine, ground: Ground, take: Callable[[LineBatch], None]
    ) -> None:
        self.transform, self.ground, self.take = transform, ground, take
        self.open_sums = np.zeros((width + 1, 2), np.int64)
        self.corner_sums = np.zeros((0, 4), np.int64)
        self.sums = np.zeros((0, 2), np.int64)
        self.sides = np.zeros((0, 2), np.int64)
        self.rows = np.zeros(0, np.int64)

    def weigh(self, strip: Runs, row: int, probabilities: np.ndarray, corners: Corners) -> None:
        """Follow `find_corners`: note the boundary values beside the edges of new corners."""
        first = len(self.corner_sums)
        sums = np.zeros((len(corners.links), 4), np.int64)
        sums[:first] = self.corner_sums
        _weigh(
            strip.offsets, strip.starts, row, probabilities, corners, first, self.open_sums, sums
        )
        self.corner_sums = sums

    def add(self, corners: Corners, arcs: Arcs, wanted: np.ndarray) -> None:
        """Follow `find_arcs`: new arcs wait for the parcels beside them."""
        sums = np.zeros((len(arcs.table), 2), np.int64)
        if len(self.corner_sums):
            _sum_arcs(corners, self.corner_sums, arcs.offsets, arcs.chain, sums)
        sides = np.where(wanted[arcs.table[:, [LEFT, RIGHT]]], UNKNOWN, NOBODY)
        self.sums = np.concatenate([self.sums, sums])
        self.sides = np.concatenate([self.sides, sides])
        self.rows = np.concatenate([self.rows, np.full(len(sums), -1)])

    def finish(self, lines: Lines, ids: np.ndarray, last: np.ndarray) -> None:
        """Note the parcels that are finished, and give the lines that thereby are.

        Args:
            lines: all arcs that wait.
            ids: (regions + 1,) int64, number of a finished region's parcel; 0 for others.
            last: (regions + 1,) int64, last row of that parcel.
        """
        regions = lines.table[:, [LEFT, RIGHT]]
        new = (self.sides == UNKNOWN) & (ids[regions] > 0)
        self.sides = np.where(new, ids[regions], self.sides)
        self.rows = np.maximum(self.rows, np.where(new, last[regions], -1).max(axis=1, initial=-1))
        done = np.flatnonzero((self.sides != UNKNOWN).all(axis=1) & new.any(axis=1))
        if len(done):
            done = done[np.lexsort((lines.table[done, START], self.rows[done]))]
            self.take(self._batch(keep(lines, done), done))

    def forget(self, needed: np.ndarray, dropped_corners: int) -> None:
        """Keep what the stream keeps: some arcs, by their index, and the last corners."""
        self.sums, self.sides = self.sums[needed], self.sides[needed]
        self.rows = self.rows[needed]
        self.corner_sums = self.corner_sums[dropped_corners:].copy()

    def _batch(self, lines: Lines, done: np.ndarray) -> LineBatch:
        a, b, c, d, e, f = self.transform[:6]
        col, row = (lines.points / UNITS).T
        coords = np.column_stack([a * col + b * row + c, d * col + e * row + f])
        one_each = np.arange(len(done) + 1)
        left, right = self.sides[done].T
        if a * e - b * d > 0:  # rows go up on the map: what was left is right there
            left, right = right, left
        with np.errstate(invalid="ignore"):
            boundary = self.sums[done, 0] / self.sums[done, 1] / PROBABILITY_SCALE
        return LineBatch(
            line_id=lines.table[:, START] + 1, left=left, right=right,
            length_m=self.ground.measure(coords, lines.offsets, one_each)[1],
            boundary=boundary, edge=lines.table[:, EDGE] > 0, coords=coords, offsets=lines.offsets,
        )
