"""See whole rows of a scene as a scene of their own, whose surroundings are still true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from geoseg.grid import GeoBox, Window
from geoseg.inference.batches import Pixels


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of a scene; a window that reaches past them sees what is there."""

    pixels: Pixels
    """The scene."""
    row_start: int
    """First row; a multiple of the network's stride, or its phase would change."""
    row_stop: int
    """One past the last."""

    @property
    def geobox(self) -> GeoBox:
        """The section's own grid."""
        box = self.pixels.geobox
        moved = box.transform @ Affine.translation(0, self.row_start)
        return GeoBox(self.row_stop - self.row_start, box.width, moved, box.crs)

    def read(self, window: Window) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Read a window of the section."""
        row = window.row_off + self.row_start
        return self.pixels.read(Window(window.col_off, row, window.width, window.height))
