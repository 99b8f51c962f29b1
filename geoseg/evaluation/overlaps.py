"""Which parcels overlap, and by how much: all that comparing parcels with parcels needs.

An *overlap* is a pair of one true and one predicted parcel that share some area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """A sparse table of common areas.

    Parcels are named by the labels of the rasters, or by position in the list of polygons.
    """

    truth: NDArray[np.int64]
    """(n,) true parcels, ascending."""
    truth_area: NDArray[np.float64]
    """(n,) their areas, in pixels or squared CRS units."""
    predicted: NDArray[np.int64]
    """(m,) predicted parcels, ascending."""
    predicted_area: NDArray[np.float64]
    """(m,) their areas."""
    pairs: NDArray[np.int64]
    """(k, 2) true and predicted parcel of each overlap, ascending."""
    common: NDArray[np.float64]
    """(k,) area of each overlap."""


def overlaps_of_labels(
    truth: NDArray[np.integer], predicted: NDArray[np.integer]
) -> Overlaps:
    """Count common pixels of two label rasters; O(pixels).

    Args:
        truth: (rows, cols) labels; 0 is background; pixels below 0 are not known and not counted.
        predicted: (rows, cols) labels; 0 or less is background.

    Source: a contingency table of label pairs, counted over runs of equal pairs in row order.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {predicted.shape}")
    pairs, lengths = _runs(truth.ravel(), predicted.ravel())
    known = pairs[:, 0] >= 0
    pairs, lengths = np.maximum(pairs[known], 0), lengths[known]
    is_true, is_predicted = (pairs > 0).T
    is_pair = is_true & is_predicted
    return Overlaps(
        *_sums(pairs[is_true, 0], lengths[is_true]),
        *_sums(pairs[is_predicted, 1], lengths[is_predicted]),
        *_sums(pairs[is_pair], lengths[is_pair]),
    )


def overlaps_of_polygons(
    truth: Sequence[BaseGeometry], predicted: Sequence[BaseGeometry]
) -> Overlaps:
    """Intersect polygons exactly, neighbours found by a tree: O(n log n + overlaps).

    Args:
        truth: valid polygons.
        predicted: valid polygons in the same CRS, in which areas must mean something.
    """
    true, found = (np.array(list(some), object) for some in (truth, predicted))
    pairs = np.zeros((0, 2), np.int64)
    if len(true) and len(found):
        at, near = shapely.STRtree(found).query(true, predicate="intersects")
        pairs = np.column_stack([at, near]).astype(np.int64)
        pairs = pairs[np.lexsort(pairs.T[::-1])]
    common = shapely.area(shapely.intersection(true[pairs[:, 0]], found[pairs[:, 1]]))
    share = common > 0
    return Overlaps(
        np.arange(len(true)), shapely.area(true), np.arange(len(found)), shapely.area(found),
        pairs[share], common[share],
    )


def _runs(
    truth: NDArray[np.integer], predicted: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give (runs, 2) labels and the (runs,) number of pixels of each run of equal pairs."""
    if not truth.size:
        return np.zeros((0, 2), np.int64), np.zeros(0)
    new = np.flatnonzero((truth[1:] != truth[:-1]) | (predicted[1:] != predicted[:-1])) + 1
    starts = np.concatenate([[0], new])
    lengths = np.diff(starts, append=truth.size).astype(np.float64)
    return np.column_stack([truth[starts], predicted[starts]]).astype(np.int64), lengths


def _sums(keys: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Add up the values of equal keys (or rows of keys); keys come out ascending."""
    if not len(keys):
        return keys, np.zeros(0)
    order = np.lexsort(keys.T[::-1]) if keys.ndim == 2 else np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    differs = keys[1:] != keys[:-1]
    new = differs.any(axis=1) if keys.ndim == 2 else differs
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    return keys[starts], np.add.reduceat(values, starts)
