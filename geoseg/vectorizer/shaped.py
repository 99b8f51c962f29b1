"""Read a strip of probabilities and shape its relief, ready to be cut into basins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from geoseg.errors import OptionError, RasterError
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE
from geoseg.vectorizer.relief import MAX_CAP, halo, pixel_kinds, shape_relief

METHODS = ("basins", "components")
"""How regions are told apart."""
MAX_AREA = 1 << 31
"""Pixels: areas to give away are below this, since they share an int64 with a region's number."""


class StripSource(Protocol):
    """A raster that is read in strips of whole rows."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""

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
    merge: float = 0.35
    """Basins are one parcel while their border's mean boundary probability is below this."""
    neck: float = 0.2
    """Added to that mean where the basins meet in a narrow pass, or in none: all of it there."""
    distance_cap: int = 40
    """Distances to a border are cut off here (pixels); strips are read with this much around."""
    min_area_pixels: float = 0.0
    """A smaller parcel is given to the neighbour, or background, behind its weakest border."""
    max_hole_pixels: float = 0.0
    """Background pieces of at most this many pixels are given to a parcel beside them."""
    confidence: float = 0.0
    """In the end a parcel with a lower mean parcel probability becomes background."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"method is {self.method!r}, must be one of {', '.join(METHODS)}")
        for name in ("parcel", "boundary", "merge", "neck", "confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)}, must be 0 to 1")
        if not 1 <= self.distance_cap <= MAX_CAP:
            raise OptionError(f"distance cap is {self.distance_cap}, must be 1 to {MAX_CAP} pixels")
        for name in ("min_area_pixels", "max_hole_pixels"):
            if not 0 <= getattr(self, name) < MAX_AREA:
                raise OptionError(
                    f"{name} is {getattr(self, name)}, must be 0 to {MAX_AREA - 1} pixels"
                )


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


def levels(options: LabelOptions) -> tuple[int, int]:
    """Give the smallest stored values of a parcel and of a border."""
    return (
        math.ceil(options.parcel * PROBABILITY_SCALE),
        math.ceil(options.boundary * PROBABILITY_SCALE),
    )


def reach(options: LabelOptions) -> int:
    """Give the rows around a strip that decide its basins."""
    return halo(options.distance_cap) + 1


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
