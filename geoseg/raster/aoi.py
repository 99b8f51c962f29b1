"""Use only a part of a scene: pixels outside an area of interest have no data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoseg.errors import GridError
from geoseg.grid import GeoBox, Window, bounds_text
from geoseg.raster.rasterize import rasterize
from geoseg.raster.resample import Resampled


@dataclass(frozen=True, slots=True)
class Clipped:
    """A scene of which only the pixels whose centre is in an area are valid."""

    pixels: Resampled
    """The scene."""
    area: tuple[BaseGeometry, ...]
    """Polygons in the scene's CRS."""

    @property
    def geobox(self) -> GeoBox:
        """The scene's grid, whole."""
        return self.pixels.geobox

    @property
    def dtype(self) -> str:
        """The scene's dtype."""
        return self.pixels.dtype

    def read(self, window: Window) -> tuple[NDArray, NDArray[np.bool_]]:
        """Read a window; valid is False outside the area."""
        data, valid = self.pixels.read(window)
        return data, valid & (rasterize(self.area, self.geobox, window) > 0)


def window_of_extent(geobox: GeoBox, extent: tuple[float, float, float, float]) -> Window:
    """Find the pixels of a grid that an extent touches.

    Args:
        geobox: the grid.
        extent: (xmin, ymin, xmax, ymax) in the grid's CRS.

    Raises:
        GridError: the extent is empty or does not touch the grid.
    """
    xmin, ymin, xmax, ymax = extent
    inverse = ~geobox.transform
    corners = [inverse @ (x, y) for x in (xmin, xmax) for y in (ymin, ymax)]
    cols, rows = zip(*corners, strict=True)
    left, right = max(0, math.floor(min(cols))), min(geobox.width, math.ceil(max(cols)))
    top, bottom = max(0, math.floor(min(rows))), min(geobox.height, math.ceil(max(rows)))
    if xmin >= xmax or ymin >= ymax or left >= right or top >= bottom:
        raise GridError(
            f"the extent {bounds_text(extent)} does not touch the scene, which spans "
            f"{bounds_text(geobox.bounds)}; give both in the scene's own CRS"
        )
    return Window(left, top, right - left, bottom - top)
