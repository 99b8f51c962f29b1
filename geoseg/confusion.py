"""Count how often each class was taken for each; ratios are functions of the counts.

Counts add across strips, scenes and machines; only then are they divided.

>>> matrix = ConfusionMatrix.of(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]), classes=2)
>>> round(iou(matrix), 3), precision(matrix), round(recall(matrix), 3)
(0.667, 1.0, 0.667)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionMatrix:
    """How much of each true class was predicted as each class."""

    counts: NDArray[np.int64] | NDArray[np.float64]
    """(classes, classes), rows truth, columns prediction; pixels, or m2 where areas are counted."""

    def __post_init__(self) -> None:
        shape = np.shape(self.counts)
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f"counts have the shape {shape}, wanted (classes, classes)")

    @classmethod
    def of(
        cls,
        truth: NDArray[np.integer],
        predicted: NDArray[np.integer],
        *,
        classes: int,
        valid: NDArray[np.bool_] | None = None,
    ) -> ConfusionMatrix:
        """Compare two class rasters of one shape, values 0 to classes - 1, where valid."""
        if truth.shape != predicted.shape:
            raise ValueError(f"truth is {truth.shape}, prediction {predicted.shape}")
        pair = truth.astype(np.int64) * classes + predicted
        counts = np.bincount(
            pair.ravel() if valid is None else pair[valid], minlength=classes * classes
        )
        return cls(counts.reshape(classes, classes))

    @classmethod
    def of_areas(cls, truth: float, predicted: float, common: float) -> ConfusionMatrix:
        """Make the matrix of one class against the rest from areas; the rest is not known: 0."""
        return cls(np.array([[0.0, predicted - common], [truth - common, common]]))

    def __add__(self, other: ConfusionMatrix) -> ConfusionMatrix:
        return ConfusionMatrix(self.counts + other.counts)


def ratio(part: float, whole: float) -> float:
    """Divide; 0/0 is NaN."""
    return float(part) / float(whole) if whole else NAN


def iou(matrix: ConfusionMatrix, value: int = 1) -> float:
    """Give intersection over union of a class."""
    hits, wrong, missed = _split(matrix, value)
    return ratio(hits, hits + wrong + missed)


def precision(matrix: ConfusionMatrix, value: int = 1) -> float:
    """Give the share of what was predicted as a class that is it."""
    hits, wrong, _ = _split(matrix, value)
    return ratio(hits, hits + wrong)


def recall(matrix: ConfusionMatrix, value: int = 1) -> float:
    """Give the share of a class that was predicted as it."""
    hits, _, missed = _split(matrix, value)
    return ratio(hits, hits + missed)


def f1(matrix: ConfusionMatrix, value: int = 1) -> float:
    """Give the harmonic mean of precision and recall of a class."""
    hits, wrong, missed = _split(matrix, value)
    return ratio(2 * hits, 2 * hits + wrong + missed)


def _split(matrix: ConfusionMatrix, value: int) -> tuple[float, float, float]:
    counts = matrix.counts
    hits = counts[value, value]
    return hits, counts[:, value].sum() - hits, counts[value].sum() - hits
