"""Stream a scene through a predictor: rows of tiles in, cores of probabilities out.

Every pixel is read once: a strip of rows is kept and slides down by one core. Reading the next
strip and waiting for the disk overlap with the network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoseg.grid import GeoBox, Window
from geoseg.tiling import Tile, plan_tiles

Array = NDArray[np.generic]
Valid = NDArray[np.bool_]
Core = tuple[Window, NDArray[np.uint8] | None]
"""Where, and (classes, rows, cols) probabilities; None where the scene has no data."""


class Predictor(Protocol):
    """A network on its device: raw pixels in, stored probabilities out."""

    def predict(
        self, batch: Array, valid: Valid, *, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """Predict a batch of tiles.

        Args:
            batch: (n, bands, rows, cols), any real dtype.
            valid: (n, rows, cols), True where data is good.
            low: (bands,) raw value that becomes 0.
            high: (bands,) raw value that becomes 1.

        Returns:
            (n, classes, rows, cols) uint8: round(p * 254), 255 where not valid.
        """


class Pixels(Protocol):
    """Where the engine reads: a grid and windows of it, past its edges too."""

    @property
    def geobox(self) -> GeoBox: ...

    def read(self, window: Window) -> tuple[Array, Valid]: ...


def predict_cores(
    pixels: Pixels,
    predictor: Predictor,
    store: Callable[[list[Core]], None],
    *,
    core: int,
    halo: int,
    divisor: int,
    batch: int,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    done: Collection[tuple[int, int]] = (),
    progress: Callable[[int], None] = lambda tiles: None,
    settle: Callable[[], None] = lambda: None,
    ahead: bool = False,
) -> None:
    """Predict every pixel of a grid, and store the cores of each batch.

    Memory is O(width x (core + 2 halo)); the result does not depend on core or batch as long as
    the halo covers the reach of the network and divisor its phase.

    Args:
        pixels: the scene on the model's grid.
        predictor: what to run.
        store: takes the cores of a batch, in row-major order; called in another thread.
        core: side of a core in pixels, a multiple of divisor.
        halo: pixels around a core, a multiple of divisor.
        divisor: the network's total stride.
        batch: tiles per call of the predictor; every call has this many.
        low: (bands,) raw value that becomes 0.
        high: (bands,) raw value that becomes 1.
        done: (row, column) of cores that an earlier run stored.
        progress: told the number of tiles that were finished.
        settle: called in that thread after each store, while the next batch is predicted; what
            waits for the disk belongs here.
        ahead: begin the next batch before the last is stored: for a network that is as quick as
            the memory. A process that dies has then lost two batches, not one.

    Raises:
        GridError: core or halo is not a multiple of divisor.
        RasterError: the scene cannot be read.
        OutputError: store failed.
    """
    height, width = pixels.geobox.shape
    tiles = plan_tiles(height, width, core=core, halo=halo, divisor=divisor)
    rows = [list(row) for _, row in groupby(tiles, key=lambda tile: tile.core.row_off)]
    left = [[tile for tile in row if _place(tile) not in done] for row in rows]
    progress(sum(map(len, rows)) - sum(map(len, left)))
    first = next((i for i, row in enumerate(left) if row), None)
    if first is None:
        return
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        pending: list[Future[None]] = []
        for row, (data, valid) in zip(
            left[first:], _strips(pixels, rows[first:], reader), strict=True
        ):
            for cores in _predict_row(
                row, data, valid, predictor, batch=batch, halo=halo, low=low, high=high
            ):
                for one in pending:
                    one.result()
                pending = [writer.submit(store, cores), writer.submit(settle)]
                if not ahead:
                    pending[0].result()
                progress(len(cores))
        for one in pending:
            one.result()


def _strips(
    pixels: Pixels, rows: list[list[Tile]], reader: ThreadPoolExecutor
) -> Iterator[tuple[Array, Valid]]:
    """Give the pixels of each row of tiles; the next one is being read meanwhile."""
    first, last = rows[0][0].window, rows[0][-1].window
    left, width, side = first.col_off, last.col_stop - first.col_off, first.height
    pending = reader.submit(pixels.read, Window(left, first.row_off, width, side))
    data, valid = pending.result()
    for i in range(len(rows)):
        if i + 1 < len(rows):
            stop = rows[i + 1][0].window.row_stop
            new = stop - rows[i][0].window.row_stop
            pending = reader.submit(pixels.read, Window(left, stop - new, width, new))
        yield data, valid
        if i + 1 < len(rows):
            fresh, fresh_valid = pending.result()
            data = np.concatenate([data[:, new:], fresh], axis=1)
            valid = np.concatenate([valid[new:], fresh_valid])


def _predict_row(
    row: list[Tile],
    data: Array,
    valid: Valid,
    predictor: Predictor,
    *,
    batch: int,
    halo: int,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> Iterator[list[Core]]:
    """Predict tiles of one row, batch by batch; a tile whose core has no data is not run."""

    def window_of(tile: Tile) -> slice:
        return slice(tile.window.col_off + halo, tile.window.col_stop + halo)

    def has_data(tile: Tile) -> bool:
        cols = slice(tile.core.col_off + halo, tile.core.col_stop + halo)
        return bool(valid[halo : halo + tile.core.height, cols].any())

    busy = [tile for tile in row if has_data(tile)]
    empty: list[Core] = [(tile.core, None) for tile in row if not has_data(tile)]
    if empty:
        yield empty
    for start in range(0, len(busy), batch):
        group = busy[start : start + batch]
        # The last batch is padded with its own first tile, so that all have one shape.
        padded = group + [group[0]] * (batch - len(group))
        stored = predictor.predict(
            np.stack([data[:, :, window_of(tile)] for tile in padded]),
            np.stack([valid[:, window_of(tile)] for tile in padded]),
            low=low,
            high=high,
        )
        yield [
            (tile.core, one[:, halo : halo + tile.core.height, halo : halo + tile.core.width])
            for tile, one in zip(group, stored, strict=False)
        ]


def _place(tile: Tile) -> tuple[int, int]:
    return tile.core.row_off, tile.core.col_off
