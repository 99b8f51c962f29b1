"""Say of every parcel what became of it: matched, split, merged, missed or false."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.evaluation.matching import match
from geoseg.evaluation.tables import Comparison, Side

MATCHED, SPLIT, MERGED, ALONE = range(4)
"""What became of a parcel. ALONE is missed for a true one and false for a predicted one."""
TRUE_STATUSES = ("matched", "split", "merged", "missed")
"""Their names, of a true parcel."""
FOUND_STATUSES = ("matched", "split", "merged", "false")
"""Their names, of a predicted one."""
VOID = 0.5
"""Parcels with more unknown ground than this share are not judged where they match nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of the parcels of a comparison, row by row of its tables."""

    pair_truth: NDArray[np.int64]
    """(k,) row of the true parcel of each overlap."""
    pair_predicted: NDArray[np.int64]
    """(k,) row of the predicted parcel."""
    iou: NDArray[np.float64]
    """(k,) intersection over union."""
    chosen: NDArray[np.bool_]
    """(k,) True where this overlap is a match."""
    truth_counts: NDArray[np.bool_]
    """(n,) False for true parcels that lie mostly on unknown ground."""
    predicted_counts: NDArray[np.bool_]
    """(m,) False for such predicted parcels."""
    truth_partner: NDArray[np.int64]
    """(n,) row of the predicted parcel it matches, -1 for none."""
    predicted_partner: NDArray[np.int64]
    """(m,) row of the true parcel it matches, -1 for none."""
    is_split: NDArray[np.bool_]
    """(n,) two or more predicted parcels lie mostly in this true one."""
    is_merged: NDArray[np.bool_]
    """(m,) two or more true parcels lie mostly in this predicted one."""
    truth_status: NDArray[np.int64]
    """(n,) a code; split and merged only where nothing matches."""
    predicted_status: NDArray[np.int64]
    """(m,) a code; a part of a split parcel is SPLIT too."""


def judge(comparison: Comparison) -> Judged:
    """Match parcels, and say of each what became of it.

    Source: Kirillov and others, Panoptic Segmentation, 2019, section 4.2, for unknown ground: it is
    cut from both layers, and an unmatched parcel that lies mostly on it does not count.
    """
    truth, predicted, pairs = comparison.truth, comparison.predicted, comparison.pairs
    at, near = _rows(truth.number, pairs.truth), _rows(predicted.number, pairs.predicted)
    made = match(at, near, pairs.common, truth.area, predicted.area)
    truth_partner = _partners(len(truth.number), at[made.best], near[made.best])
    predicted_partner = _partners(len(predicted.number), near[made.best], at[made.best])
    part_of_split = _any(len(predicted.number), near[made.in_true & made.is_split[at]])
    in_merged = _any(len(truth.number), at[made.in_found & made.is_merged[near]])
    return Judged(
        at, near, made.iou, _any(len(at), made.best),
        _counts(truth, truth_partner), _counts(predicted, predicted_partner),
        truth_partner, predicted_partner, made.is_split, made.is_merged,
        _status(truth_partner, made.is_split, in_merged),
        _status(predicted_partner, part_of_split, made.is_merged),
    )


def _rows(numbers: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the rows of parcels by their numbers; numbers ascend."""
    return np.searchsorted(numbers, wanted)


def _partners(n: int, rows: NDArray[np.int64], partners: NDArray[np.int64]) -> NDArray[np.int64]:
    out = np.full(n, -1, np.int64)
    out[rows] = partners
    return out


def _any(n: int, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    out = np.zeros(n, np.bool_)
    out[rows] = True
    return out


def _counts(side: Side, partner: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (partner >= 0) | ((side.void <= VOID) & (side.area > 0))


def _status(
    partner: NDArray[np.int64], split: NDArray[np.bool_], merged: NDArray[np.bool_]
) -> NDArray[np.int64]:
    return np.select([partner >= 0, split, merged], [MATCHED, SPLIT, MERGED], ALONE)


def best_iou(
    comparison: Comparison, judged: Judged
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the largest IoU of each true and of each predicted parcel with any other; 0 for none."""
    best = np.zeros(len(comparison.truth.number)), np.zeros(len(comparison.predicted.number))
    np.maximum.at(best[0], judged.pair_truth, judged.iou)
    np.maximum.at(best[1], judged.pair_predicted, judged.iou)
    return best
