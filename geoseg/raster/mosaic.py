"""Scenes that overlap, on one grid, as one scene: each pixel comes from the first that has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geoseg.errors import RasterError
from geoseg.grid import GeoBox, Window
from geoseg.raster.scene import Scene

SNAP = 1e-3
"""Pixels by which a grid may be off another that counts as the same."""


class MosaicScene(Scene):
    """Scenes of one grid as one; use it in a `with` statement.

    Attributes: as Scene has; what a band is, and the dtype, must be the same in all.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        """Open scenes; where they overlap, the first that has data wins.

        Raises:
            RasterError: they do not lie on one grid, or differ in bands or dtype.
        """
        self.path = f"{paths[0]} and {len(paths) - 1} more"
        self._col_off = self._row_off = 0
        with ExitStack() as stack:
            self._scenes = [stack.enter_context(Scene(path)) for path in paths]
            first = self._scenes[0]
            for scene in self._scenes[1:]:
                _check_alike(first, scene)
            self._close = stack.pop_all()
        places = [grid_offset(first.geobox, scene.geobox) for scene in self._scenes]
        self._windows = [
            Window(col, row, scene.geobox.width, scene.geobox.height)
            for (col, row), scene in zip(places, self._scenes, strict=True)
        ]
        self.geobox = self._around(first.geobox)
        self.band_names, self.dtype = first.band_names, first.dtype
        self.nodata, self.block_shape = first.nodata, first.block_shape

    def __exit__(self, *error: object) -> None:
        self._close.close()

    @property
    def tags(self) -> dict[str, str]:
        """The metadata items of the first file."""
        return self._scenes[0].tags

    def read_decimated(
        self, side: int, bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read all scenes thinned; as one line of pixels, since only their values matter."""
        share = max(16, side // math.ceil(math.sqrt(len(self._scenes))))
        read = [scene.read_decimated(share, bands) for scene in self._scenes]
        data = [values.reshape(len(bands), 1, -1) for values, _ in read]
        return np.concatenate(data, axis=2), np.concatenate(
            [valid.reshape(1, -1) for _, valid in read], axis=1
        )

    def _around(self, box: GeoBox) -> GeoBox:
        """Give the grid that holds all scenes, and count their windows from its corner."""
        col = min(window.col_off for window in self._windows)
        row = min(window.row_off for window in self._windows)
        width = max(window.col_stop for window in self._windows) - col
        height = max(window.row_stop for window in self._windows) - row
        self._windows = [
            Window(one.col_off - col, one.row_off - row, one.width, one.height)
            for one in self._windows
        ]
        moved = box.transform @ Affine.translation(col, row) if (col, row) != (0, 0) else None
        return GeoBox(height, width, moved or box.transform, box.crs)

    def _read_inside(
        self, window: Window, bands: tuple[int, ...]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        shape = (window.height, window.width)
        data = np.zeros((len(bands), *shape), self.dtype)
        valid = np.zeros(shape, np.bool_)
        (top, _), (left, _) = self._on_file(window)
        for scene, place in zip(self._scenes, self._windows, strict=True):
            rows = max(top, place.row_off), min(top + window.height, place.row_stop)
            cols = max(left, place.col_off), min(left + window.width, place.col_stop)
            if rows[0] >= rows[1] or cols[0] >= cols[1]:
                continue
            here = slice(rows[0] - top, rows[1] - top), slice(cols[0] - left, cols[1] - left)
            if valid[here].all():
                continue
            part = Window(
                cols[0] - place.col_off, rows[0] - place.row_off, cols[1] - cols[0],
                rows[1] - rows[0],
            )
            pixels, good = scene.read(part, bands)
            fresh = good & ~valid[here]
            data[:, *here][:, fresh] = pixels[:, fresh]
            valid[here] |= fresh
        return data, valid


def open_scene(paths: Sequence[str]) -> Scene:
    """Open one scene, or several as one."""
    return Scene(paths[0]) if len(paths) == 1 else MosaicScene(paths)


def grid_offset(one: GeoBox, other: GeoBox) -> tuple[int, int] | None:
    """Give the (column, row) of a grid's corner on another; None if they are not one grid."""
    if one.crs != other.crs or one.crs is None:
        return None
    relative = ~one.transform @ other.transform
    col, row = round(relative.c), round(relative.f)
    furthest = [relative @ (c, r) for c in (0, other.width) for r in (0, other.height)]
    wanted = [(col + c, row + r) for c in (0, other.width) for r in (0, other.height)]
    return (col, row) if np.allclose(furthest, wanted, rtol=0, atol=SNAP) else None


def _check_alike(first: Scene, scene: Scene) -> None:
    if grid_offset(first.geobox, scene.geobox) is None:
        raise RasterError(
            f"{scene.path} is not on the pixel grid of {first.path}; warp it to that grid first: "
            "gdalwarp -t_srs ... -tr ... -tap"
        )
    for what, one, other in (
        ("bands", first.band_names, scene.band_names), ("dtype", first.dtype, scene.dtype),
    ):
        if one != other:
            raise RasterError(
                f"{scene.path} has {what} {other}, {first.path} has {one}; scenes of one mosaic "
                "must be alike"
            )
