"""Helpers for drawn rasters: digits in, polygons out."""

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from affine import Affine

from geoseg.grid import GeoBox
from geoseg.vectorizer import LineOptions, ParcelBatch, parcels
from geoseg.vectorizer.batch import merge


class Array:
    """An array as a source of strips."""

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.data.shape[-2:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows [row_start, row_stop)."""
        return self.data[..., row_start:row_stop, :]


def _grid(labels: np.ndarray) -> GeoBox:
    return GeoBox(*labels.shape, Affine(1, 0, 0, 0, -1, 0), None)


def _vectorize(
    labels: np.ndarray,
    *,
    geobox: GeoBox | None = None,
    probabilities: np.ndarray | None = None,
    strip: int = 1024,
    threads: int = 1,
    **options: object,
) -> ParcelBatch | None:
    batches = list(
        parcels(
            Array(labels),
            geobox or _grid(labels),
            options=LineOptions(**options),
            probabilities=None if probabilities is None else Array(probabilities),
            strip=strip,
            threads=threads,
        )
    )
    return merge(batches, None) if batches else None


@pytest.fixture(scope="session")
def digits() -> Callable[[str], np.ndarray]:
    """Read a raster drawn as words of digits, one a row."""
    return lambda text: np.array([list(map(int, row)) for row in text.split()], np.int32)


@pytest.fixture(scope="session")
def vectorize() -> Callable[..., ParcelBatch | None]:
    """Vectorize an array; all parcels in one batch, None if there is none."""
    return _vectorize


@pytest.fixture(scope="session")
def polygons() -> Callable[[ParcelBatch], np.ndarray]:
    """Give a batch's geometries, read from its well-known binary."""

    def read(batch: ParcelBatch) -> np.ndarray:
        offsets, content = batch.wkb()
        ends = zip(offsets[:-1], offsets[1:], strict=True)
        return shapely.from_wkb([content[start:stop].tobytes() for start, stop in ends])

    return read


@pytest.fixture(scope="session")
def as_source() -> type[Array]:
    """Make a source of strips of an array."""
    return Array
