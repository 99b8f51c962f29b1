"""Gather basins and borders strip by strip, and join what the seams cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer import basins
from geoseg.vectorizer.borders import Borders, gather_borders, reduce_borders
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
        labels = names[start:stop].reshape(-1, width)
        self._measure(strip, labels, first)
        if strip.above:
            self.seams.append(_named(names[:width], self._last_row))
            self.seams.append(_named(self._below, labels[0]))
        if stop < names.size:
            self._below = names[stop:].copy()
        self._last_row = labels[-1].copy()
        return labels

    def join(self) -> Basins:
        """Join the names over the seams."""
        parents = np.arange(self.next_name, dtype=np.int32)
        for names, others in self.seams:
            basins.join(parents, names, others)
        numbers = basins.number_sets(parents)
        statistics = basins.add_up(np.concatenate(self.statistics), numbers)
        return Basins(numbers, statistics, reduce_borders(self.borders, numbers))

    def _measure(self, strip: Strip, labels: np.ndarray, first: int) -> None:
        core = slice(strip.above, strip.above + strip.rows)
        pixels = (strip.kinds[core], strip.parcel[core], strip.boundary[core], strip.depth[core])
        count = self.next_name - first
        flat = [values.ravel() for values in (labels, *pixels)]
        self.statistics.append(basins.measure_basins(*flat, first=first, count=count))
        if strip.above:
            labels = np.concatenate([self._last_row[np.newaxis], labels])
        own = slice(0, strip.above + strip.rows)
        boundary, depth = strip.boundary[own], strip.depth[own]
        self.borders.append(gather_borders(labels, boundary, depth, above=strip.above))


def _named(names: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the pixels of a seam that have two names."""
    both = (names > 0) & (others > 0)
    return names[both], others[both]
