"""Open a raster file of an allowed kind, and refuse what only pretends to be one."""

from __future__ import annotations

import stat
import warnings
from pathlib import Path
from typing import Self

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.io import DatasetReader

from geoseg.errors import RasterError
from geoseg.grid import GeoBox
from geoseg.raster.virtual import SAFE, check_vrt

DRIVERS = ("GTiff", "COG", "JP2OpenJPEG", "JPEG", "PNG", "WEBP", "AAIGrid", "HFA")
"""What a scene may be; anything else is refused before its driver sees the file. A file that is
named .vrt may be a VRT too."""
SUFFIXES = (
    ".tif", ".tiff", ".png", ".vrt", ".jp2", ".img", ".jpg", ".jpeg", ".webp", ".asc",
)
"""How the names of such files end, in the order in which a partner of a scene is looked for."""
CONTENT = "GEOSEG_CONTENT"
"""Metadata item of a raster that geoseg wrote: probability, class or picture."""
MAX_CLAIM_BYTES = 1 << 38
"""A file that claims more pixels than this must have bytes for them."""
MAX_CLAIM_RATIO = 2000
"""Claimed bytes per byte of such a file; deflate reaches 1032."""
MAX_BLOCK_BYTES = 1 << 30
"""A block is decoded whole: a larger one is a decompression bomb or a mistake."""
CACHE_BYTES = 24 << 20
"""GDAL's block cache. Rasters are read in whole rows, each once: it need only hold the one row of
blocks that two reads share, which are decoded twice in a scene too wide for it."""

# GDAL's own cache is 5 % of the machine's memory, and rasterio sets it back when an environment
# ends: this one lasts as long as the process, or memory would grow with the scene.
rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES).__enter__()


class RasterFile:
    """A raster file opened for reading; use it in a `with` statement.

    Attributes:
        path: as given.
        geobox: the grid of its pixels.
        dtype: numpy name of the pixels' type.
        nodata: the value that means no data, or None.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a file.

        Raises:
            RasterError, CRSError: it is not one that can be read; see the message.
        """
        self.path = str(path)
        self._dataset = open_dataset(self.path)
        try:
            self._check()
            self._describe()
        except BaseException:
            self._dataset.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._dataset.close()

    @property
    def tags(self) -> dict[str, str]:
        """The metadata items of the file."""
        return self._dataset.tags()

    @property
    def content(self) -> str | None:
        """What geoseg wrote it as; None of a raster from elsewhere."""
        return self.tags.get(CONTENT)

    def _check(self) -> None:
        """Refuse what would take all memory or never end."""
        check_bands(self.path, self._dataset)
        check_block(self.path, self._dataset)
        check_claim(self.path, self._dataset)

    def _describe(self) -> None:
        source = self._dataset
        crs = source.crs.to_wkt() if source.crs else None
        self.geobox = GeoBox(source.height, source.width, source.transform, crs)
        self.dtype, self.nodata = source.dtypes[0], source.nodata

    def _settings(self) -> rasterio.Env:
        """Give GDAL's settings while pixels are read; a VRT opens its files only then."""
        return rasterio.Env(**safe_settings(self.path))

    def _unreadable(self, error: RasterioError, where: str = "") -> RasterError:
        return RasterError(
            f"{self.path} cannot be read{where}: {reason(error)}; the file is damaged or its "
            "compression is not supported here, copy it again or rewrite it with gdal_translate"
        )


def check_bands(path: str, source: DatasetReader) -> None:
    """Refuse a file that is only a list of other rasters."""
    if source.count == 0:
        inside = ", ".join(source.subdatasets[:3]) or "none"
        raise RasterError(f"{path} has no bands; name one of its subdatasets: {inside}")


def check_block(path: str, source: DatasetReader) -> None:
    """Refuse blocks that would fill the memory when one is decoded."""
    rows, cols = source.block_shapes[0]
    size = rows * cols * np.dtype(source.dtypes[0]).itemsize
    if size > MAX_BLOCK_BYTES:
        raise RasterError(
            f"{path} stores blocks of {rows} x {cols} pixels ({size >> 20} MiB each), "
            f"at most {MAX_BLOCK_BYTES >> 20} MiB is read; rewrite it tiled: "
            "gdal_translate -co TILED=YES"
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
            f"{path} is not a raster that geoseg can read ({reason(error)}); wanted one of "
            f"{', '.join(DRIVERS)}, or a VRT that is named .vrt"
        ) from error


def is_raster(path: str | Path) -> bool:
    """Tell a raster by its name; what is none is a vector file, where either will do."""
    return Path(path).suffix.lower() in SUFFIXES


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


def reason(error: BaseException) -> str:
    """Give what GDAL says about an error, in one short line."""
    text = str(error.__cause__ or error).strip() or type(error).__name__
    return " ".join(text.split())[:200].rstrip(".")
