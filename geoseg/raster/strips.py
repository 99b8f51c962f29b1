"""Read a raster as strips of whole rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from geoseg.raster.opening import RasterFile


class Strips(Protocol):
    """Whole rows of all bands, in any order."""

    def read(self, row_start: int, row_stop: int) -> NDArray[np.uint8]: ...


class MaskReader(RasterFile):
    """A raster as strips of whole rows; use it in a `with` statement.

    Attributes:
        shape: (height, width) in pixels.
        count: bands.
        descriptions: of the bands; None where one has none.
        is_probability: True where geoseg wrote it as probabilities.
    """

    def _describe(self) -> None:
        super()._describe()
        self.shape, self.count = self.geobox.shape, self._dataset.count
        self.descriptions = self._dataset.descriptions
        self.is_probability = self.content == "probability"

    def read(self, row_start: int, row_stop: int) -> NDArray:
        """Read whole rows of all bands: (bands, rows, width).

        Raises:
            RasterError: the rows cannot be read.
        """
        return self._rows(None, row_start, row_stop)

    def read_band(self, band: int, row_start: int, row_stop: int) -> NDArray:
        """Read whole rows of one band, counted from 1: (rows, width).

        Raises:
            RasterError: the rows cannot be read.
        """
        return self._rows(band, row_start, row_stop)

    def _rows(self, band: int | None, row_start: int, row_stop: int) -> NDArray:
        window = ((row_start, row_stop), (0, self.geobox.width))
        try:
            with self._settings():
                return self._dataset.read(band, window=window)
        except RasterioError as error:
            raise self._unreadable(error, f" at row {row_start}") from error
