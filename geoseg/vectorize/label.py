"""Turn probabilities into parcel labels, in strips and with the same result at any strip height.

Three steps: every pixel falls into a *basin* of the relief; the basins' borders are measured; the
basins are merged over their borders. Only the last needs the whole scene, and sees no pixels.
Borders are given back: each of their pixels falls to one side, so neighbours share an edge.
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from geoseg.errors import OptionError, OutputError, RasterError
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE
from geoseg.vectorize import agglomerate, basins
from geoseg.vectorize.borders import Borders, gather_borders, reduce_borders
from geoseg.vectorize.relief import MAX_CAP, halo, pixel_kinds, shape_relief

log = logging.getLogger(__name__)

MEMORY_FILE = 1 << 28
"""Bytes of labels that are kept in memory before they go to disk."""
FULL_AREA = 5
"""Pieces below this many minimum areas need less to be merged with a parcel beside them."""
METHODS = ("basins", "components")
"""How regions are told apart."""


class StripSource(Protocol):
    """A raster that is read in strips of whole rows."""

    shape: tuple[int, int]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give the rows [row_start, row_stop)."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How probabilities become parcels; probabilities and thresholds are 0 to 1."""

    method: str = "basins"
    """`basins`: robust to gaps in borders; `components`: what a gap joins is one parcel."""
    parcel: float = 0.5
    """A pixel that is no border is parcel where its parcel probability is at least this."""
    boundary: float = 0.2
    """A pixel is border where its boundary probability is at least this."""
    merge: float = 0.3
    """Basins are one parcel while their border's mean boundary probability is below this."""
    neck: float = 0.2
    """Added to that mean where the basins meet in a narrow pass, or in none: all of it there."""
    distance_cap: int = 40
    """Distances to a border are cut off here (pixels); strips are read with this much around."""
    min_area_pixels: float = 0.0
    """A smaller parcel is given to the neighbour, or background, behind its weakest border."""
    max_hole_pixels: float = 0.0
    """Background pieces of at most this many pixels are given to a parcel beside them."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"method is {self.method!r}, must be one of {', '.join(METHODS)}")
        for name in ("parcel", "boundary", "merge", "neck"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)}, must be 0 to 1")
        if not 1 <= self.distance_cap <= MAX_CAP:
            raise OptionError(f"distance cap is {self.distance_cap}, must be 1 to {MAX_CAP} pixels")
        for name in ("min_area_pixels", "max_hole_pixels"):
            if not getattr(self, name) >= 0:
                raise OptionError(f"{name} is {getattr(self, name)}, must be 0 or more")


class LabelRaster:
    """Parcel labels as a strip source: above 0 a parcel, 0 background, -1 no data.

    Labels are 1 to `count` in the order of their first pixels; their regions are 4-connected. The
    basins lie in a scratch file that has no name and goes with the object; one reader at a time.
    """

    def __init__(self, shape: tuple[int, int], scratch: Path | None) -> None:
        self.shape = shape
        """(height, width)."""
        self.count = 0
        """Number of parcels."""
        self._final = np.zeros(1, np.int32)
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=MEMORY_FILE, dir=scratch)

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give the rows [row_start, row_stop) as (rows, width) int32."""
        self._file.seek(row_start * self.shape[1] * 4)
        data = self._file.read((row_stop - row_start) * self.shape[1] * 4)
        return self._final[np.frombuffer(data, np.int32)].reshape(-1, self.shape[1])

    def append(self, basin_labels: np.ndarray) -> None:
        """Write the next strip of basins.

        Raises:
            OutputError: the scratch folder is full.
        """
        try:
            self._file.write(np.ascontiguousarray(basin_labels).data)
        except OSError as error:
            raise OutputError(
                f"cannot write labels to the scratch folder ({error}); give another one"
            ) from error

    def finish(self, final: np.ndarray, count: int) -> None:
        """Say which label each basin has."""
        self._final, self.count = final, count

    def close(self) -> None:
        """Delete the scratch file."""
        self._file.close()


def label(
    source: StripSource,
    *,
    options: LabelOptions = LabelOptions(),
    scratch: Path | None = None,
    strip: int = 1024,
    progress: Callable[[int, int], None] | None = None,
) -> LabelRaster:
    """Label the parcels of a probability raster.

    Memory is O(width x (strip + 2 x distance cap) + basins), never O(scene); the result does not
    depend on the strip height.

    Args:
        source: strip source of (bands, rows, width) uint8 stored probabilities: parcel and
            boundary, or boundary alone (then all that is no border is parcel).
        options: thresholds.
        scratch: folder for the scratch file; None is the system's.
        strip: rows at a time.
        progress: called with the rows done and all rows after each strip.

    Returns:
        The labels.

    Raises:
        OptionError: the strip height is not positive.
        RasterError: the source does not hold one or two bands of uint8.
        OutputError: the scratch folder is full.
    """
    if strip < 1:
        raise OptionError(f"strip is {strip} rows, must be 1 or more")
    raster = LabelRaster(source.shape, scratch)
    gathered = _Gathered(source.shape[1])
    for row in range(0, source.shape[0], strip):
        stop = min(row + strip, source.shape[0])
        raster.append(gathered.add(_read_strip(source, row, stop, options)))
        if progress is not None:
            progress(stop, source.shape[0])
    final, count = _merge(gathered, options)
    raster.finish(final, count)
    log.info("%d basins became %d parcels", final.max(initial=0), count)
    return raster


@dataclass(frozen=True, slots=True)
class _Strip:
    """Pixels of a strip and one row above and below, where the scene has one."""

    kinds: np.ndarray
    parcel: np.ndarray
    boundary: np.ndarray
    relief: np.ndarray
    depth: np.ndarray
    above: int
    """Rows above the strip: 0 or 1."""
    rows: int
    """Rows of the strip."""


def _levels(options: LabelOptions) -> tuple[int, int]:
    """Give the smallest stored values of a parcel and of a border."""
    return (
        math.ceil(options.parcel * PROBABILITY_SCALE),
        math.ceil(options.boundary * PROBABILITY_SCALE),
    )


def _read_bands(source: StripSource, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Read rows as parcel and boundary band."""
    data = source.read(start, stop)
    if data.ndim != 3 or data.shape[0] not in (1, 2) or data.dtype != np.uint8:
        raise RasterError(
            f"probabilities are {data.dtype} of shape {data.shape}, "
            "must be uint8 of one or two bands (parcel, boundary)"
        )
    boundary = np.ascontiguousarray(data[-1])
    if len(data) == 2:
        return np.ascontiguousarray(data[0]), boundary
    blank = boundary == PROBABILITY_NODATA
    return np.where(blank, boundary, np.uint8(PROBABILITY_SCALE)), boundary


def _read_strip(source: StripSource, row: int, stop: int, options: LabelOptions) -> _Strip:
    """Read a strip with its halo and shape its relief."""
    reach = halo(options.distance_cap) + 1
    start, end = max(0, row - reach), min(source.shape[0], stop + reach)
    parcel, boundary = _read_bands(source, start, end)
    parcel_level, boundary_level = _levels(options)
    kinds = pixel_kinds(
        parcel, boundary, parcel_level=parcel_level, boundary_level=boundary_level
    )
    relief, depth = shape_relief(kinds, boundary, cap=options.distance_cap)
    above = min(row, 1)
    keep = slice(row - above - start, min(stop + 1, source.shape[0]) - start)
    fields = (kinds[keep], parcel[keep], boundary[keep], relief[keep], depth[keep])
    return _Strip(*fields, above=above, rows=stop - row)


class _Gathered:
    """Basins and borders of the strips so far, over names that are joined at the seams."""

    def __init__(self, width: int) -> None:
        self.next_name = 1
        self.statistics = [np.zeros((1, basins.COLUMNS), np.int64)]
        self.borders: list[Borders] = []
        self.seams: list[tuple[np.ndarray, np.ndarray]] = []
        self._names = np.zeros(width, np.int32)
        """Names that the last strip gave to the pixels of the row below it."""
        self._last: _Strip | None = None
        self._last_row = np.zeros(width, np.int32)

    def add(self, strip: _Strip) -> np.ndarray:
        """Add a strip and give its basin names, (rows, width) int32, 0 at no data."""
        width, first = strip.kinds.shape[1], self.next_name
        start, stop = strip.above * width, (strip.above + strip.rows) * width
        flat, names, self.next_name = basins.cut_basins(
            strip.relief.ravel(), strip.kinds.ravel(), width, start, stop, first
        )
        labels = flat.reshape(-1, width)
        self._measure(strip, labels, first)
        if strip.above:
            self.seams.append(_named(names[:width], self._last_row))
            self.seams.append(_named(self._names, labels[0]))
        self._names = names[stop:] if stop < names.size else np.zeros(width, np.int32)
        self._last_row = labels[-1].copy()
        return labels

    def _measure(self, strip: _Strip, labels: np.ndarray, first: int) -> None:
        core = slice(strip.above, strip.above + strip.rows)
        pixels = (strip.kinds[core], strip.parcel[core], strip.boundary[core], strip.depth[core])
        count = self.next_name - first
        flat = [values.ravel() for values in (labels, *pixels)]
        self.statistics.append(basins.measure_basins(*flat, first=first, count=count))
        if strip.above:
            labels = np.concatenate([self._last_row[np.newaxis], labels])
        own = slice(0, strip.above + strip.rows)
        boundary, depth = strip.boundary[own], strip.depth[own]
        self.borders.append(gather_borders(labels, boundary, depth, above=strip.above))


def _named(names: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the pixels of a seam that have two names."""
    both = (names > 0) & (others > 0)
    return names[both], others[both]


def _merge(gathered: _Gathered, options: LabelOptions) -> tuple[np.ndarray, int]:
    """Join basins over the seams and merge them; give the label of each basin name."""
    parents = np.arange(gathered.next_name, dtype=np.int32)
    for names, others in gathered.seams:
        basins.join(parents, names, others)
    numbers = basins.number_sets(parents)
    statistics = basins.add_up(np.concatenate(gathered.statistics), numbers)
    borders = reduce_borders(gathered.borders, numbers)
    background = basins.is_background(statistics)
    graph = agglomerate.build_graph(borders, statistics, background)
    _run(graph, options)
    labels, count = agglomerate.final_labels(graph)
    return labels[numbers], int(count)


def _run(graph: agglomerate.Graph, options: LabelOptions) -> None:
    """Merge, fill holes, then give small parcels away."""
    scale = PROBABILITY_SCALE << agglomerate.MEAN_SHIFT
    rule = agglomerate.Rule(
        limit=round(options.merge * scale) if options.method == "basins" else 1,
        touching=_levels(options)[1] if options.method == "components" else 0,
        narrow=round(options.neck * scale),
        full_area=round(FULL_AREA * options.min_area_pixels),
    )
    agglomerate.merge_regions(graph, rule)
    agglomerate.give_away(graph, math.floor(options.max_hole_pixels) + 1, 1)
    agglomerate.give_away(graph, math.ceil(options.min_area_pixels), 0)
