"""Draw labels strip by strip: what is open between strips, and what is finished with each.

Memory: the corners of the rows that an open arc reaches into, and the arcs of open regions. With
all points the regions that are no taller than a strip have no arcs (`outlines`): their corners are
kept instead.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from itertools import cycle

import numpy as np

from geoseg.grid import GeoBox
from geoseg.vectorizer import (
    arcs, assemble, junctions, measure, pending, regions, reshape, runs, simplify, trace,
)
from geoseg.vectorizer.border_lines import BorderLines, LineBatch
from geoseg.vectorizer.drawing import Drawing, aspect_of
from geoseg.vectorizer.edges import find_edges
from geoseg.vectorizer.finish import Finished, in_order
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.runs import OUTSIDE
from geoseg.vectorizer.scan import Piece
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.trace import Y

AHEAD = 2
"""Strips that may be taken, with a pool, before parcels are made of what is finished."""


class Stream:
    """What is open between strips: the last row, regions, corners of open arcs, arcs that wait."""

    def __init__(
        self,
        geobox: GeoBox,
        options: LineOptions,
        take_lines: Callable[[LineBatch], None] | None = None,
        pool: Executor | None = None,
        threads: int = 1,
    ) -> None:
        self.geobox, self.options, self.aspect = geobox, options, aspect_of(geobox)
        self.pool = pool
        self.margin = simplify.margin(options.tolerance, self.aspect)
        self.ground = measure.ground_of(geobox)
        self.bottom = runs.nothing()
        """Runs of the last row."""
        self.regions = regions.outside()
        self.groups = np.zeros(1, np.int32)
        """For each region one of its group: the regions that are one parcel."""
        self.at_once = options.is_plain and take_lines is None
        """True where rings are walked at once, around regions no taller than a strip."""
        self.in_arcs = np.ones(1, bool)
        """For each region whether its arcs are found as they become whole: for its rings later."""
        self.scratch = Scratch()
        self.drawing = Drawing(options, geobox.width, self.aspect, Scratch(), pool, threads)
        self.rooms = cycle([Scratch() for _ in range(1 if pool is None else AHEAD + 1)])
        self.room = next(self.rooms)
        """For the arcs that wait, and those that parcels are made of."""
        self.corners = trace.room(0, self.scratch)
        self.last = np.full(geobox.width + 1, -1, np.int32)
        """For each column the corner that its open vertical edge comes from."""
        self.settled = self.placed = 0
        """Corners that were searched for arcs, and those whose junctions were drawn."""
        self.waits = options.shape != "plain"
        """True while no parcel may be finished: all arcs are to be drawn anew at the end."""
        self.row = 0
        """Rows of the raster that were taken."""
        self.lines = assemble.Lines(
            np.zeros((0, 10), np.int64), np.zeros(1, np.int64), np.zeros((0, 2), np.int32)
        )
        self.last_probabilities = np.zeros((2, 1, geobox.width), np.uint8)
        self.borders = None if take_lines is None else BorderLines(
            geobox.width, geobox.transform, self.ground, take_lines
        )

    def push(
        self, piece: Piece, probabilities: np.ndarray | None, *, is_last: bool
    ) -> Finished | None:
        """Take the next rows; give the parcels that are finished with them, in their order.

        What is given holds until rows are taken again; with a pool, AHEAD times more often.

        Args:
            piece: the rows, scanned.
            probabilities: (2, rows, width) uint8, or None.
            is_last: True for the row outside, below the last.
        """
        count = len(piece.runs.offsets) - 1
        self.room = next(self.rooms)
        first = len(self.corners.links)
        self._join(piece, probabilities, first)
        self.row += count
        limit = self.geobox.height + 1 if is_last else self.row - junctions.MARGIN
        self._place(limit)
        limit -= 0 if is_last else self.margin
        wanted, bare = self._is_parcel(), self._bare()
        self._draw(limit, wanted, bare)
        if is_last:
            self._reshape()
        is_open = self._is_open(limit)
        finished = self._finish(is_open, wanted, bare)
        if not is_last:
            top = (self.row - count) * self.geobox.width
            self._turn(is_open & (self.regions[:, regions.FIRST] < top))
            self._forget(limit, is_open, wanted, bare)
        return finished

    def _join(self, piece: Piece, probabilities: np.ndarray | None, first: int) -> None:
        """Put rows under those before: regions and edges go on across the seam."""
        known, top = len(self.regions), runs.row_of(piece.runs, 0)
        table = np.concatenate([self.regions, piece.table[1:]])
        parents, places = np.arange(len(table), dtype=np.int32), np.empty(len(table), np.int32)
        names = np.arange(known - 1, len(table), dtype=np.int32)
        names[0] = 0
        regions.join_rows(
            self.bottom.starts, self.bottom.regions, top.starts, names[top.regions], table, parents,
        )
        count = regions.settle(parents, table, len(table), places)
        in_arcs = np.full(count, not self.at_once)
        in_arcs[places[:known][self.in_arcs]] = True
        self._turn(in_arcs[places[:known]])
        self.in_arcs, self.regions = in_arcs, table[:count]
        groups = np.arange(count, dtype=np.int32)
        if self.options.connectivity == 8:
            regions.regroup(self.groups, places, groups)
        self.groups = groups
        self._renumber(places)
        names = places[names]
        self.bottom = replace(self.bottom, regions=places[self.bottom.regions])
        self._append(piece, names)
        if self.options.connectivity == 8:
            regions.join_diagonals(self.corners, first, self.regions, self.groups)
        if probabilities is not None:
            rows = replace(piece.runs, regions=names[piece.runs.regions])
            self._tally(runs.below(self.bottom, rows), probabilities, first)
        if len(top.starts):
            self.bottom = runs.row_of(piece.runs, -1, names)

    def _append(self, piece: Piece, names: np.ndarray) -> None:
        """Find the corners on the seam, and put those of the rows behind them."""
        n, width = len(self.corners.links), self.geobox.width
        top = runs.row_of(piece.runs, 0, names)
        seam = np.stack([runs.pixels(row, width) for row in (self.bottom, top)])
        edges, _, count = find_edges(seam, 0, self.scratch)
        store = trace.room(n + count + len(piece.corners.links), self.scratch, keep=n)
        store.shift[n:] = 0
        of_runs = np.concatenate([np.zeros(1, np.int32), self.bottom.regions, top.regions])
        n = trace.find_corners(
            edges, of_runs, self.row, width, self.geobox.height, self.last,
            self.scratch.array("firsts", width + 1, np.int32), store, n,
            self.scratch.array("columns", width + 64, np.int32),
        )
        trace.append(
            store, n, piece.corners, names, self.last, piece.firsts, piece.last
        )
        self.corners = trace.part(store, 0, n + len(piece.corners.links))

    def _renumber(self, places: np.ndarray, drop: int = 0) -> None:
        """Follow regions to their new numbers; -1 stays, and marks a region that is finished."""
        trace.renumber(self.corners, drop, places)
        places = np.append(np.maximum(places, -1), -1)
        for column in (arcs.LEFT, arcs.RIGHT, arcs.ACROSS_END, arcs.ACROSS_START):
            self.lines.table[:, column] = places[self.lines.table[:, column]]

    def _tally(self, strip: runs.Runs, probabilities: np.ndarray, first: int) -> None:
        """Add rows to their regions, and to the edges of the new corners."""
        rows = np.concatenate([self.last_probabilities, probabilities], axis=1)
        measure.tally(strip.offsets, strip.starts, strip.regions, rows, self.regions)
        self.last_probabilities = rows[:, -1:]
        if self.borders is not None:
            self.borders.weigh(strip, self.row, rows, self.corners)

    def _place(self, limit: int) -> None:
        """Find where the junctions above a row are drawn."""
        first, self.placed = self.placed, self._above(limit)
        if self.options.smooth != "none":
            self.drawing.place_junctions(self.corners, first, self.placed, self.geobox.height)

    def _above(self, row: int) -> int:
        """Count the corners above a row of corners."""
        rows = self.corners.links[:, Y]
        return bisect_left(range(len(rows)), row, key=lambda n: rows[n])

    def _is_parcel(self) -> np.ndarray:
        values = self.regions[:, regions.VALUE]
        wanted = values != OUTSIDE
        for value in self.options.skip:
            wanted &= values != value
        return wanted

    def _draw(self, limit: int, wanted: np.ndarray, bare: np.ndarray) -> None:
        """Find the arcs that are whole, simplify them, and let them wait for their regions."""
        first, self.settled = self.settled, self._above(limit)
        sought = regions.with_dropped(wanted & self.in_arcs, 0, 0, 0, 0)
        found = self.drawing.arcs(self.corners, first, self.settled, sought, bare)
        self.lines = assemble.extend(self.lines, [lines for _, lines in found], self.room)
        if self.borders is not None:
            for one, _ in found:
                self.borders.add(self.corners, one, wanted)

    def _turn(self, turned: np.ndarray) -> None:
        """Find all whole arcs of some regions whose rings were to be walked at once."""
        turned = turned & ~self.in_arcs
        if turned.any():
            wanted = self._is_parcel()
            turned &= wanted
            sought = regions.with_dropped(turned + 2 * (self.in_arcs & wanted), 0, 2, 0, 2)
            found = self.drawing.arcs(self.corners, 0, self.settled, sought, self._bare())
            self.lines = assemble.extend(self.lines, [lines for _, lines in found], Scratch())
            self.in_arcs = self.in_arcs | turned

    def _bare(self) -> np.ndarray:
        """Tell which regions are outside or without data."""
        values = self.regions[:, regions.VALUE]
        bare = (values == OUTSIDE) | (values == self.options.nodata)
        return regions.with_dropped(bare, 0, 0, 1, 1)

    def _reshape(self) -> None:
        """Draw the arcs anew where that was chosen; for this, all of them have waited."""
        if self.options.shape != "plain":
            self.lines = reshape.reshape(
                self.lines, shape=self.options.shape, aspect=self.aspect,
                tolerance=max(1.0, self.options.tolerance),
            )
            self.waits = False

    def _finish(
        self, is_open: np.ndarray, wanted: np.ndarray, bare: np.ndarray
    ) -> Finished | None:
        done = np.flatnonzero(wanted & ~is_open)
        if not len(done):
            return None
        first, last = self.regions[:, regions.FIRST], self.regions[:, regions.LAST]
        if self.options.connectivity == 8:
            first, last = first.copy(), last.copy()
            np.minimum.at(first, self.groups, self.regions[:, regions.FIRST])
            np.maximum.at(last, self.groups, self.regions[:, regions.LAST])
        groups = self.groups[done]
        if self.borders is not None:
            ids, rows = np.zeros((2, len(self.regions) + 1), np.int64)
            ids[done], rows[done] = first[groups] + 1, last[groups]
            self.borders.finish(self.lines, ids, rows)
        done = done[in_order(self.regions[done, regions.FIRST], first[groups], last[groups])]
        at_once = wanted & ~is_open & ~self.in_arcs
        rings = self.drawing.rings(self.corners, self.settled, at_once, bare, self.room)
        return Finished(
            done, self.regions, self.groups, self.in_arcs, self.lines, rings, self.options.is_plain,
            self.geobox.transform, self.ground, self.room,
        )

    def _is_open(self, limit: int) -> np.ndarray:
        """Tell of which regions, or regions of the same group, pixels may be still to come."""
        is_open = (self.regions[:, regions.LAST] + 1 >= limit) | self.waits
        is_open[0] = True
        if self.options.connectivity == 4:
            return is_open
        group_is_open = np.zeros(len(is_open), bool)
        group_is_open[self.groups[is_open]] = True
        return group_is_open[self.groups]

    def _forget(
        self, limit: int, is_open: np.ndarray, wanted: np.ndarray, bare: np.ndarray
    ) -> None:
        """Drop finished regions, arcs that no open region needs, and corners above open arcs."""
        top = pending.open_row(
            self.corners, self.settled, wanted, self.last, self.bottom.starts,
            self.bottom.regions, limit,
        )
        open_parcel = np.append(is_open & wanted, False)
        firsts = self.regions[open_parcel[:-1] & ~self.in_arcs, regions.FIRST]
        top = min(top, firsts.min(initial=top * self.geobox.width) // self.geobox.width)
        dropped = -1 - (self.in_arcs & wanted) - 2 * bare[: len(wanted)]
        places = np.where(is_open, np.cumsum(is_open) - 1, dropped).astype(np.int32)
        self.regions, self.in_arcs = self.regions[is_open], self.in_arcs[is_open]
        self.groups = places[self.groups[is_open]]
        table = self.lines.table
        needed = open_parcel[table[:, arcs.LEFT]] | open_parcel[table[:, arcs.RIGHT]]
        self.lines = assemble.keep(self.lines, np.flatnonzero(needed))
        drop = self._above(top - self.margin)
        if self.borders is not None:
            self.borders.forget(np.flatnonzero(needed), drop)
        self.corners = trace.drop_first(self.corners, drop)
        self.last = np.maximum(self.last - drop, -1).astype(np.int32)
        self.settled -= drop
        self.placed -= drop
        self._renumber(places, drop)
        self.bottom = replace(self.bottom, regions=places[self.bottom.regions])
