"""Gather basins and borders strip by strip, and join what the seams cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.errors import OptionError
from geoseg.memory import drained
from geoseg.vectorizer import basins, sets
from geoseg.vectorizer.borders import DTYPES, Borders, gather_borders, reduce_borders, renamed
from geoseg.vectorizer.shaped import Strip

MAX_NAMES = (1 << 31) - 1
"""Labels are int32."""


@dataclass(frozen=True, slots=True)
class Basins:
    """Basins of a piece and their borders; basins count from 0, which is no data.

    A piece is what was carried on from the rows above it and some strips, all of them at best. Its
    *names* are those of carried regions and then those that the strips gave.
    """

    numbers: np.ndarray
    """(names,) int32, the basin of each name; by their first names."""
    names: np.ndarray
    """(basins,) int32, the first of its names, as all strips count them."""
    statistics: np.ndarray
    """(basins, columns) int64, as `measure_basins` gives."""
    borders: Borders
    """Between basins."""
    background: np.ndarray
    """(basins,) bool; touching background is one basin."""
    is_open: np.ndarray
    """(basins,) bool, they touch rows to come; then what is not known as background may be."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Regions of the rows so far that those to come can still change; 0 is no data."""

    names: np.ndarray
    """(regions,) int32, the first name in each, ascending."""
    statistics: np.ndarray
    """(regions, columns) int64, of all that is in them."""
    borders: Borders
    """Between them."""
    origins: np.ndarray
    """(borders,) int64, the first pair of names whose border is part of each: its place among
    equals."""
    is_held: np.ndarray
    """(regions,) bool, they are not merged any more, though small ones may be given to them."""
    births: np.ndarray
    """(regions,) int64, score of the border at which they came to be; -1 where they are basins."""
    moments: np.ndarray
    """(regions,) int64, origin of that border."""


def nothing() -> Carried:
    """Give what is carried on to the first row."""
    none = Borders(*(np.empty(0, dtype) for dtype in DTYPES))
    no_region, no_border = np.zeros(1, np.int64), np.empty(0, np.int64)
    return Carried(
        np.zeros(1, np.int32), np.zeros((1, basins.COLUMNS), np.int64), none, no_border,
        np.ones(1, bool), no_region - 1, no_region,
    )


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
    parents = np.arange(free - 1, dtype=np.int32)
    numbers = _touching([borders], background, ~background, parents, first=1)
    names = renamed(names, numbers, 1)
    return Part(
        names[start:stop].reshape(strip.rows, -1), names[:start], names[stop:],
        basins.fold(statistics, numbers), reduce_borders([borders], numbers, first=1),
        boundary[[0, -1]], depth[[0, -1]],
    )


class Gathered:
    """Basins and borders of a piece, strip by strip, over names that are joined at the seams."""

    def __init__(self) -> None:
        self.names = 0
        """How many names strips gave, and the name before the next strip's first."""
        self.carried = nothing()
        """With what the piece begins."""
        self._last: tuple[np.ndarray, ...] | None = None
        """Of the last strip: names in its last row and of the row below, boundary, depth."""
        self._begin()

    def _begin(self) -> None:
        """Begin a piece with the regions that are carried on."""
        self.size = len(self.carried.names) - 1
        """How many names the piece has."""
        self.statistics = [self.carried.statistics]
        self.borders = [self.carried.borders]
        self.seams: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, part: Part) -> int:
        """Add the next strip; give what is to be added to its labels to make them names.

        Raises:
            OptionError: there are more names than labels can hold.
        """
        if self.names + len(part.statistics) > MAX_NAMES:
            raise OptionError(
                f"the mosaic has more than {MAX_NAMES} basins, which is the most that can be "
                "labelled; cut it into several mosaics"
            )
        offset = self.size
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
        self.size += len(part.statistics)
        self.names += len(part.statistics)
        return self.names - len(part.statistics)

    def join(self, *, touching: int = 0, to_come: bool = False) -> Basins:
        """Join the names over the seams, and then all background that touches; once in a piece.

        Args:
            touching: above 0, parcels are joined too where a pair of pixels is below this stored
                boundary value.
            to_come: whether there are more strips.
        """
        parents = np.arange(self.size + 1, dtype=np.int32)
        for names, others in self.seams:
            sets.join_all(parents, names, others)
        seamless = sets.number_sets(parents)
        statistics = basins.add_up(drained(self.statistics), seamless)
        is_open = np.zeros(len(statistics), bool)
        if to_come and self._last is not None:
            is_open[seamless[self._last[0]]] = True
            is_open[0] = False
        background = basins.is_background(statistics, is_open)
        parcel = ~background & ~(is_open & (statistics[:, basins.PARCELS] == 0))
        kinds = background[seamless], parcel[seamless]
        numbers = _touching(self.borders, *kinds, parents, touching=touching)
        fewer = np.empty(len(statistics), np.int32)
        fewer[seamless] = numbers
        statistics = basins.fold(statistics, fewer)
        background, parcel, is_open = (
            np.bincount(fewer, flags, len(statistics)) > 0
            for flags in (background, parcel, is_open)
        )
        borders = reduce_borders(self.borders, numbers)
        _open_beside(borders, background, parcel, is_open, touching)
        first = self.names - self.size + len(self.carried.names)
        names = np.append(self.carried.names, np.arange(first, self.names + 1, dtype=np.int32))
        names = names[sets.chase(parents) == np.arange(len(parents))]
        return Basins(numbers, names, statistics, borders, background, is_open)

    def go_on(self, carried: Carried, places: np.ndarray) -> None:
        """Begin the next piece.

        Args:
            carried: what is carried on to it.
            places: (names,) of the last piece: the carried region of each, 0 where it has none.
        """
        self.carried = carried
        if self._last is not None:
            last, below, *rest = self._last
            self._last = places[last], places[below], *rest
        self._begin()


def _touching(
    parts: list[Borders], background: np.ndarray, parcel: np.ndarray, parents: np.ndarray, *,
    first: int = 0, touching: int = 0,
) -> np.ndarray:
    """Join all background that touches, and number the basins by their first members.

    Args:
        parts: borders between basins; those below `first` are left alone.
        background: (basins,) bool, of the basins from `first` on.
        parcel: (basins,) bool, the same; what is neither may be both.
        parents: (basins,) int32, the sets that they are in already; changed.
        first: number of the first basin.
        touching: join parcels too where a pair of pixels is below this.

    Returns:
        (basins,) int32 new numbers from 0.
    """
    for part in parts:
        known = part.one >= first
        one, other = part.one[known] - first, part.other[known] - first
        both = background[one] & background[other]
        if touching > 0:
            both |= parcel[one] & parcel[other] & (part.low[known] < touching)
        sets.join_all(parents, one[both], other[both])
    return sets.number_sets(parents)


def _open_beside(
    borders: Borders, background: np.ndarray, parcel: np.ndarray, is_open: np.ndarray,
    touching: int,
) -> None:
    """Open the parcels that will be joined with a basin if that turns out to be parcel."""
    one, other = (end[borders.low < touching] for end in (borders.one, borders.other))
    for this, that in ((one, other), (other, one)):
        is_open[this[parcel[this] & ~parcel[that] & ~background[that]]] = True


def _named(names: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the pixels of a seam that have two names."""
    both = (names > 0) & (others > 0)
    return names[both], others[both]


def _shifted(labels: np.ndarray, offset: int) -> np.ndarray:
    """Turn a strip's own labels into names; 0 stays no data."""
    return np.where(labels > 0, labels + np.int32(offset), np.int32(0))
