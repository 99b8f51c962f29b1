"""Gather basins and borders strip by strip, and join what the seams cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer import basins
from geoseg.vectorizer.borders import Borders, gather_borders, reduce_borders, renamed
from geoseg.vectorizer.shaped import Strip


@dataclass(frozen=True, slots=True)
class Basins:
    """All basins of a scene and their borders; basins count from 0, which is no data."""

    numbers: np.ndarray
    """(names,) int32, the basin of each name that a strip gave; by their first pixels."""
    statistics: np.ndarray
    """(basins, columns) int64, as `measure_basins` gives."""
    borders: Borders
    """Between basins."""


class Gathered:
    """Basins and borders of the strips so far, over names that are joined at the seams."""

    def __init__(self, width: int) -> None:
        self.next_name = 1
        self.statistics = [np.zeros((1, basins.COLUMNS), np.int64)]
        self.borders: list[Borders] = []
        self.seams: list[tuple[np.ndarray, np.ndarray]] = []
        self._below = np.zeros(width, np.int32)
        """Names that the last strip gave to the pixels of the row below it."""
        self._last_row = np.zeros(width, np.int32)

    def add(self, strip: Strip) -> np.ndarray:
        """Add a strip and give its basin names, (rows, width) int32, 0 at no data."""
        width, first = strip.kinds.shape[1], self.next_name
        start, stop = strip.above * width, (strip.above + strip.rows) * width
        names, self.next_name = basins.cut_basins(
            strip.relief.ravel(), strip.kinds.ravel(), width, start, stop, first
        )
        names = self._measure(strip, names, first, start, stop)
        labels = names[start:stop].reshape(-1, width)
        if strip.above:
            self.seams.append(_named(names[:width], self._last_row))
            self.seams.append(_named(self._below, labels[0]))
        if stop < names.size:
            self._below = names[stop:].copy()
        self._last_row = labels[-1].copy()
        return labels

    def join(self) -> Basins:
        """Join the names over the seams, and then all background that touches."""
        parents = np.arange(self.next_name, dtype=np.int32)
        for names, others in self.seams:
            basins.join(parents, names, others)
        numbers = basins.number_sets(parents)
        statistics = basins.add_up(np.concatenate(self.statistics), numbers)
        self.statistics.clear()
        borders = reduce_borders(self.borders, numbers)
        fewer = background_sets(borders, basins.is_background(statistics))
        statistics = basins.add_up(statistics, fewer)
        return Basins(fewer[numbers], statistics, reduce_borders([borders], fewer))

    def _measure(
        self, strip: Strip, names: np.ndarray, first: int, start: int, stop: int
    ) -> np.ndarray:
        """Keep a strip's statistics and borders; give its names with touching background as one.

        The background in a strip is joined at once: it is most of the basins, and they would only
        be merged later.
        """
        core = slice(strip.above, strip.above + strip.rows)
        pixels = (strip.kinds[core], strip.parcel[core], strip.boundary[core], strip.depth[core])
        count = self.next_name - first
        labels = names[start:stop].reshape(strip.rows, -1)
        flat = [values.ravel() for values in (labels, *pixels)]
        statistics = basins.measure_basins(*flat, first=first, count=count)
        borders = self._gather(strip, labels)
        numbers = background_sets(borders, statistics[:, basins.BACKGROUNDS] > 0, first=first)
        self.statistics.append(basins.add_up(statistics, numbers))
        self.borders.append(reduce_borders([borders], numbers, first=first))
        self.next_name = first + len(self.statistics[-1])
        return renamed(names, numbers, first)

    def _gather(self, strip: Strip, labels: np.ndarray) -> Borders:
        if strip.above:
            labels = np.concatenate([self._last_row[np.newaxis], labels])
        own = slice(0, strip.above + strip.rows)
        return gather_borders(labels, strip.boundary[own], strip.depth[own], above=strip.above)


def background_sets(borders: Borders, background: np.ndarray, *, first: int = 0) -> np.ndarray:
    """Number the basins so that all background that touches is one, by their first members.

    Args:
        borders: between basins; those below `first` are left alone.
        background: (basins,) bool, of the basins from `first` on.
        first: number of the first basin.

    Returns:
        (basins,) int32 new numbers from 0.
    """
    known = borders.one >= first
    one, other = borders.one[known] - first, borders.other[known] - first
    both = background[one] & background[other]
    parents = np.arange(len(background), dtype=np.int32)
    # `join` takes 0 for no data: it is told numbers from 1.
    shifted = np.concatenate([[0], parents + 1]).astype(np.int32)
    basins.join(shifted, one[both] + np.int32(1), other[both] + np.int32(1))
    return basins.number_sets(shifted[1:] - np.int32(1))


def _named(names: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the pixels of a seam that have two names."""
    both = (names > 0) & (others > 0)
    return names[both], others[both]
