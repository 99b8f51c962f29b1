"""Match predicted parcels with true ones, and count what was found, missed, split and merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.confusion import ratio
from geoseg.evaluation.overlaps import Overlaps

HALF = 0.5
"""Above this IoU a match is unique where parcels do not overlap each other."""


@dataclass(frozen=True, slots=True)
class ParcelCounts:
    """Counts of parcels; those of several scenes add up."""

    truth: int
    """True parcels."""
    predicted: int
    """Predicted parcels."""
    matched: int
    """Pairs whose IoU is above the threshold."""
    iou_sum: float
    """Sum of the IoU of these pairs."""
    split: int
    """True parcels that two or more predicted ones cut up, each lying mostly in it."""
    merged: int
    """Predicted parcels that swallow two or more true ones, each lying mostly in it."""

    def __add__(self, other: ParcelCounts) -> ParcelCounts:
        return ParcelCounts(
            self.truth + other.truth, self.predicted + other.predicted,
            self.matched + other.matched, self.iou_sum + other.iou_sum,
            self.split + other.split, self.merged + other.merged,
        )


def match(overlaps: Overlaps, *, threshold: float = HALF) -> ParcelCounts:
    """Match parcels whose IoU is above a threshold, and count.

    Where parcels of one side overlap each other, the pairs with the highest IoU come first, and
    each parcel is matched once.

    Source: Kirillov and others, Panoptic Segmentation, 2019, section 4.1, for the match. Split and
    merged: a part counts where more than half of it lies in the other parcel.
    """
    at_true = np.searchsorted(overlaps.truth, overlaps.pairs[:, 0])
    at_found = np.searchsorted(overlaps.predicted, overlaps.pairs[:, 1])
    true_area, found_area = overlaps.truth_area[at_true], overlaps.predicted_area[at_found]
    iou = overlaps.common / (true_area + found_area - overlaps.common)
    chosen = unique_pairs(at_true, at_found, iou, threshold)
    return ParcelCounts(
        truth=len(overlaps.truth),
        predicted=len(overlaps.predicted),
        matched=len(chosen),
        iou_sum=float(iou[chosen].sum()),
        split=_with_two(at_true[overlaps.common > HALF * found_area]),
        merged=_with_two(at_found[overlaps.common > HALF * true_area]),
    )


def precision(counts: ParcelCounts) -> float:
    """Give the share of predicted parcels that match a true one."""
    return ratio(counts.matched, counts.predicted)


def recall(counts: ParcelCounts) -> float:
    """Give the share of true parcels that were found."""
    return ratio(counts.matched, counts.truth)


def f1(counts: ParcelCounts) -> float:
    """Give the harmonic mean of precision and recall; also called recognition quality."""
    return ratio(2 * counts.matched, counts.truth + counts.predicted)


def segmentation_quality(counts: ParcelCounts) -> float:
    """Give the mean IoU of matched pairs."""
    return ratio(counts.iou_sum, counts.matched)


def panoptic_quality(counts: ParcelCounts) -> float:
    """Give the recognition quality times the segmentation quality."""
    return ratio(2 * counts.iou_sum, counts.truth + counts.predicted)


def over_segmentation(counts: ParcelCounts) -> float:
    """Give the share of true parcels that were split."""
    return ratio(counts.split, counts.truth)


def under_segmentation(counts: ParcelCounts) -> float:
    """Give the share of predicted parcels that merge true ones."""
    return ratio(counts.merged, counts.predicted)


def unique_pairs(
    at_true: NDArray[np.intp], at_found: NDArray[np.intp], iou: NDArray[np.float64], least: float
) -> NDArray[np.intp]:
    """Take pairs by falling IoU, each parcel once."""
    order = np.argsort(-iou, kind="stable")
    order = order[iou[order] > least]
    while True:
        free = _first(at_true[order]) & _first(at_found[order])
        taken = order[free]
        rest = order[~np.isin(at_true[order], at_true[taken])
                     & ~np.isin(at_found[order], at_found[taken])]
        if not len(rest):
            return taken
        order = np.concatenate([taken, rest])


def _first(values: NDArray[np.intp]) -> NDArray[np.bool_]:
    is_first = np.zeros(len(values), np.bool_)
    is_first[np.unique(values, return_index=True)[1]] = True
    return is_first


def _with_two(parcels: NDArray[np.intp]) -> int:
    """Count parcels that occur at least twice."""
    return int((np.unique(parcels, return_counts=True)[1] >= 2).sum())
