"""Open a scene and read any window of it, past its edges too.

A *scene* is a raster as the user has it. Its bands are numbered from 1, as in GDAL.
"""

from __future__ import annotations

import logging
import stat
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader

from geoseg.errors import CRSError, GridError, RasterError
from geoseg.grid import GeoBox, Window
from geoseg.raster.virtual import SAFE, check_vrt

log = logging.getLogger(__name__)

DRIVERS = ("GTiff", "COG", "JP2OpenJPEG", "JPEG", "PNG", "WEBP", "AAIGrid", "HFA")
"""What a scene may be; anything else is refused before its driver sees the file. A file that is
named .vrt may be a VRT too."""
MAX_CLAIM_BYTES = 1 << 38
"""A file that claims more pixels than this must have bytes for them."""
MAX_CLAIM_RATIO = 2000
"""Claimed bytes per byte of such a file; deflate reaches 1032."""
MAX_BLOCK_BYTES = 1 << 30
"""A block is decoded whole: a larger one is a decompression bomb or a mistake."""
CACHE_BYTES = 128 << 20
"""GDAL's block cache; one row of blocks of a wide scene."""

# GDAL's own cache is 5 % of the machine's memory, and rasterio sets it back when an environment
# ends: this one lasts as long as the process, or memory would grow with the scene.
rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES).__enter__()


class Scene:
    """A raster opened for reading; use it in a `with` statement.

    Attributes:
        path: as given.
        geobox: the grid of its pixels.
        band_names: one common name per band: red, green, blue, nir, grey, alpha, or `band 5`.
        dtype: numpy name of the pixels' type.
        nodata: the value that means no data, or None.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._col_off = self._row_off = 0
        self._dataset = open_dataset(self.path)
        try:
            self._check()
            self._describe()
        except BaseException:
            self._dataset.close()
            raise

    def __enter__(self) -> Scene:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._dataset.close()

    @property
    def count(self) -> int:
        """How many bands there are; a palette counts as red, green and blue."""
        return len(self.band_names)

    @property
    def tags(self) -> dict[str, str]:
        """The metadata items of the file."""
        return self._dataset.tags()

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
        pick = np.ix_(rows - inner.row_off, cols - inner.col_off)
        return data[:, pick[0], pick[1]], valid[pick]

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
            raise self._unreadable(error, window) from error

    def _on_file(self, window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
        return (
            (window.row_off + self._row_off, window.row_stop + self._row_off),
            (window.col_off + self._col_off, window.col_stop + self._col_off),
        )

    def _pixels(
        self, window: Any, shape: tuple[int, ...], bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        with rasterio.Env(**safe_settings(self.path)):  # a VRT opens its files when it is read
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
        source = self._dataset
        if source.count == 0:
            inside = ", ".join(source.subdatasets[:3]) or "none"
            raise RasterError(f"{self.path} has no bands; name one of its subdatasets: {inside}")
        if any("complex" in dtype for dtype in source.dtypes):
            raise RasterError(
                f"{self.path} has complex pixels ({source.dtypes[0]}); geoseg wants integers or "
                "floats: convert to amplitude first"
            )
        rows, cols = source.block_shapes[0]
        size = rows * cols * np.dtype(source.dtypes[0]).itemsize
        if size > MAX_BLOCK_BYTES:
            raise RasterError(
                f"{self.path} stores blocks of {rows} x {cols} pixels ({size >> 20} MiB each), "
                f"at most {MAX_BLOCK_BYTES >> 20} MiB is read; rewrite it tiled: "
                "gdal_translate -co TILED=YES"
            )
        check_claim(self.path, source)
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
        source = self._dataset
        crs = source.crs
        self.geobox = GeoBox(
            source.height, source.width, source.transform, crs.to_wkt() if crs else None
        )
        self.dtype = source.dtypes[0]
        self.nodata = source.nodata
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

    def _unreadable(self, error: Exception, window: Window | None = None) -> RasterError:
        where = "" if window is None else f" at row {window.row_off}, column {window.col_off}"
        return RasterError(
            f"{self.path} cannot be read{where}: {_reason(error)}; the file is damaged or its "
            "compression is not supported here, copy it again or rewrite it with gdal_translate"
        )


def check_claim(path: str, source: DatasetReader) -> None:
    """Refuse a small file that claims to be a huge raster: the work on nothing would not end.

    Raises:
        RasterError: it is one.
    """
    if safe_settings(path) and source.driver != "VRT":
        itemsize = max(np.dtype(one).itemsize for one in source.dtypes)
        claimed = source.width * source.height * source.count * itemsize
        size = Path(path).stat().st_size
        if claimed > MAX_CLAIM_BYTES and claimed > MAX_CLAIM_RATIO * size:
            raise RasterError(
                f"{path} has {size >> 10} KiB and claims {source.width} x {source.height} pixels "
                f"({claimed >> 30} GiB); cut out the part that has data: gdal_translate -projwin"
            )


def mirrored(start: int, stop: int, size: int) -> NDArray[np.int64]:
    """Give the pixel that stands for each index of [start, stop) when the edge is a mirror.

    >>> mirrored(-2, 5, 3).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    index = np.arange(start, stop) % (2 * size)
    return np.where(index < size, index, 2 * size - 1 - index)


def open_dataset(path: str) -> DatasetReader:
    """Open a file for reading if it is of an allowed kind.

    Raises:
        RasterError: no such file, not a file, or not a raster of an allowed driver.
    """
    drivers, settings = list(DRIVERS), safe_settings(path)
    if settings:
        _check_file(Path(path))
        if Path(path).suffix.lower() == ".vrt":
            check_vrt(Path(path))
            drivers = ["VRT"]
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, **settings), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return DatasetReader(path, driver=drivers)
    except RasterioIOError as error:
        raise RasterError(
            f"{path} is not a raster that geoseg can read ({_reason(error)}); wanted one of "
            f"{', '.join(DRIVERS)}, or a VRT that is named .vrt"
        ) from error


def safe_settings(path: str) -> dict[str, str]:
    """Give GDAL's settings for a file: only what the user named as such is on the network."""
    return {} if "://" in path or path.startswith("/vsi") else SAFE


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise RasterError(f"{path} does not exist; check the path of the scene") from error
    except OSError as error:
        raise RasterError(f"{path} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise RasterError(f"{path} is not a regular file; a scene is a raster file such as a TIFF")
    if status.st_size == 0:
        raise RasterError(f"{path} is empty (0 bytes); copy it again")


def _reason(error: BaseException) -> str:
    text = str(error.__cause__ or error).strip() or type(error).__name__
    return " ".join(text.split())[:200].rstrip(".")


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
