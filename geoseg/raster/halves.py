"""Halve rows of pixels for overviews: probabilities by their mean, classes by majority."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geoseg.spec import PROBABILITY_NODATA

Rows = NDArray[np.uint8]
"""(bands, rows, width)."""


def mean_of_four(rows: Rows) -> Rows:
    """Halve probabilities: the mean, rounded, of those of four that are not 255.

    >>> mean_of_four(np.array([[[1, 2, 9, 255], [2, 2, 10, 255]]], np.uint8)).tolist()
    [[[2, 10]]]
    """
    bad = rows == PROBABILITY_NODATA
    if not bad.any():
        return ((_sums(rows) + 2) >> 2).astype(np.uint8)
    good = _sums((~bad).view(np.uint8))
    sums = _sums(np.where(bad, np.uint8(0), rows))
    mean = (sums + good // 2) // np.maximum(good, 1)
    return np.where(good, mean, PROBABILITY_NODATA).astype(np.uint8)


def most_of_four(rows: Rows) -> Rows:
    """Halve classes: what most of four are; 255 only where all are, the first where it is even.

    >>> most_of_four(np.array([[[1, 2, 0, 255], [2, 1, 255, 255]]], np.uint8)).tolist()
    [[[1, 0]]]
    """
    best = rows[:, ::2, ::2].copy()
    votes = np.zeros(best.shape, np.uint8)
    four = [rows[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    for one in four:
        agree = sum((one == other).view(np.uint8) for other in four) * (one != PROBABILITY_NODATA)
        best[agree > votes] = one[agree > votes]
        votes = np.maximum(votes, agree)
    return best


def _sums(rows: Rows) -> NDArray[np.uint16]:
    """Add up four by four."""
    pairs = np.ascontiguousarray(rows).view("<u2")
    across = (pairs & 255) + (pairs >> 8)
    return across[:, ::2] + across[:, 1::2]
