"""Gather the basins and borders of a piece of rows, and join what the seams of its strips cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.errors import OptionError
from geoseg.memory import drained
from geoseg.vectorizer import basins, sets
from geoseg.vectorizer.borders import Borders, gather_borders, reduce_borders
from geoseg.vectorizer.part import Part, join_touching
from geoseg.vectorizer.rest import Carried, Rest, Row, nothing, together

MAX_NAMES = (1 << 31) - 1
"""Labels are int32."""


@dataclass(frozen=True, slots=True)
class Basins:
    """Basins of a piece and their borders; they count from 0, which is no data.

    A piece is what was carried on to it and some strips, the whole scene at best. Regions that are
    carried on and basins of the strips have numbers in the piece until seams are joined.
    """

    numbers: np.ndarray
    """(numbers in the piece,) int32, the basin of each; by their first ones."""
    names: np.ndarray
    """(numbers in the piece,) int32, name of each, as the basins of all strips are counted."""
    first: np.ndarray
    """(basins,) int32, the first name of each."""
    statistics: np.ndarray
    """(basins, columns) int64, as `measure_basins` gives."""
    borders: Borders
    """Between basins."""
    background: np.ndarray
    """(basins,) bool; touching background is one basin."""
    is_open: np.ndarray
    """(basins,) bool, they touch rows to come; then what is not known as background may be."""
    carried: Carried
    """What was carried on; its borders are between numbers in the piece."""
    places: np.ndarray
    """(regions,) int64, their numbers in the piece."""


class Gathered:
    """Basins and borders of a piece, strip by strip, over names that are joined at the seams."""

    def __init__(self, *, from_above: bool = False) -> None:
        """Begin.

        Args:
            from_above: whether there are rows above the first strip that are not seen here.
        """
        self.names = 0
        """How many names strips gave, and the name before the next strip's first."""
        self.from_above = from_above
        self.top: Row | None = None
        """Of the first strip, with numbers in the piece."""
        self.last: Row | None = None
        """Of the last strip."""
        self._begin()

    def _begin(self) -> None:
        """Begin a piece with nothing but no data."""
        self.size = 0
        """How many numbers the piece has."""
        self._names = [np.zeros(1, np.int32)]
        self._statistics = [np.zeros((1, basins.COLUMNS), np.int64)]
        self._borders: list[Borders] = []
        self._seams: list[tuple[np.ndarray, np.ndarray]] = []
        self._carried: list[tuple[int, Carried]] = [(0, nothing())]

    def add(self, part: Part) -> int:
        """Add the next strip; give what is to be added to its labels to make them names.

        Raises:
            OptionError: there are more names than labels can hold.
        """
        start, count = self.names, len(part.statistics)
        first, last = (
            Row(part.labels[i], beyond, part.boundary[i], part.depth[i])
            for i, beyond in ((0, part.above), (-1, part.below))
        )
        self._meet(first, last, count)
        own, size = part.borders, np.int32(self.size)
        borders = own._replace(one=own.one + size, other=own.other + size)
        names = np.arange(start + 1, start + count + 1, dtype=np.int32)
        self._put(names, part.statistics, borders)
        return start

    def take(self, rest: Rest) -> int:
        """Add rows that were merged before, as `add` does a strip."""
        start = self.names
        self._meet(rest.top, rest.last, rest.count)
        self._carry(rest.carried.moved(self.size, start))
        return start

    def go_on(self, carried: Carried, places: np.ndarray) -> None:
        """Begin the next piece.

        Args:
            carried: what is carried on to it.
            places: (numbers in the last piece,) int32, the region of each, 0 where it has none.
        """
        self._begin()
        self._carry(carried)
        self.top, self.last = (
            row and row._replace(regions=places[row.regions], beyond=places[row.beyond])
            for row in (self.top, self.last)
        )

    def rest(self) -> Rest:
        """Give what the last piece left, which is all that there is now."""
        return Rest(self._carried[-1][1], self.top, self.last, self.names)

    def _carry(self, carried: Carried) -> None:
        self._carried.append((self.size, carried))
        self._put(carried.names, carried.statistics, carried.borders)

    def _put(self, names: np.ndarray, statistics: np.ndarray, borders: Borders) -> None:
        self._names.append(names)
        self._statistics.append(statistics)
        self._borders.append(borders)
        self.size += len(names)

    def _meet(self, first: Row, last: Row, count: int) -> None:
        """Join rows that have so many names to those above them."""
        self.names += count
        if self.names > MAX_NAMES:
            raise OptionError(
                f"the mosaic has more than {MAX_NAMES} basins, which is the most that can be "
                "labelled; cut it into several mosaics"
            )
        first, last = (
            row._replace(regions=_shifted(row.regions, self.size),
                         beyond=_shifted(row.beyond, self.size))
            for row in (first, last)
        )
        if self.last is None:
            self.top = first
        else:
            above = self.last
            self._seams += [
                _named(first.beyond, above.regions), _named(above.beyond, first.regions)
            ]
            seam = (above.regions, first.regions), (above.boundary, first.boundary)
            depths = above.depth, first.depth
            self._borders.append(gather_borders(*map(np.stack, (*seam, depths)), above=2))
        self.last = last

    def join(self, *, touching: int = 0, to_come: bool = False) -> Basins:
        """Join the names over the seams, and then all background that touches; once in a piece.

        Args:
            touching: above 0, parcels are joined too where a pair of pixels is below this stored
                boundary value.
            to_come: whether there are more strips.
        """
        parents = np.arange(self.size + 1, dtype=np.int32)
        for names, others in self._seams:
            sets.join_all(parents, names, others)
        seamless = sets.number_sets(parents)
        statistics = basins.add_up(drained(self._statistics), seamless)
        is_open = self._open(seamless, len(statistics), to_come)
        background = basins.is_background(statistics, is_open)
        parcel = ~background & ~(is_open & (statistics[:, basins.PARCELS] == 0))
        kinds = background[seamless], parcel[seamless]
        numbers = join_touching(self._borders, *kinds, parents, touching=touching)
        fewer = np.empty(len(statistics), np.int32)
        fewer[seamless] = numbers
        statistics = basins.fold(statistics, fewer)
        background, parcel, is_open = (
            np.bincount(fewer, flags, len(statistics)) > 0
            for flags in (background, parcel, is_open)
        )
        borders = reduce_borders(self._borders, numbers)
        _open_beside(borders, background, parcel, is_open, touching)
        names, first = np.concatenate(self._names), sets.chase(parents) == np.arange(len(parents))
        carried = together([one for _, one in self._carried])
        places = [at + 1 + np.arange(len(one.names)) for at, one in self._carried]
        return Basins(
            numbers, names, names[first], statistics, borders, background, is_open, carried,
            np.concatenate(places),
        )

    def _open(self, numbers: np.ndarray, count: int, to_come: bool) -> np.ndarray:
        """Tell which of the basins touch rows that are not seen yet."""
        is_open = np.zeros(count, bool)
        for row, unseen in ((self.top, self.from_above), (self.last, to_come)):
            if row is not None and unseen:
                is_open[numbers[row.regions]] = True
        is_open[0] = False
        return is_open


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
