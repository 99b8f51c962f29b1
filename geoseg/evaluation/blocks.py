"""Cut the ground into blocks, and blocks into the tiles in which parcels are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import OptionError
from geoseg.grid import Bounds

BLOCKS_ALONG = 10
"""Blocks along the longer side, unless their size is chosen."""
PARCELS_PER_TILE = 3000
"""Wanted in a tile: few enough for memory, many enough to be quick."""
MOST_TILES = 200_000
"""More is a mistake in the size of blocks."""
MOST_ALONG = 4096
"""Tiles along the longer side, about; by its parcels alone a thin area is cut into far more."""
MARGIN = 1e-3
"""The grid of blocks is this much wider than the parcels, as a share of a block."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Squares of ground, each cut into the same number of tiles."""

    x: float
    """Left edge."""
    y: float
    """Lower edge."""
    side: float
    """Side of a block, in units of the CRS."""
    tile: float
    """Side of a tile."""
    shape: tuple[int, int]
    """Rows and columns of tiles."""

    def block_of(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Give the number of the block of each of (n, 2) points."""
        cols = -(-self.shape[1] // round(self.side / self.tile))
        index = np.floor((points - (self.x, self.y)) / self.side).astype(np.int64)
        return index[:, 1] * cols + index[:, 0]

    def tile_of(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Give the number of the tile of each of (n, 2) points, in row-major order."""
        index = np.floor((points - (self.x, self.y)) / self.tile).astype(np.int64)
        return index[:, 1] * self.shape[1] + index[:, 0]

    def tiles(self) -> Iterator[tuple[int, Bounds]]:
        """Yield the number and bounds of each tile."""
        for row in range(self.shape[0]):
            for col in range(self.shape[1]):
                x, y = self.x + col * self.tile, self.y + row * self.tile
                yield row * self.shape[1] + col, (x, y, x + self.tile, y + self.tile)


def plan_blocks(bounds: Bounds, parcels: int, *, side: float | None = None) -> Blocks:
    """Lay blocks over bounds.

    Args:
        bounds: of all parcels.
        parcels: how many there are about, for the size of tiles.
        side: of a block; None: a tenth of the longer side.

    Raises:
        OptionError: there would be too many.
    """
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    longest = max(width, height) or 1.0
    side = longest * (1 + 4 * MARGIN) / BLOCKS_ALONG if side is None else side
    wanted = max(1.0, parcels / PARCELS_PER_TILE)
    tile = side / math.ceil(side / max(math.sqrt(width * height / wanted), longest / MOST_ALONG))
    margin = MARGIN * side
    cols, rows = (math.ceil((one + 2 * margin) / tile) or 1 for one in (width, height))
    if cols * rows > MOST_TILES:
        raise OptionError(
            f"blocks of {side:g} cut the area into {cols * rows} tiles, at most {MOST_TILES} are "
            "compared; choose larger blocks with --block"
        )
    return Blocks(bounds[0] - margin, bounds[1] - margin, side, tile, (rows, cols))
