"""What a strip knows of basins and borders by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer import basins, sets
from geoseg.vectorizer.borders import Borders, gather_borders, reduce_borders, renamed
from geoseg.vectorizer.shaped import Strip


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
    numbers = join_touching([borders], background, ~background, parents, first=1)
    names = renamed(names, numbers, 1)
    return Part(
        names[start:stop].reshape(strip.rows, -1), names[:start], names[stop:],
        basins.fold(statistics, numbers), reduce_borders([borders], numbers, first=1),
        boundary[[0, -1]], depth[[0, -1]],
    )


def join_touching(
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
