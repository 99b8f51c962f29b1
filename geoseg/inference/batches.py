"""Rows of tiles in, predicted batches out: what the exact and the blended engine share.

A strip of rows is kept and slides down by one core, so every pixel is read once. Reading the next
strip and predicting overlap; a predictor may have several batches in flight.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoseg.grid import GeoBox, Window
from geoseg.tiling import Tile, plan_tiles

Array = NDArray[np.generic]
Valid = NDArray[np.bool_]
Stored = NDArray[np.uint8]
Core = tuple[Window, Stored | None]
"""Where, and (classes, rows, cols) probabilities; None where the scene has no data."""
Store = Callable[[list[Core]], None]
"""Takes cores of one row; they are kept when it returns."""


class Predictor(Protocol):
    """A network on its device: raw pixels in, stored probabilities out.

    One with an attribute `in_flight` above 1 is called from that many threads at a time.
    """

    def predict(
        self,
        batch: Array,
        valid: Valid,
        *,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        halo: int = 0,
    ) -> Stored:
        """Predict a batch of tiles.

        Args:
            batch: (n, bands, rows, cols), any real dtype.
            valid: (n, rows, cols), True where data is good.
            low: (bands,) raw value that becomes 0.
            high: (bands,) raw value that becomes 1.
            halo: pixels along each side that are shown only, and not answered for.

        Returns:
            (n, classes, rows - 2 halo, cols - 2 halo) uint8: round(p * 254), 255 where not valid.
        """


class Pixels(Protocol):
    """Where the engine reads: a grid and windows of it, past its edges too."""

    @property
    def geobox(self) -> GeoBox: ...

    def read(self, window: Window) -> tuple[Array, Valid]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """A predictor that goes over a scene, and how the scene is cut for it."""

    pixels: Pixels
    """The scene on the model's grid."""
    predictor: Predictor
    """What to run."""
    core: int
    """Side of a core in pixels, a multiple of divisor."""
    halo: int
    """Pixels around a core, a multiple of divisor."""
    divisor: int
    """The network's total stride."""
    batch: int
    """Tiles per call of the predictor; every call has this many."""
    low: NDArray[np.float64]
    """(bands,) raw value that becomes 0."""
    high: NDArray[np.float64]
    """(bands,) raw value that becomes 1."""

    def rows_of_tiles(self) -> list[list[Tile]]:
        """Plan the tiles, row by row from the top, each row from the left.

        Raises:
            GridError: core or halo is not a multiple of divisor.
        """
        height, width = self.pixels.geobox.shape
        tiles = plan_tiles(
            height, width, core=self.core, halo=self.halo, divisor=self.divisor
        )
        return [list(row) for _, row in groupby(tiles, key=lambda tile: tile.core.row_off)]


@dataclass(frozen=True, slots=True)
class Strip:
    """The pixels of one row of tiles."""

    tiles: list[Tile]
    """The row, from the left."""
    data: Array
    """(bands, side, width): from the first tile's first column to the last one's last."""
    valid: Valid
    """(side, width), True where data is good."""

    def cut(self, tile: Tile) -> tuple[Array, Valid]:
        """Give the pixels of a tile, as views."""
        start = tile.window.col_off - self.tiles[0].window.col_off
        cols = slice(start, start + tile.window.width)
        return self.data[:, :, cols], self.valid[:, cols]


class Stopwatch:
    """Seconds that the main thread spent, by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[step] += time.perf_counter() - started


class Keeper:
    """Stores in another thread, one call at a time, and lets the disk settle there.

    The caller waits until its cores are stored, or, `ahead`, until those before them are.
    """

    def __init__(
        self, store: Store, settle: Callable[[], None], writer: ThreadPoolExecutor,
        clock: Stopwatch, *, ahead: bool,
    ) -> None:
        self._store, self._settle, self._ahead = store, settle, ahead
        self._writer, self._clock = writer, clock
        self._pending: list[Future[None]] = []

    def __call__(self, cores: list[Core]) -> None:
        """Store cores; raise what storing or settling raised."""
        self.wait()
        self._pending = [self._writer.submit(self._store, cores),
                         self._writer.submit(self._settle)]
        if not self._ahead:
            with self._clock("waiting to store"):
                self._pending[0].result()

    def wait(self) -> None:
        """Wait until all is stored and settled."""
        with self._clock("waiting to store"):
            for one in self._pending:
                one.result()


def place(core: Window) -> tuple[int, int]:
    """Name what is stored by its first row and column, as an earlier run's is."""
    return core.row_off, core.col_off


def strips(
    pixels: Pixels, rows: list[list[Tile]], reader: ThreadPoolExecutor, clock: Stopwatch
) -> Iterator[Strip]:
    """Give the pixels of each row of tiles; the next one is being read meanwhile.

    Raises:
        RasterError: the scene cannot be read.
    """
    first, last = rows[0][0].window, rows[0][-1].window
    left, width, side = first.col_off, last.col_stop - first.col_off, first.height
    pending = reader.submit(pixels.read, Window(left, first.row_off, width, side))
    data = valid = None
    for i, row in enumerate(rows):
        with clock("waiting to read"):
            fresh, fresh_valid = pending.result()
        if data is None:
            data, valid = fresh, fresh_valid
        else:
            new = fresh.shape[1]
            data = np.concatenate([data[:, new:], fresh], axis=1)
            valid = np.concatenate([valid[new:], fresh_valid])
        if i + 1 < len(rows):
            start, stop = row[0].window.row_stop, rows[i + 1][0].window.row_stop
            pending = reader.submit(pixels.read, Window(left, start, width, stop - start))
        yield Strip(row, data, valid)


def predictions(
    sweep: Sweep, strip: Strip, busy: list[Tile], clock: Stopwatch, *, halo: int = 0
) -> Iterator[tuple[list[Tile], Stored]]:
    """Predict tiles of a strip, batch by batch, in order; every batch has the same shape.

    Args:
        sweep: what to run.
        strip: the pixels.
        busy: the tiles; the last batch of them is padded with its own first tile.
        clock: told how long the caller waited.
        halo: pixels along each side of a tile that need no answer.
    """
    predictor, batch = sweep.predictor, sweep.batch

    def call(group: list[Tile]) -> Callable[[], Stored]:
        cut = [strip.cut(tile) for tile in group + [group[0]] * (batch - len(group))]
        data, valid = (np.stack(part) for part in zip(*cut, strict=True))
        ends = {"low": sweep.low, "high": sweep.high}
        return lambda: predictor.predict(data, valid, **ends, halo=halo)

    groups = [busy[start : start + batch] for start in range(0, len(busy), batch)]
    in_flight = getattr(predictor, "in_flight", 1)
    answers = _in_order((call(group) for group in groups), in_flight)
    for group in groups:
        with clock("network"):
            answer = next(answers)
        yield group, answer


def _in_order(calls: Iterable[Callable[[], Stored]], in_flight: int) -> Iterator[Stored]:
    """Make calls, so many at a time; give their answers in order."""
    if in_flight == 1:
        for call in calls:
            yield call()
        return
    waiting: deque[Future[Stored]] = deque()
    with ThreadPoolExecutor(in_flight) as pool:
        for call in calls:
            waiting.append(pool.submit(call))
            if len(waiting) == in_flight:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
