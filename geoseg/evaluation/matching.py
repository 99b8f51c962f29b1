"""Which parcels are the same: pairs by IoU, each parcel once; which are split or merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.evaluation.overlaps import Overlaps

HALF = 0.5
"""Above this IoU a match is unique where parcels do not overlap each other."""

Rows = NDArray[np.integer]
Areas = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """What overlaps say of n true and m predicted parcels."""

    iou: NDArray[np.float64]
    """(k,) intersection over union of each overlap."""
    best: NDArray[np.intp]
    """Overlaps that are matches."""
    in_true: NDArray[np.bool_]
    """(k,) True where the predicted parcel lies mostly in the true one."""
    in_found: NDArray[np.bool_]
    """(k,) True where the true parcel lies mostly in the predicted one."""
    is_split: NDArray[np.bool_]
    """(n,) two or more predicted parcels lie mostly in this true one."""
    is_merged: NDArray[np.bool_]
    """(m,) two or more true parcels lie mostly in this predicted one."""


def match(
    at_true: Rows, at_found: Rows, common: Areas, true_area: Areas, found_area: Areas
) -> Matching:
    """Match parcels whose IoU is above a half; O(overlaps log overlaps).

    Where parcels of one side overlap each other, the pairs with the highest IoU come first, and
    each parcel is matched once.

    Args:
        at_true: (k,) row of the true parcel of each overlap.
        at_found: (k,) row of the predicted parcel.
        common: (k,) area of each overlap.
        true_area: (n,) of the true parcels.
        found_area: (m,) of the predicted parcels.

    Source: Kirillov and others, Panoptic Segmentation, 2019, section 4.1.
    """
    one, other = true_area[at_true], found_area[at_found]
    iou = common / (one + other - common)
    in_true, in_found = common > HALF * other, common > HALF * one
    return Matching(
        iou, _unique_pairs(at_true, at_found, iou), in_true, in_found,
        np.bincount(at_true[in_true], minlength=len(true_area)) >= 2,
        np.bincount(at_found[in_found], minlength=len(found_area)) >= 2,
    )


@dataclass(frozen=True, slots=True)
class ParcelCounts:
    """Counts of parcels; those of several scenes add up."""

    truth: int
    """True parcels."""
    predicted: int
    """Predicted parcels."""
    matched: int
    """Pairs whose IoU is above a half."""
    iou: float
    """Sum of the IoU of these pairs."""
    split: int
    """True parcels that two or more predicted ones cut up, each lying mostly in it."""
    merged: int
    """Predicted parcels that swallow two or more true ones, each lying mostly in it."""

    def __add__(self, other: ParcelCounts) -> ParcelCounts:
        return ParcelCounts(
            self.truth + other.truth, self.predicted + other.predicted,
            self.matched + other.matched, self.iou + other.iou,
            self.split + other.split, self.merged + other.merged,
        )


def count_parcels(overlaps: Overlaps) -> ParcelCounts:
    """Match the parcels of a table of overlaps, and count."""
    made = match(
        np.searchsorted(overlaps.truth, overlaps.pairs[:, 0]),
        np.searchsorted(overlaps.predicted, overlaps.pairs[:, 1]),
        overlaps.common, overlaps.truth_area, overlaps.predicted_area,
    )
    return ParcelCounts(
        truth=len(overlaps.truth), predicted=len(overlaps.predicted), matched=len(made.best),
        iou=float(made.iou[made.best].sum()),
        split=int(made.is_split.sum()), merged=int(made.is_merged.sum()),
    )


def _unique_pairs(at_true: Rows, at_found: Rows, iou: NDArray[np.float64]) -> NDArray[np.intp]:
    """Take pairs by falling IoU, each parcel once."""
    order = np.argsort(-iou, kind="stable")
    order = order[iou[order] > HALF]
    while True:
        free = _first(at_true[order]) & _first(at_found[order])
        taken = order[free]
        rest = order[~np.isin(at_true[order], at_true[taken])
                     & ~np.isin(at_found[order], at_found[taken])]
        if not len(rest):
            return taken
        order = np.concatenate([taken, rest])


def _first(values: Rows) -> NDArray[np.bool_]:
    is_first = np.zeros(len(values), np.bool_)
    is_first[np.unique(values, return_index=True)[1]] = True
    return is_first
