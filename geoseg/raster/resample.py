"""Read a scene at another resolution, the same to the bit whatever the window.

The factor is a whole number, so pixels nest: a coarser pixel is the mean of its `coarser`
squared pixels; a finer one is bilinear between pixel centres with weights that depend on its
place inside the pixel only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geoseg.grid import GeoBox, Window
from geoseg.raster.scene import Scene


@dataclass(frozen=True, slots=True)
class Resampled:
    """A scene seen on a grid that is `finer` times finer or `coarser` times coarser."""

    scene: Scene
    """Where the pixels come from; stays open as long as this is used."""
    bands: tuple[int, ...]
    """Band numbers from 1, in the model's order."""
    finer: int = 1
    """Pixels of this grid per scene pixel, along a side."""
    coarser: int = 1
    """Scene pixels per pixel of this grid, along a side."""

    @property
    def geobox(self) -> GeoBox:
        """This grid: whole pixels only, so at most `coarser - 1` scene pixels are left over."""
        native = self.scene.geobox
        scale = self.coarser / self.finer
        return GeoBox(
            native.height * self.finer // self.coarser,
            native.width * self.finer // self.coarser,
            native.transform @ Affine.scale(scale),
            native.crs,
        )

    @property
    def dtype(self) -> str:
        """dtype of what `read` gives."""
        return self.scene.dtype if self.finer == self.coarser == 1 else "float32"

    def read(self, window: Window) -> tuple[NDArray, NDArray[np.bool_]]:
        """Read a window of this grid; past the edge the scene is mirrored.

        Returns:
            data (bands, rows, cols) and valid (rows, cols).

        Raises:
            RasterError: the pixels cannot be read.
        """
        if self.coarser > 1:
            return self._read_coarser(window)
        if self.finer > 1:
            return self._read_finer(window)
        return self.scene.read(window, self.bands)

    def _read_coarser(self, window: Window) -> tuple[NDArray, NDArray[np.bool_]]:
        k = self.coarser
        data, valid = self.scene.read(
            Window(window.col_off * k, window.row_off * k, window.width * k, window.height * k),
            self.bands,
        )
        blocks = (window.height, k, window.width, k)
        n = valid.reshape(blocks).sum(axis=(1, 3))
        data = np.where(valid, data, 0).astype(np.float64)
        total = data.reshape(len(self.bands), *blocks).sum(axis=(2, 4))
        return (total / np.maximum(n, 1)).astype(np.float32), 2 * n >= k * k

    def _read_finer(self, window: Window) -> tuple[NDArray, NDArray[np.bool_]]:
        f = self.finer
        row0, col0 = (window.row_off - f) // f, (window.col_off - f) // f
        row1, col1 = -(-(window.row_stop + f) // f), -(-(window.col_stop + f) // f)
        data, valid = self.scene.read(Window(col0, row0, col1 - col0, row1 - row0), self.bands)
        data = np.where(valid, data, 0).astype(np.float32)
        weight = valid.astype(np.float32)
        rows = _taps(window.row_off, window.row_stop, f, row0)
        cols = _taps(window.col_off, window.col_stop, f, col0)
        total = _bilinear(data * weight, rows, cols)
        weights = _bilinear(weight[None], rows, cols)
        inside = np.ix_(
            np.arange(window.row_off, window.row_stop) // f - row0,
            np.arange(window.col_off, window.col_stop) // f - col0,
        )
        return total / np.maximum(weights, 1e-6), valid[inside]


def _taps(start: int, stop: int, f: int, origin: int) -> tuple[NDArray, NDArray[np.float32]]:
    """Give for each fine index the coarse index before it, and the weight of the one after."""
    centre = 2 * np.arange(start, stop) + 1 - f
    before = centre // (2 * f)
    return before - origin, ((centre - before * 2 * f) / np.float32(2 * f)).astype(np.float32)


def _bilinear(data: NDArray, rows: tuple, cols: tuple) -> NDArray[np.float32]:
    (row, down), (col, right) = rows, cols
    down = down[:, None]
    lines = data[:, row] * (1 - down) + data[:, row + 1] * down
    return lines[:, :, col] * (1 - right) + lines[:, :, col + 1] * right
