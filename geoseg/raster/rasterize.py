"""Burn polygons into a label raster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rasterio.features
from affine import Affine
from numpy.typing import NDArray
from shapely import STRtree, box
from shapely.geometry.base import BaseGeometry

from geoseg.grid import GeoBox, Window


def rasterize(
    geometries: Sequence[BaseGeometry], geobox: GeoBox, window: Window | None = None
) -> NDArray[np.int32]:
    """Give each pixel the number of the polygon that holds its centre; a later one wins.

    Args:
        geometries: polygons in the geobox's CRS; the first gets label 1.
        geobox: the grid.
        window: pixels of the grid; None for all of them.

    Returns:
        (rows, cols) int32, 0 where no polygon is.
    """
    window = window or Window(0, 0, geobox.width, geobox.height)
    shape = (window.height, window.width)
    transform = geobox.transform @ Affine.translation(window.col_off, window.row_off)
    corners = [transform @ (c, r) for c in (0, window.width) for r in (0, window.height)]
    xs, ys = zip(*corners, strict=True)
    found = STRtree(geometries).query(box(min(xs), min(ys), max(xs), max(ys)))
    pairs = [(geometries[i], int(i) + 1) for i in np.sort(found) if not geometries[i].is_empty]
    if not pairs:
        return np.zeros(shape, np.int32)
    return rasterio.features.rasterize(
        pairs, out_shape=shape, transform=transform, fill=0, dtype="int32"
    )
