"""Cut a raster into tiles whose cores cover it exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from geoseg.errors import GridError
from geoseg.grid import Window

Array = TypeVar("Array", bound=Any)


@dataclass(frozen=True, slots=True)
class Tile:
    """One model input: the window that is read, and the core that only this tile may write."""

    window: Window
    """Core and halo; may reach past the scene's edge."""
    core: Window
    """Inside the scene."""


def plan_tiles(
    height: int, width: int, *, core: int, halo: int, divisor: int = 1
) -> Iterator[Tile]:
    """Yield the tiles of a raster in row-major order; all windows have the same shape.

    Args:
        height: rows of the raster.
        width: columns of the raster.
        core: side of a core in pixels, a multiple of divisor.
        halo: pixels read around a core, a multiple of divisor.
        divisor: every window starts on a multiple of this and has such a size.

    Raises:
        GridError: core is not a positive multiple of divisor, or halo not one or 0; raised when
            the first tile is asked for.

    >>> [tile.core.col_off for tile in plan_tiles(2, 5, core=2, halo=0)]
    [0, 2, 4]
    """
    if core <= 0 or halo < 0 or core % divisor or halo % divisor:
        raise GridError(f"core {core} and halo {halo} must be multiples of {divisor} pixels")
    side = core + 2 * halo
    for row in range(0, height, core):
        for col in range(0, width, core):
            own = Window(col, row, min(core, width - col), min(core, height - row))
            yield Tile(window=Window(col - halo, row - halo, side, side), core=own)


def inside(array: Array, halo: int) -> Array:
    """Cut so many rows and columns off each side of (..., rows, cols); an array or a tensor.

    >>> import numpy
    >>> inside(numpy.arange(9).reshape(3, 3), 1).tolist()
    [[4]]
    """
    rows, cols = array.shape[-2:]
    return array[..., halo : rows - halo, halo : cols - halo]
