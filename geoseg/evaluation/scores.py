"""Ratios of counts: every score by its name, and how far chance could move it.

docs/metrics.md defines them; 0/0 is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoseg.evaluation.tally import THRESHOLDS, TOTAL, Tally

DRAWS = 1000
"""Times that blocks are drawn."""
INTERVAL = (2.5, 97.5)
"""Percentiles: 95 of 100 draws lie between."""
FEWEST_BLOCKS = 5
"""From fewer an interval says nothing, and none is given."""

Counts = Mapping[str, ArrayLike]


def scores(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Give every score of counts; counts may be arrays of one shape."""
    c = {name: np.asarray(value, np.float64) for name, value in counts.items()}
    at_half = parcel_scores(c | {"matched": c["matched@0.5"]})
    return {**_ground(c), **at_half, **_at_all_thresholds(c), **_shapes(c), **_borders(c)}


def parcel_scores(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """Give the scores that counts of parcels are enough for; see `ParcelCounts` for their names."""
    truth, predicted, matched = counts["truth"], counts["predicted"], counts["matched"]
    return {
        "parcel_precision": _ratio(matched, predicted),
        "parcel_recall": _ratio(matched, truth),
        "parcel_f1": _f1(matched, truth, predicted),
        "panoptic_quality": _f1(counts["iou"], truth, predicted),
        "segmentation_quality": _ratio(counts["iou"], matched),
        "recognition_quality": _f1(matched, truth, predicted),
        "over_segmentation": _ratio(counts["split"], truth),
        "under_segmentation": _ratio(counts["merged"], predicted),
        "count_ratio": _ratio(predicted, truth),
    }


def intervals(tally: Tally, group: str = TOTAL, *, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Give the interval in which each score lies in 95 of 100 draws of blocks; {} for few blocks.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile
    interval), over blocks of ground as in Künsch, The jackknife and the bootstrap for general
    stationary observations, 1989: parcels near each other are not independent.
    """
    counts = tally.counts[:, tally.groups.index(group)]
    counts = counts[counts.any(axis=1)]
    n = len(counts)
    if n < FEWEST_BLOCKS:
        return {}
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    drawn = scores(dict(zip(tally.fields, (times @ counts).T, strict=True)))
    return {name: _percentiles(values) for name, values in drawn.items()}


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, INTERVAL)
    return float(low), float(high)


def _ratio(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole != 0, part / whole, np.nan)


def _f1(both: ArrayLike, truth: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
    """Give the harmonic mean of precision and recall."""
    return _ratio(2 * np.asarray(both), np.asarray(truth) + np.asarray(predicted))


def _ground(c: Counts) -> dict[str, NDArray]:
    true, found, both = c["ground_true"], c["ground_found"], c["ground_both"]
    return {
        "pixel_iou": _ratio(both, true + found - both),
        "pixel_precision": _ratio(both, found),
        "pixel_recall": _ratio(both, true),
        "pixel_f1": _f1(both, true, found),
    }


def _at_all_thresholds(c: Counts) -> dict[str, NDArray]:
    every = sum(c[f"matched@{at:g}"] for at in THRESHOLDS) / len(THRESHOLDS)
    return {
        "parcel_precision_50_95": _ratio(every, c["predicted"]),
        "parcel_recall_50_95": _ratio(every, c["truth"]),
        "parcel_f1_50_95": _f1(every, c["truth"], c["predicted"]),
    }


def _shapes(c: Counts) -> dict[str, NDArray]:
    return {
        "goc": _ratio(c["oc"], c["weight"]),
        "guc": _ratio(c["uc"], c["weight"]),
        "gtc": _ratio(c["tc"], c["weight"]),
        "polis": _ratio(c["polis"], c["matched@0.5"]),
        "area_bias": _ratio(c["area_found"] - c["area_true"], c["area_true"]),
        "perimeter_bias": _ratio(
            c["perimeter_found"] - c["perimeter_true"], c["perimeter_true"]
        ),
    }


def _borders(c: Counts) -> dict[str, NDArray]:
    out = {"boundary_iou": _ratio(c["band_both"], c["band_either"])}
    n = sum(name.startswith("near_true@") for name in c)
    for i in range(n):
        precision = _ratio(c[f"near_found@{i}"], c["length_found"])
        recall = _ratio(c[f"near_true@{i}"], c["length_true"])
        out[f"boundary_precision_{i + 1}"] = precision
        out[f"boundary_recall_{i + 1}"] = recall
        out[f"boundary_f_{i + 1}"] = _ratio(2 * precision * recall, precision + recall)
    return out
