"""Stream a scene through a network that no halo makes exact: overlapping tiles, smoothly blended.

Squeeze-and-excitation, group norm and attention see their whole tile, so two tiles answer
differently where they overlap. Each answer is weighted with a window that rises and falls with
sin^2 over the overlap: the weights of neighbours add up to one, and no seam shows. The result
depends on the tile's size and place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import GridError
from geoseg.grid import Window
from geoseg.inference.batches import (
    Core,
    Keeper,
    Stopwatch,
    Store,
    Stored,
    Strip,
    Sweep,
    place,
    predictions,
    strips,
)
from geoseg.spec import PROBABILITY_NODATA
from geoseg.tiling import Tile


def blend_cores(
    sweep: Sweep,
    store: Store,
    *,
    done: Collection[tuple[int, int]] = (),
    progress: Callable[[int], None] = lambda tiles: None,
    settle: Callable[[], None] = lambda: None,
    ahead: bool = False,
) -> dict[str, float]:
    """Predict every pixel of a grid by blending tiles that overlap by twice the halo.

    Same arguments, results and errors as `predict_cores`; but what is stored are blocks that end
    where a blend is complete, one per tile, each moved up and left by the halo. Memory is
    O(width x (core + 2 halo)), with 4 more bytes per class and pixel of that.

    Raises:
        GridError: core or halo is not a multiple of divisor, or the core is under twice the halo.
        RasterError: the scene cannot be read.
        OutputError: store failed.
    """
    core, halo = sweep.core, sweep.halo
    if core < 2 * halo:
        raise GridError(f"tiles of {core} pixels cannot blend over 2 x {halo}; use a larger --tile")
    height, width = sweep.pixels.geobox.shape
    rows = sweep.rows_of_tiles()
    left = [[one for one in _blocks(row, halo, height, width) if place(one) not in done]
            for row in rows]
    progress(sum(map(len, rows)) - sum(map(len, left)))
    first = next((i for i, row in enumerate(left) if row), None)
    clock, blend = Stopwatch(), _Blend(core, halo, height)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        keep = Keeper(store, settle, writer, clock, ahead=ahead)
        # The row above the first one that is left overlaps it.
        run = () if first is None else rows[max(0, first - 1) :]
        for strip in strips(sweep.pixels, run, reader, clock) if run else ():
            busy = [tile for tile in strip.tiles if strip.cut(tile)[1].any()]
            for group, answer in predictions(sweep, strip, busy, clock):
                blend.add(strip, group, answer)
            blocks = left[strip.tiles[0].core.row_off // core]
            if blocks:
                keep(list(blend.cut(strip, blocks)))
                progress(len(blocks))
            blend.slide()
        keep.wait()
    return dict(clock.seconds)


class _Blend:
    """Weighted sums of the answers for the rows of one strip."""

    def __init__(self, core: int, halo: int, height: int) -> None:
        self._core, self._halo, self._height = core, halo, height
        self._sums: NDArray[np.float32] | None = None

    def add(self, strip: Strip, group: list[Tile], answer: Stored) -> None:
        """Add the answers of a batch of the strip's tiles."""
        if self._sums is None:
            shape = (answer.shape[1], *strip.valid.shape)
            self._sums = np.zeros(shape, np.float32)
        origin, stop = strip.tiles[0].window.col_off, strip.tiles[-1].core.col_stop
        for tile, one in zip(group, answer):
            across = self._weights(tile.core.col_off, tile.core.col_stop, stop)
            down = self._weights(tile.core.row_off, tile.core.row_stop, self._height)
            start = tile.window.col_off - origin
            weighted = one * (down[:, None] * across)
            self._sums[:, :, start : start + tile.window.width] += weighted

    def cut(self, strip: Strip, blocks: list[Window]) -> Iterator[Core]:
        """Give blocks of the strip that are complete."""
        first = strip.tiles[0].window
        for block in blocks:
            top, left = block.row_off - first.row_off, block.col_off - first.col_off
            rows, cols = slice(top, top + block.height), slice(left, left + block.width)
            valid = strip.valid[rows, cols]
            if not valid.any():
                yield block, None
                continue
            rounded = np.rint(self._sums[:, rows, cols]).astype(np.uint8)
            yield block, np.where(valid, rounded, np.uint8(PROBABILITY_NODATA))

    def slide(self) -> None:
        """Go down by one core; the overlap stays."""
        if self._sums is not None:
            kept = self._sums[:, self._core :].copy()
            self._sums[:, : kept.shape[1]] = kept
            self._sums[:, kept.shape[1] :] = 0

    def _weights(self, start: int, stop: int, end: int) -> NDArray[np.float32]:
        """Weigh a tile along one side: 1 where no neighbour overlaps it, past the scene too."""
        weights = np.ones(self._core + 2 * self._halo, np.float32)
        over = 2 * self._halo
        rise = np.sin((np.arange(over) + 0.5) * (np.pi / 2 / max(1, over))) ** 2
        if start > 0:
            weights[:over] = rise
        if stop < end:
            weights[len(weights) - over :] = rise[::-1]
        return weights


def _blocks(row: list[Tile], halo: int, height: int, width: int) -> list[Window]:
    """Give the blocks that are complete once a row of tiles is: up to a halo before its end."""
    top, bottom = _part(row[0].core.row_off, row[0].core.row_stop, halo, height)
    blocks = []
    for tile in row:
        start, stop = _part(tile.core.col_off, tile.core.col_stop, halo, width)
        blocks.append(Window(start, top, stop - start, bottom - top))
    return blocks


def _part(start: int, stop: int, halo: int, size: int) -> tuple[int, int]:
    return max(0, start - halo), size if stop >= size else stop - halo
