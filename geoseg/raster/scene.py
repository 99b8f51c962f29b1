"""Open a scene and read any window of it, past its edges too.

A *scene* is a raster as the user has it. Its bands are numbered from 1, as in GDAL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError

from geoseg.errors import CRSError, GridError, RasterError
from geoseg.grid import GeoBox, Window
from geoseg.raster.opening import RasterFile

LARGEST = float(np.finfo(np.float32).max)
"""Networks compute in float32; a pixel beyond it is no data."""


class Scene(RasterFile):
    """A scene opened for reading; use it in a `with` statement.

    Attributes:
        band_names: one common name per band: red, green, blue, nir, grey, alpha, or `band 5`.
        dtype: numpy name of the pixels' type; of a palette's colours.
    """

    @property
    def count(self) -> int:
        """How many bands there are; a palette counts as red, green and blue."""
        return len(self.band_names)

    def crop(self, window: Window) -> None:
        """See only a window of the scene from now on; its edges become the scene's edges.

        Raises:
            GridError: the window is not inside the scene.
        """
        box = self.geobox
        if not Window(0, 0, box.width, box.height).contains(window):
            raise GridError(f"{window} is not inside {box.width} x {box.height} pixels")
        self._col_off += window.col_off
        self._row_off += window.row_off
        moved = box.transform @ Affine.translation(window.col_off, window.row_off)
        self.geobox = GeoBox(window.height, window.width, moved, box.crs)

    def read(
        self, window: Window, bands: tuple[int, ...] | None = None
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read a window; past the scene's edge the pixels are mirrored, edge pixel repeated.

        Args:
            window: any rectangle of pixels, inside the scene or not.
            bands: band numbers from 1; None reads all but alpha.

        Returns:
            data (bands, rows, cols) in the scene's dtype, and valid (rows, cols).

        Raises:
            RasterError: the pixels cannot be read.
        """
        rows = mirrored(window.row_off, window.row_stop, self.geobox.height)
        cols = mirrored(window.col_off, window.col_stop, self.geobox.width)
        inner = Window(
            int(cols.min()), int(rows.min()), int(np.ptp(cols)) + 1, int(np.ptp(rows)) + 1
        )
        data, valid = self._read_inside(inner, bands or self.data_bands)
        if inner == window:
            return data, valid
        # Ten times as fast as one index array for both axes.
        for index, axis in ((rows - inner.row_off, -2), (cols - inner.col_off, -1)):
            if not np.array_equal(index, np.arange(data.shape[axis])):
                data, valid = data.take(index, axis=axis), valid.take(index, axis=axis)
        return data, valid

    def read_decimated(
        self, side: int, bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read the whole scene thinned to at most side x side pixels, nearest neighbour."""
        step = max(1.0, max(self.geobox.shape) / side)
        shape = tuple(max(1, int(n / step)) for n in self.geobox.shape)
        box = Window(0, 0, self.geobox.width, self.geobox.height)
        try:
            return self._pixels(self._on_file(box), shape, bands)
        except RasterioError as error:
            raise self._unreadable(error) from error

    def _read_inside(
        self, window: Window, bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        try:
            return self._pixels(self._on_file(window), (window.height, window.width), bands)
        except RasterioError as error:
            where = f" at row {window.row_off}, column {window.col_off}"
            raise self._unreadable(error, where) from error

    def _on_file(self, window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
        return (
            (window.row_off + self._row_off, window.row_stop + self._row_off),
            (window.col_off + self._col_off, window.col_stop + self._col_off),
        )

    def _pixels(
        self, window: Any, shape: tuple[int, ...], bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        with self._settings():
            return self._pixels_and_valid(window, shape, bands)

    def _pixels_and_valid(
        self, window: Any, shape: tuple[int, ...], bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        source = self._dataset
        if self._palette is None:
            data = source.read(list(bands), window=window, out_shape=(len(bands), *shape))
        else:
            index = source.read(1, window=window, out_shape=shape)
            data = self._palette[np.asarray(bands) - 1][:, index.clip(0, 255).astype(np.intp)]
            if self.nodata is not None:
                return data, index != self.nodata
        if data.dtype == np.float64:
            data[np.abs(data) > LARGEST] = np.nan
        valid = self._valid(data)
        if self._mask_band:
            valid &= source.read_masks(self._mask_band, window=window, out_shape=shape) > 0
        return data, valid

    def _valid(self, data: NDArray[Any]) -> NDArray[np.bool_]:
        valid = np.ones(data.shape[1:], np.bool_)
        if np.issubdtype(data.dtype, np.floating):
            valid = np.isfinite(data).all(axis=0)
        if self.nodata is not None and not np.isnan(self.nodata):
            valid &= (data != np.asarray(self.nodata).astype(data.dtype)).any(axis=0)
        return valid

    def _check(self) -> None:
        super()._check()
        source = self._dataset
        if any("complex" in dtype for dtype in source.dtypes):
            raise RasterError(
                f"{self.path} has complex pixels ({source.dtypes[0]}); geoseg wants integers or "
                "floats: convert to amplitude first"
            )
        no_transform = source.transform == Affine.identity()
        if (source.crs is None or no_transform) and len(source.gcps[0]) > 1:
            raise CRSError(
                f"{self.path} is placed by {len(source.gcps[0])} ground control points only; "
                "make it a grid first: gdalwarp -tps IN OUT"
            )
        if no_transform and source.rpcs is not None:
            raise CRSError(
                f"{self.path} is placed by RPC coefficients only; "
                "make it a grid first: gdalwarp -rpc IN OUT"
            )

    def _describe(self) -> None:
        super()._describe()
        source = self._dataset
        self._col_off = self._row_off = 0
        self.block_shape = source.block_shapes[0]
        self.band_names = [
            _name(source.colorinterp[i], source.descriptions[i], i) for i in range(source.count)
        ]
        self._palette = None
        if source.count == 1 and source.colorinterp[0] == ColorInterp.palette:
            self._palette = _palette(source.colormap(1))
            self.band_names, self.dtype = ["red", "green", "blue"], "uint8"
        flags = source.mask_flag_enums[0]
        by_mask = MaskFlags.per_dataset in flags or MaskFlags.alpha in flags
        self._mask_band = 1 if by_mask else 0

    @property
    def data_bands(self) -> tuple[int, ...]:
        """Numbers of the bands that are not alpha."""
        return tuple(i + 1 for i, name in enumerate(self.band_names) if name != "alpha")


class Labels(Scene):
    """A raster of labels: of a palette its pixels are the numbers, not the colors."""

    def _describe(self) -> None:
        super()._describe()
        if self._palette is not None:
            self._palette, self.dtype = None, self._dataset.dtypes[0]
            self.band_names = ["label"]


def mirrored(start: int, stop: int, size: int) -> NDArray[np.int64]:
    """Give the pixel that stands for each index of [start, stop) when the edge is a mirror.

    >>> mirrored(-2, 5, 3).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    index = np.arange(start, stop) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)


def _name(color: ColorInterp, description: str | None, index: int) -> str:
    by_color = {"gray": "grey", "undefined": ""}.get(color.name, color.name)
    if by_color in ("red", "green", "blue", "alpha", "nir"):
        return by_color
    described = (description or "").strip().lower()
    return described or by_color or f"band {index + 1}"


def _palette(colors: dict[int, tuple[int, int, int, int]]) -> NDArray[np.uint8]:
    table = np.zeros((3, 256), np.uint8)
    for index, color in colors.items():
        if 0 <= index < 256:
            table[:, index] = color[:3]
    return table
