"""What merging a piece of rows leaves: the regions that rows not seen yet can still change."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from geoseg.vectorizer import basins
from geoseg.vectorizer.borders import DTYPES, Borders


@dataclass(frozen=True, slots=True)
class Carried:
    """Regions of rows so far that rows not seen yet can still change; they count from 1."""

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

    def moved(self, numbers: int, names: int) -> Carried:
        """Give the same where so many numbers and names come before."""
        pair, one, other = (names << 32) + names, self.borders.one, self.borders.other
        return Carried(
            self.names + np.int32(names), self.statistics,
            self.borders._replace(one=one + np.int32(numbers), other=other + np.int32(numbers)),
            self.origins + pair, self.is_held,
        )


class Row(NamedTuple):
    """The first or last row of some strips."""

    regions: np.ndarray
    """(width,) int32, of its pixels."""
    beyond: np.ndarray
    """(width,) int32, of the pixels in the row beyond it, as in `Part`."""
    boundary: np.ndarray
    """(width,) uint8, stored boundary probabilities."""
    depth: np.ndarray
    """(width,) uint16, distances to the nearest pixel of another kind."""

    def fits(self, width: int, most: int) -> bool:
        """Tell whether it is so wide and has regions up to `most`; beyond may have no entries."""
        sizes = len(self.regions), len(self.boundary), len(self.depth)
        return (
            sizes == (width,) * 3 and len(self.beyond) in (0, width)
            and within(self.regions, 0, most) and within(self.beyond, 0, most)
        )


@dataclass(frozen=True, slots=True)
class Rest:
    """What merging leaves of some rows: regions that count from 1, as names do."""

    carried: Carried
    """They."""
    top: Row
    """The first of the rows."""
    last: Row
    """The last of them."""
    count: int
    """How many names the rows have."""

    def is_sound(self, width: int) -> bool:
        """Tell whether sizes agree and every number stands for something; kernels trust that."""
        one, most = self.carried, len(self.carried.names)
        sizes = {len(values) for values in (*one.borders, one.origins)}
        return (
            all(row.fits(width, most) for row in (self.top, self.last))
            and len(sizes) == 1 and len(one.is_held) == most
            and one.statistics.shape == (most, basins.COLUMNS)
            and within(one.names, 1, self.count) and bool((np.diff(one.names) > 0).all())
            and all(within(end, 1, most) for end in (one.borders.one, one.borders.other))
            and within(one.borders.count, 1, np.iinfo(np.int32).max)
        )


def within(values: np.ndarray, least: int, most: int) -> bool:
    """Tell whether all values are from the least to the most."""
    return values.size == 0 or least <= int(values.min()) and int(values.max()) <= most


def nothing() -> Carried:
    """Give what is carried on to the first row."""
    none, no_region = np.empty(0, np.int64), np.empty((0, basins.COLUMNS), np.int64)
    borders = Borders(*(np.empty(0, dtype) for dtype in DTYPES))
    return Carried(none.astype(np.int32), no_region, borders, none, none > 0)


def together(carried: list[Carried]) -> Carried:
    """Give several as one."""
    names, statistics, borders, *rest = (
        [getattr(one, field.name) for one in carried] for field in fields(Carried)
    )
    return Carried(
        np.concatenate(names), np.concatenate(statistics),
        Borders(*map(np.concatenate, zip(*borders))), *map(np.concatenate, rest),
    )
