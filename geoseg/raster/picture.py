"""Pictures of a scene for people: a look at a window, lines over it, a PNG or JPEG of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio
import rasterio.features
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from shapely import STRtree, box
from shapely.geometry.base import BaseGeometry

from geoseg.grid import Window
from geoseg.raster.opening import CONTENT
from geoseg.raster.scene import Scene
from geoseg.raster.stretch import percentiles

EMPTY = 72
"""Grey of pixels without data."""
FINER = 3
"""Lines are drawn this much finer and averaged, so that they are smooth."""

Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A picture of a window of a scene."""

    rgb: NDArray[np.uint8]
    """(3, rows, cols)."""
    window: Window
    """Pixels of the scene that it shows."""

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the scene."""
        return self.rgb.shape[2] / self.window.width


class Looker:
    """Takes looks at a scene with one stretch for all of them."""

    def __init__(self, scene: Scene, bands: tuple[int, ...] | None = None) -> None:
        self.scene = scene
        self.bands = _visible(scene) if bands is None else (bands[:3] if len(bands) > 2 else
                                                            bands[:1] * 3)
        self._low, self._high = np.zeros(3), np.full(3, 255.0)
        if scene.dtype != "uint8":
            self._low, self._high = percentiles(scene, self.bands)

    def look(self, side: int, window: Window | None = None, *, least: int = 0) -> Look:
        """Show a window, or all of the scene, with at most side pixels along a side.

        What is smaller than `least` pixels is shown larger, by a whole factor.

        Raises:
            RasterError: the pixels cannot be read.
        """
        box_ = self.scene.geobox
        whole = Window(0, 0, box_.width, box_.height)
        if window is None or window == whole:
            window = whole
            data, valid = self.scene.read_decimated(2 * side, self.bands)
        else:
            data, valid = self.scene.read(window, self.bands)
        longer = max(window.width, window.height)
        scale = min(1.0, side / longer) if longer > side else max(1, least // longer)
        shape = (max(1, round(window.height * scale)), max(1, round(window.width * scale)))
        shade = (data - self._low[:, None, None]) / (self._high - self._low)[:, None, None]
        shade = np.where(valid, np.clip(np.nan_to_num(shade), 0, 1) * 255, EMPTY)
        return Look(_averaged(shade, shape).round().astype(np.uint8), window)


def draw(
    rgb: NDArray[np.uint8], lines: Sequence[BaseGeometry], color: Color, *, width: float = 1.6
) -> NDArray[np.uint8]:
    """Draw lines, smooth, over a picture.

    Args:
        rgb: (3, rows, cols).
        lines: in pixels of the picture, x right and y down.
        color: red, green, blue, 0 to 255.
        width: of the lines, in pixels.
    """
    rows, cols = rgb.shape[1:]
    near = STRtree(lines).query(box(0, 0, cols, rows)) if len(lines) else []
    strokes = [lines[i].buffer(width / 2, quad_segs=2) for i in near]
    strokes = [(one, 1) for one in strokes if not one.is_empty]
    if not strokes:
        return rgb
    ink = rasterio.features.rasterize(
        strokes, out_shape=(rows * FINER, cols * FINER), transform=Affine.scale(1 / FINER),
        dtype="uint8",
    )
    ink = ink.reshape(rows, FINER, cols, FINER).mean(axis=(1, 3))
    painted = rgb * (1 - ink) + np.array(color)[:, None, None] * ink
    return painted.round().astype(np.uint8)


def encode(rgb: NDArray[np.uint8], kind: str, *, quality: int = 80) -> bytes:
    """Give the bytes of a PNG or JPEG file; kind is png, which says that it is ours, or jpeg."""
    options = {"driver": kind.upper(), "dtype": "uint8", "count": 3,
               "height": rgb.shape[1], "width": rgb.shape[2]}
    options |= {"quality": quality} if kind == "jpeg" else {"write_metadata_as_text": "YES"}
    with warnings.catch_warnings(), rasterio.Env(GDAL_PAM_ENABLED="NO"):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile() as memory:
            with memory.open(**options) as target:
                target.update_tags(**{CONTENT: "picture"})
                target.write(rgb)
            return memory.read()


def _visible(scene: Scene) -> tuple[int, ...]:
    names = scene.band_names
    if {"red", "green", "blue"} <= set(names):
        return tuple(names.index(name) + 1 for name in ("red", "green", "blue"))
    bands = scene.data_bands
    return bands[:3] if len(bands) >= 3 else bands[:1] * 3


def _averaged(data: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Shrink (bands, rows, cols) by the mean of the pixels that fall into each new one."""
    for axis, n in ((1, shape[0]), (2, shape[1])):
        size = data.shape[axis]
        if size > n:
            starts = np.arange(n) * size // n
            counts = np.diff(starts, append=size)
            sums = np.add.reduceat(data, starts, axis=axis)
            data = sums / (counts[:, None] if axis == 1 else counts)
        elif size < n:
            data = np.take(data, np.arange(n) * size // n, axis=axis)
    return data
