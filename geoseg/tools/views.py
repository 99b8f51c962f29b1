"""Where parcels lie on what a report shows: on the pixels of a scene, or in their own CRS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geoseg.crs import transformer
from geoseg.grid import GeoBox, Window
from geoseg.pages import Frame, MapPicture
from geoseg.raster import Looker, Scene, draw, encode

MOST_PARCELS = 40_000
"""Of a layer on a map: more would be slow to draw."""
MAP_SIDE = 1536
"""Pixels along the longer side of the picture under a map."""
MAP_QUALITY = 70
"""JPEG quality: the eye is on the parcels."""
CROP_SIDE = 240
"""Pixels along a side of a crop."""
CROP_MARGIN = 0.5
"""Ground around a parcel in its crop, as a share of its size."""
CROP_LEAST = 48
"""A crop shows at least so many pixels of the scene."""

Shapes = NDArray[np.object_]
Lines = list[tuple[Shapes, tuple[int, int, int]]]


@dataclass(frozen=True, slots=True)
class View:
    """What a map shows, and how parcels come onto it."""

    frame: Frame
    """Its rectangle: pixels of the scene, or coordinates."""
    move: Callable[[Shapes], Shapes]
    """Brings parcels onto it."""
    looker: Looker | None = None
    """Takes pictures of the scene; None without one."""

    def picture(self) -> MapPicture | None:
        """Give what lies under the map."""
        if self.looker is None:
            return None
        look = self.looker.look(MAP_SIDE)
        box = self.looker.scene.geobox
        return MapPicture(encode(look.rgb, "jpeg", quality=MAP_QUALITY), "jpeg", _pixels(box))

    def crop(self, around: shapely.Geometry, lines: Lines) -> bytes:
        """Give a JPEG of the ground around a shape, both on the map, with lines over it."""
        xmin, ymin, xmax, ymax = around.bounds
        side = max((1 + 2 * CROP_MARGIN) * max(xmax - xmin, ymax - ymin), CROP_LEAST)
        box = self.looker.scene.geobox
        col, row = (xmin + xmax - side) / 2, (ymin + ymax - side) / 2
        window = Window(int(col), int(row), max(1, int(side)), max(1, int(side)))
        look = self.looker.look(CROP_SIDE, _inside(window, box))
        rgb, scale = look.rgb, look.scale
        off = np.array([look.window.col_off, look.window.row_off])
        for shapes, color in lines:
            moved = shapely.transform(shapely.boundary(shapes), lambda xy: (xy - off) * scale)
            rgb = draw(rgb, list(moved), color, width=2)
        return encode(rgb, "jpeg", quality=76)


def view_of(
    bounds: tuple[float, float, float, float], crs: str | None, scene: Scene | None, *,
    down: bool, bands: tuple[int, ...] | None = None,
) -> View:
    """Choose what a map shows: the scene where there is one, else the bounds of the parcels.

    Args:
        bounds: of the parcels.
        crs: theirs.
        scene: opened.
        down: True where y runs down without a scene.
        bands: of the scene, shown as red, green and blue; None to choose.
    """
    if scene is None:
        return View(Frame(*bounds, down=down), lambda shapes: shapes)
    inverse = ~scene.geobox.transform
    there = None
    if crs is not None and scene.geobox.crs is not None:
        there = transformer(crs, scene.geobox.crs)

    def onto(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = points.T if there is None else there.transform(*points.T)
        return np.column_stack(inverse @ (np.asarray(x), np.asarray(y)))

    return View(
        _pixels(scene.geobox), lambda shapes: shapely.transform(shapes, onto),
        Looker(scene, bands),
    )


def _pixels(box: GeoBox) -> Frame:
    return Frame(0, 0, box.width, box.height, down=True)


def _inside(window: Window, box: GeoBox) -> Window:
    """Push a window into a grid, and cut what does not fit."""
    width, height = min(window.width, box.width), min(window.height, box.height)
    col = min(max(0, window.col_off), box.width - width)
    row = min(max(0, window.row_off), box.height - height)
    return Window(col, row, width, height)
