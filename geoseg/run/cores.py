"""The probabilities of a run, core by core in its journal, as a strip source."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import OutputError
from geoseg.grid import GeoBox, Window
from geoseg.inference import Core
from geoseg.run.journal import Entry, Journal
from geoseg.spec import PROBABILITY_NODATA


class StoredCores:
    """Cores that are done, and all rows of them once all are.

    Attributes:
        shape: (height, width) in pixels.
        geobox: the grid.
        done: (row, column) of the cores that are done.
        complete: how many rows, from the top, are done from side to side.
    """

    def __init__(self, journal: Journal, geobox: GeoBox, *, classes: int) -> None:
        self.geobox, self.shape = geobox, geobox.shape
        self._journal, self._classes = journal, classes
        self._rows: dict[int, list[tuple[Window, Entry]]] = {}
        self.done: set[tuple[int, int]] = set()
        self.complete = 0
        for entry in journal.entries:
            if "core" in entry.values:
                self._know(entry)

    def add(self, cores: Iterable[Core]) -> None:
        """Keep cores: the system has them when this returns, the disk after the next `settle`.

        A process that is killed loses none of them; a machine that fails, those not yet settled.

        Raises:
            OutputError: the disk is full or failing.
        """
        for window, data in cores:
            place = [window.col_off, window.row_off, window.width, window.height]
            data = b"" if data is None else np.ascontiguousarray(data).data
            self._journal.write({"core": place}, data)
            self._know(self._journal.entries[-1])

    def settle(self) -> None:
        """Wait until the cores are on the disk.

        Raises:
            OutputError: the disk is full or failing.
        """
        self._journal.sync()

    def read(self, row_start: int, row_stop: int) -> NDArray[np.uint8]:
        """Give whole rows: (classes, rows, width); 255 is no data.

        Raises:
            OutputError: the journal was cut while in use.
        """
        shape = (self._classes, row_stop - row_start, self.shape[1])
        out = np.full(shape, PROBABILITY_NODATA, np.uint8)
        for cores in self._rows.values():
            first = cores[0][0]
            if first.row_off < row_stop and first.row_stop > row_start:
                for window, entry in cores:
                    self._read_core(out, row_start, row_stop, window, entry)
        return out

    def _read_core(
        self, out: NDArray[np.uint8], row_start: int, row_stop: int, window: Window, entry: Entry
    ) -> None:
        if entry.size == 0:
            return
        start, stop = max(row_start, window.row_off), min(row_stop, window.row_stop)
        shape = (stop - start, window.width)
        for band in range(self._classes):
            begin = (band * window.height + start - window.row_off) * window.width
            data = self._journal.read(entry, begin, begin + shape[0] * shape[1])
            out[band, start - row_start : stop - row_start, window.col_off : window.col_stop] = (
                np.frombuffer(data, np.uint8).reshape(shape)
            )

    def _know(self, entry: Entry) -> None:
        window = Window(*entry.values["core"])
        if entry.size not in (0, self._classes * window.width * window.height):
            raise OutputError(f"{self._journal.path} is not of this run; pass --restart")
        self._rows.setdefault(window.row_off, []).append((window, entry))
        self.done.add((window.row_off, window.col_off))
        while self._is_whole(row := self._rows.get(self.complete, [])):
            self.complete = row[0][0].row_stop

    def _is_whole(self, row: list[tuple[Window, Entry]]) -> bool:
        return sum(window.width for window, _ in row) == self.shape[1]
