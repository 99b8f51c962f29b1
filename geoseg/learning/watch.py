"""The watch: named alarms from plain statistics, so that no training fails in silence.

`data_check` looks at the data before training; this looks at the network after each validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLAT = 1e-3
"""Standard deviation of predicted probabilities below which the output is one grey."""
LAG = 0.05
"""IoU lost by running instead of batch statistics that is too much."""
DEAD = 0.01
"""Share of pixels on which a unit must be active."""
FAINT = 1e-8
"""Length of the first layer's gradient below which nothing is learnt any more."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is wrong, why, and what to do."""

    name: str
    """One word or two, for tests and for the log."""
    text: str
    """What was seen and what to do."""
    fatal: bool = False
    """True where the model must not be kept, or the training must not start."""
    acted: bool = False
    """True where the trainer did something about it; the text says what."""


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
    active: tuple[float, ...] = ()
    """Share of pixels on which each unit before the last convolution is above 0."""
    gradient: float = 1.0
    """Length of the gradient of the first layer's weights at the last update."""
    warm: bool = True
    """True after the warm-up."""

    @property
    def dead(self) -> tuple[int, ...]:
        """Units that are hardly ever active."""
        return tuple(unit for unit, share in enumerate(self.active) if share < DEAD)


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
    if seen.dead and 2 * len(seen.dead) >= len(seen.active):
        alarms.append(_dead(seen))
    if seen.gradient < FAINT:
        alarms.append(_vanishing(seen.gradient))
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
        f"BatchNorm's running statistics cost {gap:.3f} IoU against the batch's own, although "
        "they were recomputed; if it stays so, use more batches for it: --statistics-batches",
    )


def _dead(seen: Statistics) -> Alarm:
    return Alarm(
        "dead-unit",
        f"{len(seen.dead)} of {len(seen.active)} units before the last convolution are active on "
        f"less than {DEAD:.0%} of the pixels; by itself a dead unit may stay dead",
    )


def _vanishing(gradient: float) -> Alarm:
    return Alarm(
        "vanishing-gradient",
        f"the first layer's gradient is {gradient:.1e}, wanted above {FAINT}: nothing is learnt",
    )
