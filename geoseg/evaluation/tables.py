"""What comparing two layers notes: one row per parcel, per overlap and per piece of ground.

Rows of several tiles are put together by `together`; everything else is computed from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

ALL = -1
"""Code of "all classes"."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One row per parcel of one layer; areas and lengths count known ground only."""

    number: NDArray[np.int64]
    """(n,) the parcel in its file."""
    place: NDArray[np.float64]
    """(n, 2) x, y of a point of its border."""
    kind: NDArray[np.int64]
    """(n,) code of its class."""
    area: NDArray[np.float64]
    """(n,) squared units of the CRS."""
    void: NDArray[np.float64]
    """(n,) share of it that lies on ground that is not known, 0 to 1."""
    length: NDArray[np.float64]
    """(n,) length of its border."""
    near: NDArray[np.float64]
    """(n, k) length of its border within each distance of a border of the other layer."""
    band: NDArray[np.float64]
    """(n,) area of it that is near its border."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """One row per true and predicted parcel that share some area."""

    truth: NDArray[np.int64]
    """(k,) number of the true parcel."""
    predicted: NDArray[np.int64]
    """(k,) number of the predicted parcel."""
    common: NDArray[np.float64]
    """(k,) shared area."""
    band: NDArray[np.float64]
    """(k,) shared area of both bands."""
    polis: NDArray[np.float64]
    """(k,) PoLiS distance where the IoU is above 0.5, else NaN."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One row per tile and class: how much is in parcels; overlaps of one layer count once."""

    place: NDArray[np.float64]
    """(n, 2) the tile's centre."""
    kind: NDArray[np.int64]
    """(n,) code of the class; ALL for all of them."""
    true: NDArray[np.float64]
    """(n,) area in true parcels."""
    found: NDArray[np.float64]
    """(n,) area in predicted parcels."""
    both: NDArray[np.float64]
    """(n,) area in both."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two layers, compared: of one tile, or of a whole scene."""

    truth: Side
    """True parcels."""
    predicted: Side
    """Predicted parcels."""
    pairs: Pairs
    """Overlaps; each stands where its true parcel does."""
    ground: Ground
    """Area in parcels."""


def together(parts: Sequence[Comparison]) -> Comparison:
    """Put the tiles of one scene together; at least one."""
    return Comparison(**{
        one.name: _joined([getattr(part, one.name) for part in parts])
        for one in fields(Comparison)
    })


def _joined(tables: Sequence):
    return type(tables[0])(**{
        one.name: np.concatenate([getattr(table, one.name) for table in tables])
        for one in fields(tables[0])
    })


def sorted_comparison(comparison: Comparison) -> Comparison:
    """Give the comparison with parcels in the order of their files, whatever the tiles were."""
    return Comparison(
        _sorted(comparison.truth, (comparison.truth.number,)),
        _sorted(comparison.predicted, (comparison.predicted.number,)),
        _sorted(comparison.pairs, (comparison.pairs.predicted, comparison.pairs.truth)),
        comparison.ground,
    )


def _sorted(table: Side | Pairs, keys: tuple[NDArray, ...]) -> Side | Pairs:
    order = np.lexsort(keys)
    return type(table)(*(getattr(table, name)[order] for name in table.__slots__))
