"""Stream a scene through a predictor: rows of tiles in, cores of probabilities out.

Tiles see true neighbours in their halo, so the result is that of the whole scene at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from numpy.typing import NDArray

from geoseg.inference.batches import (
    Core,
    Keeper,
    Stopwatch,
    Store,
    Strip,
    Sweep,
    place,
    predictions,
    strips,
)
from geoseg.tiling import Tile


def predict_cores(
    sweep: Sweep,
    store: Store,
    *,
    done: Collection[tuple[int, int]] = (),
    progress: Callable[[int], None] = lambda tiles: None,
    settle: Callable[[], None] = lambda: None,
    ahead: bool = False,
) -> dict[str, float]:
    """Predict every pixel of a grid, and store the cores of each batch.

    Memory is O(width x (core + 2 halo)); the result does not depend on core or batch as long as
    the halo covers the reach of the network and divisor its phase.

    Args:
        sweep: what to run over what.
        store: takes the cores of a batch, in row-major order; called in another thread.
        done: (row, column) of cores that an earlier run stored.
        progress: told the number of tiles that were finished.
        settle: called in that thread after each store, while the next batch is predicted; what
            waits for the disk belongs here.
        ahead: begin the next batch before the last is stored: for a network that is as quick as
            the memory. A process that dies has then lost two batches, not one.

    Returns:
        Seconds by step, of this thread: the network, waiting to read, waiting to store.

    Raises:
        GridError: core or halo is not a multiple of divisor.
        RasterError: the scene cannot be read.
        OutputError: store failed.
    """
    rows, halo = sweep.rows_of_tiles(), sweep.halo
    left = [[tile for tile in row if place(tile.core) not in done] for row in rows]
    progress(sum(map(len, rows)) - sum(map(len, left)))
    first = next((i for i, row in enumerate(left) if row), len(rows))
    clock = Stopwatch()
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        keep = Keeper(store, settle, writer, clock, ahead=ahead)
        for strip in strips(sweep.pixels, rows[first:], reader, clock) if first < len(rows) else ():
            wanted = left[strip.tiles[0].core.row_off // sweep.core]
            busy = [tile for tile in wanted if _has_data(strip, tile, halo)]
            empty: list[Core] = [(tile.core, None) for tile in wanted if tile not in busy]
            if empty:
                keep(empty)
                progress(len(empty))
            for group, answer in predictions(sweep, strip, busy, clock, halo=halo):
                keep([(tile.core, _cut(one, tile, 0)) for tile, one in zip(group, answer)])
                progress(len(group))
        keep.wait()
    return dict(clock.seconds)


def _has_data(strip: Strip, tile: Tile, halo: int) -> bool:
    """Tell whether a tile's core has data; without, it is not run."""
    return bool(_cut(strip.cut(tile)[1][None], tile, halo).any())


def _cut(array: NDArray, tile: Tile, halo: int) -> NDArray:
    """Cut the core out of (bands, side, side)."""
    return array[:, halo : halo + tile.core.height, halo : halo + tile.core.width]
