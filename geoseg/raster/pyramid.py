"""Rows of pixels in, compressed blocks out: of the rows themselves and of all overviews."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from affine import Affine
from rasterio.io import MemoryFile

from geoseg.raster.halves import Rows
from geoseg.raster.tiff import read_blocks

BLOCK = 512
"""Side of a block, in pixels."""
BLOCKS_AT_ONCE = 8
"""Blocks beside one another that are compressed in one go."""
HALVED_AT_ONCE = 64
"""Rows that are halved at once, an even number: what that takes for a while is several times
theirs."""
COMPRESSION = {"compress": "deflate", "zlevel": 1}
"""Options of GDAL's GTiff driver."""

Shrink = Callable[[Rows], Rows]
"""Halves (bands, rows, width), both even."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a compressed block lies in the scratch file."""

    offset: int
    size: int
    checksum: int
    """zlib.crc32."""


@dataclass(slots=True)
class Level:
    """The pixels, or one of their overviews."""

    height: int
    width: int
    blocks: list[Block] = field(default_factory=list)
    """From the top, each row from the left."""
    rows: int = 0
    """How many have come."""
    waiting: Rows | None = None
    """Room for a row of blocks; None while it is empty."""


class Pyramid:
    """Compresses rows that come from the top; memory is O(bands x BLOCK x width).

    Attributes:
        levels: the pixels and their overviews, each half of the one before, down to a single block.
    """

    def __init__(
        self, scratch: BinaryIO, height: int, width: int, shrink: Shrink, *, threads: int = 1
    ) -> None:
        """Begin.

        Args:
            scratch: file that blocks are added to.
            height, width: of the pixels.
            shrink: mean_of_four or most_of_four.
            threads: that compress; the bytes do not depend on them.
        """
        self._scratch, self._shrink, self._end = scratch, shrink, 0
        self._pool = ThreadPoolExecutor(threads, "compress")
        self.levels = [Level(height, width)]
        while max(height, width) > BLOCK:
            height, width = -(-height // 2), -(-width // 2)
            self.levels.append(Level(height, width))

    def add(self, rows: Rows) -> None:
        """Take the next rows.

        Raises:
            OSError: the disk is full or failing.
        """
        self._add(0, rows)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    def _add(self, index: int, rows: Rows) -> None:
        level = self.levels[index]
        while rows.shape[1]:
            row = level.rows % BLOCK
            stop = min(BLOCK, row + rows.shape[1], row + level.height - level.rows)
            taken, rows = rows[:, : stop - row], rows[:, stop - row :]
            level.rows += stop - row
            whole = stop == BLOCK or level.rows == level.height
            if row == 0 and whole:
                self._finish(index, taken)
                continue
            if level.waiting is None:
                level.waiting = np.empty((len(taken), BLOCK, level.width), np.uint8)
            level.waiting[:, row:stop] = taken
            if whole:
                done, level.waiting = level.waiting[:, :stop], None
                self._finish(index, done)

    def _finish(self, index: int, rows: Rows) -> None:
        """Compress a row of blocks, and give its half to the next level."""
        for data in self._pool.map(compressed, _parts(rows)):
            for one in data:
                self._scratch.write(one)
                block = Block(self._end, len(one), zlib.crc32(one))
                self.levels[index].blocks.append(block)
                self._end += len(one)
        if index + 1 < len(self.levels):
            for row in range(0, rows.shape[1], HALVED_AT_ONCE):
                part = rows[:, row : row + HALVED_AT_ONCE]
                self._add(index + 1, self._shrink(_padded(part, 2)))


def compressed(rows: Rows) -> list[bytes]:
    """Compress one row of whole blocks, (bands, BLOCK, width), as GDAL stores them in a TIFF."""
    bands, height, width = rows.shape
    options = {
        "driver": "GTiff", "dtype": "uint8", "count": bands, "height": height, "width": width,
        "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "pixel",
        "bigtiff": "yes", "endianness": "little", **COMPRESSION,
        "transform": Affine.scale(2),  # any but the identity, of which rasterio warns
    }
    with MemoryFile() as file:
        with file.open(**options) as dataset:
            dataset.write(rows)
        return [bytes(one) for one in read_blocks(memoryview(file.getbuffer()))]


def _parts(rows: Rows) -> Iterator[Rows]:
    """Cut a row of blocks into parts that are compressed at once."""
    step = BLOCK * BLOCKS_AT_ONCE
    for col in range(0, rows.shape[2], step):
        yield _padded(rows[:, :, col : col + step], BLOCK)


def _padded(rows: Rows, multiple: int) -> Rows:
    """Repeat the last row and column until both sides are multiples."""
    extra = [(0, -side % multiple) for side in rows.shape[1:]]
    return np.pad(rows, [(0, 0), *extra], mode="edge") if any(map(max, extra)) else rows
