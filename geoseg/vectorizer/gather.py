"""Gather basins and borders strip by strip, and join what the seams cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.memory import drained
from geoseg.vectorizer import basins, sets
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


@dataclass(frozen=True, slots=True)
class Part:
    """What a strip knows by itself; its basins count from 1, and touching background is one."""

    labels: np.ndarray
    """(rows, width) int32, 0 at no data."""
    above: np.ndarray
    """(width,) int32, what the strip calls the basins of the pixels in the row above it, 0 where
    nothing points to them; without entries where the scene ends."""
    below: np.ndarray
    """The same of the row below it."""
    statistics: np.ndarray
    """(basins, columns) int64, as `measure_basins` gives."""
    borders: Borders
    """Between the strip's own basins."""
    boundary: np.ndarray
    """(2, width) uint8, stored boundary probabilities of its first and last row."""
    depth: np.ndarray
    """(2, width) uint16, distances to the nearest pixel of another kind there."""


def part_of(strip: Strip) -> Part:
    """Cut a strip into basins and measure them and their borders.

    The background in a strip is joined at once: it is most of the basins, and they would only be
    merged later.
    """
    width = strip.kinds.shape[1]
    start, stop = strip.above * width, (strip.above + strip.rows) * width
    names, free = basins.cut_basins(
        strip.relief.ravel(), strip.kinds.ravel(), width, start, stop
    )
    core = slice(strip.above, strip.above + strip.rows)
    kinds, parcel, boundary, depth = (
        values[core] for values in (strip.kinds, strip.parcel, strip.boundary, strip.depth)
    )
    labels = names[start:stop].reshape(strip.rows, -1)
    flat = [values.ravel() for values in (labels, kinds, parcel, boundary, depth)]
    statistics = basins.measure_basins(*flat, count=free - 1)
    borders = gather_borders(labels, boundary, depth)
    background = statistics[:, basins.BACKGROUNDS] > 0
    numbers = _touching([borders], background, np.arange(free - 1, dtype=np.int32), first=1)
    names = renamed(names, numbers, 1)
    return Part(
        names[start:stop].reshape(strip.rows, -1), names[:start], names[stop:],
        basins.fold(statistics, numbers), reduce_borders([borders], numbers, first=1),
        boundary[[0, -1]], depth[[0, -1]],
    )


class Gathered:
    """Basins and borders of the strips so far, over names that are joined at the seams."""

    def __init__(self) -> None:
        self.names = 0
        """How many names there are, and the name before the next strip's first."""
        self.statistics = [np.zeros((1, basins.COLUMNS), np.int64)]
        self.borders: list[Borders] = []
        self.seams: list[tuple[np.ndarray, np.ndarray]] = []
        self._last: tuple[np.ndarray, ...] | None = None
        """Of the last strip: names in its last row and of the row below, boundary, depth."""

    def add(self, part: Part) -> int:
        """Add the next strip; give what is to be added to its labels to make them names."""
        offset = self.names
        first, last = (_shifted(part.labels[row], offset) for row in (0, -1))
        self.statistics.append(part.statistics)
        own = part.borders
        self.borders.append(own._replace(one=own.one + offset, other=own.other + offset))
        if self._last is not None:
            last_row, below, boundary, depth = self._last
            self.seams += [_named(_shifted(part.above, offset), last_row), _named(below, first)]
            seam = ([last_row, first], [boundary, part.boundary[0]], [depth, part.depth[0]])
            self.borders.append(gather_borders(*map(np.stack, seam), above=2))
        self._last = last, _shifted(part.below, offset), part.boundary[1], part.depth[1]
        self.names += len(part.statistics)
        return offset

    def join(self) -> Basins:
        """Join the names over the seams, and then all background that touches; only once."""
        parents = np.arange(self.names + 1, dtype=np.int32)
        for names, others in self.seams:
            sets.join_all(parents, names, others)
        numbers = sets.number_sets(parents)
        statistics = basins.add_up(drained(self.statistics), numbers)
        background = basins.is_background(statistics)[numbers]
        seamless, numbers = numbers, _touching(self.borders, background, parents)
        fewer = np.empty(len(statistics), np.int32)
        fewer[seamless] = numbers
        statistics = basins.fold(statistics, fewer)
        return Basins(numbers, statistics, reduce_borders(self.borders, numbers))


def _touching(
    parts: list[Borders], background: np.ndarray, parents: np.ndarray, *, first: int = 0
) -> np.ndarray:
    """Join all background that touches, and number the basins by their first members.

    Args:
        parts: borders between basins; those below `first` are left alone.
        background: (basins,) bool, of the basins from `first` on.
        parents: (basins,) int32, the sets that they are in already; changed.
        first: number of the first basin.

    Returns:
        (basins,) int32 new numbers from 0.
    """
    for part in parts:
        known = part.one >= first
        one, other = part.one[known] - first, part.other[known] - first
        both = background[one] & background[other]
        sets.join_all(parents, one[both], other[both])
    return sets.number_sets(parents)


def _named(names: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the pixels of a seam that have two names."""
    both = (names > 0) & (others > 0)
    return names[both], others[both]


def _shifted(labels: np.ndarray, offset: int) -> np.ndarray:
    """Turn a strip's own labels into names; 0 stays no data."""
    return np.where(labels > 0, labels + np.int32(offset), np.int32(0))
