"""A scene that is no file: an open dataset, or an array with a grid, under a name of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from geoseg.errors import RasterError
from geoseg.grid import GeoBox
from geoseg.raster.assets import located


@contextmanager
def named(scene: Any) -> Iterator[str]:
    """Give the name under which a scene can be opened.

    Args:
        scene: a path, URL or STAC item (see `assets`); an open rasterio dataset; (array, GeoBox),
            where the array is (bands, rows, cols) or (rows, cols); or an xarray DataArray with
            the accessor of rioxarray.

    Yields:
        The path. An array is kept in memory, uncompressed, until the block ends; its name is made
        of its content.

    Raises:
        RasterError: it is none of these, or array and grid do not fit.
    """
    if isinstance(scene, str | Path):
        yield located(str(scene))
    elif isinstance(scene, DatasetReader):
        yield scene.name
    else:
        data, box, nodata = _array(scene)
        with MemoryFile(_encoded(data, box, nodata), filename=_name(data)) as file:
            yield file.name


def _array(scene: Any) -> tuple[np.ndarray, GeoBox, float | None]:
    nodata = None
    if hasattr(scene, "rio"):
        data, grid = np.asarray(scene.values), scene.rio
        crs = None if grid.crs is None else grid.crs.to_wkt()
        box, nodata = GeoBox(grid.height, grid.width, grid.transform(), crs), grid.nodata
    elif isinstance(scene, tuple) and len(scene) == 2 and isinstance(scene[1], GeoBox):
        data, box = np.asarray(scene[0]), scene[1]
    else:
        raise RasterError(
            f"a scene is {type(scene).__name__}, wanted a path, an open rasterio dataset, "
            "(array, GeoBox), or a DataArray with rioxarray"
        )
    data = data[None] if data.ndim == 2 else data
    if data.ndim != 3 or data.shape[1:] != box.shape:
        raise RasterError(
            f"an array of shape {data.shape} does not fit its grid of {box.shape}; wanted "
            "(bands, rows, cols)"
        )
    return data, box, nodata


def _encoded(data: np.ndarray, box: GeoBox, nodata: float | None) -> bytes:
    options = {
        "driver": "GTiff", "count": len(data), "height": box.height, "width": box.width,
        "dtype": data.dtype, "crs": box.crs, "transform": box.transform, "nodata": nodata,
        "bigtiff": "if_safer",
    }
    try:
        with MemoryFile() as file:
            with rasterio.open(file.name, "w", **options) as target:
                target.write(data)
            return file.read()
    except (RasterioError, TypeError, ValueError) as error:
        raise RasterError(f"an array of {data.dtype} cannot be used as a scene: {error}") from error


def _name(data: np.ndarray) -> str:
    return f"array-{hashlib.sha256(np.ascontiguousarray(data).data).hexdigest()[:12]}.tif"
