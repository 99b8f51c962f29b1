"""The watch: named alarms from plain statistics, so that no training fails in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FLAT = 1e-3
"""Standard deviation of predicted probabilities below which the output is one grey."""
LAG = 0.05
"""IoU lost by running instead of batch statistics that is too much."""
DEAD = 0.01
"""Share of pixels on which a unit must be active."""
RARE = 0.005
"""Share of a class below which it can hardly be learnt."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is wrong, why, and what to do."""

    name: str
    """One word or two, for tests and for the log."""
    text: str
    """What was seen and what to do."""
    fatal: bool = False
    """True where the model must not be kept, or the training must not start."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the watch looks at after a validation; one entry per class in each tuple."""

    spread: tuple[float, ...]
    """Standard deviation of the predicted probabilities."""
    iou: tuple[float, ...]
    """Intersection over union at the class's threshold."""
    share: tuple[float, ...]
    """Share of true pixels; also the IoU of the best constant answer."""
    batch_iou: tuple[float, ...] | None = None
    """IoU on a few chips with the statistics of the batch itself."""
    running_iou: tuple[float, ...] | None = None
    """IoU on the same chips with the running statistics."""
    active: float = 1.0
    """Share of pixels on which the least active unit of the last layer is above 0."""
    warm: bool = True
    """True after the warm-up."""


def after_validation(seen: Statistics, names: Sequence[str]) -> list[Alarm]:
    """Name what is wrong with the model."""
    alarms = [_collapsed(name, value) for name, value in zip(names, seen.spread) if value < FLAT]
    if seen.warm:
        rows = zip(names, seen.iou, seen.share)
        alarms += [_not_learning(*row) for row in rows if row[1] <= row[2] > 0]
    if seen.batch_iou is not None and seen.running_iou is not None:
        gap = max(b - r for b, r in zip(seen.batch_iou, seen.running_iou))
        if gap > LAG:
            alarms.append(_lagging(gap))
    if seen.active < DEAD:
        alarms.append(_dead(seen.active))
    return alarms


def _collapsed(name: str, spread: float) -> Alarm:
    return Alarm(
        "collapsed",
        f"the {name} output is one grey (standard deviation {spread:.1e}, wanted above {FLAT}); "
        "this model is not kept. Check the labels, or lower --rate",
        fatal=True,
    )


def _not_learning(name: str, iou: float, share: float) -> Alarm:
    return Alarm(
        "not-learning",
        f"{name} IoU {iou:.3f} is no better than a constant answer ({share:.3f}); if it stays so, "
        "check that the labels lie on the image, or lower --rate",
    )


def _lagging(gap: float) -> Alarm:
    return Alarm(
        "lagging-statistics",
        f"BatchNorm's running statistics cost {gap:.3f} IoU against the batch's own; "
        "recompute them over more batches: --calibration",
    )


def _dead(active: float) -> Alarm:
    return Alarm(
        "dead-unit",
        f"a unit of the last layer is active on {active:.2%} of the pixels; "
        "the narrow head of unet-origin can die for good: use unet, or lower --rate",
    )


def labels_doctor(name: str, labels: np.ndarray, valid: np.ndarray) -> list[Alarm]:
    """Name what is wrong with the labels of a scene, before training.

    Args:
        name: of the scene.
        labels: (rows, cols) integer, 0 background, above 0 a parcel, -1 not known.
        valid: (rows, cols) bool, of the image.
    """
    known = labels[valid & (labels >= 0)]
    if known.size == 0:
        return [Alarm("no-overlap", f"{name}: no pixel has both image and label", fatal=True)]
    alarms = []
    share = float((known > 0).mean())
    if share == 0:
        alarms.append(Alarm("empty", f"{name}: no parcel lies on the scene; check the labels' CRS"))
    elif share < RARE:
        alarms.append(Alarm("rare", f"{name}: parcels cover only {share:.2%} of the scene"))
    if share == 1 and known.min() == known.max():
        alarms.append(Alarm("one-label", f"{name}: the whole scene is one parcel, no border"))
    values = np.unique(known)
    if values.tolist() == [0, 255]:
        alarms.append(
            Alarm(
                "two-valued",
                f"{name}: labels are 0 and 255 only, so touching parcels are one; "
                "give one number per parcel",
            )
        )
    return alarms


def data_doctor(parcel_share: float, scene_alarms: Sequence[Alarm], scenes: int) -> list[Alarm]:
    """Name what is wrong with all the data together."""
    alarms = []
    if sum(one.name == "empty" for one in scene_alarms) == scenes or parcel_share == 0:
        text = "no scene has a parcel on it; check that labels and scenes share a place"
        alarms.append(Alarm("all-empty", text, fatal=True))
    return alarms


def range_doctor(name: str, low: float, high: float, bands: Sequence[tuple[float, float]]) -> list[
    Alarm
]:
    """Name an image whose values (2nd and 98th percentile) are far off the model's range."""
    span = max(top - bottom for bottom, top in bands)
    bottom, top = min(b for b, _ in bands), max(t for _, t in bands)
    if high - low < 0.02 * span or low > top or high < bottom:
        text = f"{name}: values {low:g} to {high:g} do not fit the model's {bottom:g} to {top:g}"
        return [Alarm("range", text + "; set --range LOW HIGH")]
    return []
