"""Read a strip of probabilities and shape its relief, ready to be cut into basins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from geoseg.errors import RasterError
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE
from geoseg.vectorizer.label_options import LabelOptions, levels, reach
from geoseg.vectorizer.relief import pixel_kinds, shape_relief


class StripSource(Protocol):
    """A raster that is read in strips of whole rows."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give the rows [row_start, row_stop)."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Pixels of a strip and one row above and below, where the scene has one."""

    kinds: np.ndarray
    """(rows, cols) uint8, what each pixel is."""
    parcel: np.ndarray
    """(rows, cols) uint8 stored parcel probabilities."""
    boundary: np.ndarray
    """(rows, cols) uint8 stored boundary probabilities."""
    relief: np.ndarray
    """(rows, cols) int32, low inside parcels and background."""
    depth: np.ndarray
    """(rows, cols) uint16, distances to the nearest pixel of another kind, as `shape_relief`."""
    above: int
    """Rows above the strip: 0 or 1."""
    rows: int
    """Rows of the strip."""


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


def read_strip(source: StripSource, row: int, stop: int, options: LabelOptions) -> Strip:
    """Read a strip with its halo and shape its relief."""
    start = max(0, row - reach(options))
    end = min(source.shape[0], stop + reach(options))
    parcel, boundary = _read_bands(source, start, end)
    parcel_level, boundary_level = levels(options)
    kinds = pixel_kinds(
        parcel, boundary, parcel_level=parcel_level, boundary_level=boundary_level
    )
    relief, depth = shape_relief(kinds, boundary, cap=options.distance_cap)
    above = min(row, 1)
    keep = slice(row - above - start, min(stop + 1, source.shape[0]) - start)
    fields = (kinds[keep], parcel[keep], boundary[keep], relief[keep], depth[keep])
    return Strip(*fields, above=above, rows=stop - row)
