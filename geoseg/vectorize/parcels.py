"""Turn a label raster into parcels, strip by strip: assemble(simplify(stitch(trace(labels)))).

Memory: the corners of the rows that an open arc reaches into, and the arcs of open regions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from geoseg.errors import GridError, OptionError
from geoseg.grid import GeoBox
from geoseg.ground import metres_per_pixel
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorize import assemble, measure, simplify, stitch, trace
from geoseg.vectorize.batch import ParcelBatch, merge, split
from geoseg.vectorize.trace import OUTSIDE, Y

NODATA = -1
"""The label of pixels without data."""
BATCH = 4096
"""Parcels of a batch."""


METHODS = ("none", "dp", "vw")
"""In the order of `simplify`."""


class Strips(Protocol):
    """A raster that gives whole-width strips of any height."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows [row_start, row_stop)."""


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How borders are drawn, and which regions are parcels."""

    tolerance: float = 1.0
    """Pixels (of the mean of width and height, on the ground) that a line may leave its border."""
    method: str = "dp"
    """dp (Douglas-Peucker), vw (Visvalingam-Whyatt) or none."""
    smooth: str = "corner-cut"
    """corner-cut or none."""
    skip: tuple[int, ...] = (0, NODATA)
    """Values that are no parcels."""
    nodata: int = NODATA
    """Value of pixels without data; a parcel beside one is on the edge."""
    connectivity: int = 4
    """4 or 8: with 8, regions of equal value that touch at a corner are one parcel."""

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise OptionError(f"tolerance is {self.tolerance} pixels, wanted 0 or more")
        choices = {"method": METHODS, "smooth": ("corner-cut", "none")}
        for name, wanted in choices.items():
            if getattr(self, name) not in wanted:
                raise OptionError(f"{name} is {getattr(self, name)!r}, wanted one of {wanted}")
        if self.connectivity not in (4, 8):
            raise OptionError(f"connectivity is {self.connectivity}, wanted 4 or 8")


class _Stream:
    """What is open between strips: the last row, regions, corners of open arcs, arcs that wait."""

    def __init__(self, geobox: GeoBox, options: LineOptions) -> None:
        across, down = metres_per_pixel(geobox) or _unit_pixel(geobox)
        self.geobox, self.options, self.aspect = geobox, options, down / across
        self.margin = simplify.margin(options.tolerance, self.aspect)
        self.ground = measure.ground_of(geobox)
        self.runs = trace.nothing()
        self.regions = np.array([[OUTSIDE, 0, -1, 0, 0, 0, 0]], np.int64)
        self.corners = np.zeros((0, 9), np.int32)
        self.last = np.full(geobox.width + 1, -1, np.int32)
        self.settled = 0
        self.row = 0
        self.lines = assemble.Lines(
            np.zeros((0, 10), np.int64), np.zeros(1, np.int64), np.zeros((0, 2), np.int32)
        )
        self.last_probabilities = np.zeros((2, 1, geobox.width), np.uint8)

    def take(
        self, labels: Strips, probabilities: Strips | None, row: int, stop: int
    ) -> list[ParcelBatch]:
        """Read rows [row, stop); give the parcels that are finished with them, in their order."""
        values = trace.encode(np.asarray(labels.read(row, stop)))
        given = None if probabilities is None else np.asarray(probabilities.read(row, stop))
        batches = [self._push(values, given, is_last=False)]
        if stop == self.geobox.height:
            given = None if given is None else given[:, -1:]
            batches.append(self._push(trace.nothing(), given, is_last=True))
        return [batch for batch in batches if batch is not None]

    def _push(
        self, rows: trace.Runs, probabilities: np.ndarray | None, *, is_last: bool
    ) -> ParcelBatch | None:
        count = len(rows.offsets) - 1
        self._connect(trace.below(self.runs, rows))
        if probabilities is not None:
            self._tally(probabilities)
        self._find_corners(count)
        self.row += count
        limit = self.geobox.height + 1 if is_last else self.row - self.margin
        wanted = self._is_parcel()
        self._draw(limit, wanted)
        batch = self._finish(limit, wanted)
        if not is_last:
            self._forget(limit, wanted)
        return batch

    def _connect(self, runs: trace.Runs) -> None:
        known = len(self.regions)
        parents = np.empty(known + len(runs.starts), np.int32)
        parents[:known] = np.arange(known)
        table = np.zeros((len(parents), 7), np.int64)
        table[:known] = self.regions
        known = trace.connect(
            runs.offsets, runs.starts, runs.values, runs.regions, parents, table, known, self.row
        )
        places = np.empty(known, np.int32)
        count = trace.settle(parents, table, known, places)
        self.regions = table[:count]
        self.runs = replace(runs, regions=places[runs.regions])
        self._renumber(places)

    def _renumber(self, places: np.ndarray) -> None:
        """Follow regions to their new numbers; -1 stays, and marks a region that is finished."""
        places = np.append(places, -1).astype(np.int32)
        self.corners[:, trace.NW:] = places[self.corners[:, trace.NW:]]
        for column in (stitch.LEFT, stitch.RIGHT, stitch.ACROSS_END, stitch.ACROSS_START):
            self.lines.table[:, column] = places[self.lines.table[:, column]]

    def _tally(self, probabilities: np.ndarray) -> None:
        runs = self.runs
        rows = np.concatenate([self.last_probabilities, probabilities], axis=1)
        measure.tally(runs.offsets, runs.starts, runs.regions, rows, self.regions)
        self.last_probabilities = rows[:, -1:]

    def _find_corners(self, count: int) -> None:
        runs, n = self.runs, len(self.corners)
        room = 2 * len(runs.starts) + 4
        corners = np.empty((n + room, 9), np.int32)
        corners[:n] = self.corners
        n = trace.find_corners(
            runs.offsets, runs.starts, runs.regions, self.row, self.geobox.height, self.last,
            corners, n,
        )
        self.corners = corners[:n]

    def _is_parcel(self) -> np.ndarray:
        values = self.regions[:, trace.VALUE]
        return ~np.isin(values, np.array([OUTSIDE, *self.options.skip], np.int64))

    def _draw(self, limit: int, wanted: np.ndarray) -> None:
        """Find the arcs that are whole, simplify them, and let them wait for their regions."""
        first = self.settled
        self.settled = int(np.searchsorted(self.corners[:, Y], limit))
        if first == self.settled:
            return
        room = 2 * len(self.corners) + 4
        table, offsets = np.zeros((room, 10), np.int64), np.zeros(room + 1, np.int64)
        chain = np.empty(2 * room, np.int64)
        n = stitch.find_arcs(
            self.corners, first, self.settled, wanted, self.geobox.width, table, offsets, chain
        )
        table, offsets = table[:n], offsets[: n + 1]
        chain = chain[: offsets[-1]]
        values = self.regions[:, trace.VALUE]
        bare = (values == OUTSIDE) | (values == self.options.nodata)
        table[:, stitch.EDGE] = bare[table[:, stitch.LEFT]] | bare[table[:, stitch.RIGHT]]
        points, point_offsets = self._simplify(offsets, chain)
        self.lines = assemble.extend(self.lines, assemble.Lines(table, point_offsets, points))

    def _simplify(self, offsets: np.ndarray, chain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        top = int(self.corners[0, Y])
        rows = np.searchsorted(
            self.corners[:, Y], np.arange(top, int(self.corners[-1, Y]) + 2)
        )
        points = np.empty((2 * len(chain), 2), np.int32)
        point_offsets = np.zeros(len(offsets), np.int64)
        simplify.simplify(
            self.corners, rows, offsets, chain, self.options.smooth == "corner-cut",
            METHODS.index(self.options.method), float(self.options.tolerance), self.aspect,
            points, point_offsets,
        )
        return points[: point_offsets[-1]], point_offsets

    def _finish(self, limit: int, wanted: np.ndarray) -> ParcelBatch | None:
        done = np.flatnonzero(wanted & (self.regions[:, trace.LAST] + 1 < limit))
        if not len(done):
            return None
        keys = self.regions[done]
        done = done[np.lexsort((keys[:, trace.FIRST], keys[:, trace.LAST]))]
        ranks = np.full(len(self.regions) + 1, -1, np.int64)
        ranks[done] = np.arange(len(done))
        shapes = assemble.assemble(self.lines, ranks, self.geobox.transform)
        return self._batch(shapes)

    def _batch(self, shapes: assemble.Shapes) -> ParcelBatch:
        parts = (shapes.coords, shapes.ring_offsets, shapes.polygon_offsets)
        table = self.regions[shapes.regions]
        sums, counts = table[:, [3, 5]], table[:, [4, 6]]
        with np.errstate(invalid="ignore"):
            means = sums / counts / PROBABILITY_SCALE
        return ParcelBatch(
            table[:, trace.FIRST] + 1, table[:, trace.VALUE],
            self.ground.areas(*parts), self.ground.perimeters(*parts),
            means[:, 0], means[:, 1], shapes.edge, *parts, np.arange(len(table) + 1),
        )

    def _forget(self, limit: int, wanted: np.ndarray) -> None:
        """Drop finished regions, arcs that no open region needs, and corners above open arcs."""
        runs = self.runs
        start = runs.offsets[-2]
        top = stitch.open_row(
            self.corners, self.settled, wanted, self.last, runs.starts[start:],
            runs.regions[start:], limit,
        )
        is_open = self.regions[:, trace.LAST] + 1 >= limit
        is_open[0] = True
        places = np.where(is_open, np.cumsum(is_open) - 1, -1).astype(np.int32)
        open_parcel = np.append(is_open & wanted, False)
        self.regions = self.regions[is_open]
        table = self.lines.table
        needed = open_parcel[table[:, stitch.LEFT]] | open_parcel[table[:, stitch.RIGHT]]
        self.lines = assemble.keep(self.lines, np.flatnonzero(needed))
        drop = int(np.searchsorted(self.corners[:, Y], top - self.margin))
        self.corners = self.corners[drop:].copy()
        links = self.corners[:, trace.UP : trace.DOWN + 1]
        links[...] = np.maximum(links - drop, -1)
        self.last = np.maximum(self.last - drop, -1).astype(np.int32)
        self.settled -= drop
        self._renumber(places)
        self.runs = trace.Runs(
            np.array([0, len(runs.starts) - start]), runs.starts[start:], runs.values[start:],
            places[runs.regions[start:]],
        )


def _unit_pixel(geobox: GeoBox) -> tuple[float, float]:
    a, b, _, d, e, _ = geobox.transform[:6]
    return math.hypot(a, d), math.hypot(b, e)


def parcels(
    labels: Strips,
    geobox: GeoBox,
    *,
    options: LineOptions,
    probabilities: Strips | None = None,
    classes: Mapping[int, str] | None = None,
    strip: int = 1024,
    progress: Callable[[int], None] | None = None,
) -> Iterator[ParcelBatch]:
    """Draw the regions of a label raster as parcels, in batches, as soon as they are finished.

    The result, batches included, does not depend on the height of the strips. Order: by last row,
    then by first pixel.

    Args:
        labels: integer raster; regions are sets of equal pixels that touch.
        geobox: its grid.
        options: how borders are drawn.
        probabilities: (2, rows, width) uint8 of the same grid, parcel and boundary.
        classes: names of values, given on in each batch.
        strip: rows read at once, at least 1.
        progress: called with the number of rows done since the call before.

    Raises:
        GridError: labels or probabilities are not of the grid's shape.
        OptionError: strip is below 1.
    """
    for source in (labels, probabilities):
        if source is not None and tuple(source.shape) != geobox.shape:
            raise GridError(f"raster has shape {tuple(source.shape)}, its grid has {geobox.shape}")
    if strip < 1:
        raise OptionError(f"strip is {strip} rows, wanted 1 or more")
    stream = _Stream(geobox, options)
    waiting: list[ParcelBatch] = []
    for row in range(0, geobox.height, strip):
        stop = min(row + strip, geobox.height)
        waiting += stream.take(labels, probabilities, row, stop)
        if sum(map(len, waiting)) >= BATCH:
            *whole, rest = split(merge(waiting, classes), BATCH)
            waiting = [rest]
            yield from whole
        if progress is not None:
            progress(stop - row)
    if sum(map(len, waiting)):
        yield from split(merge(waiting, classes), BATCH)
