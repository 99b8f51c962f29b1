"""Compare what is parcel with what should be, pixel by pixel or square metre by square metre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoseg.confusion import ConfusionMatrix


def compare_labels(
    truth: NDArray[np.integer], predicted: NDArray[np.integer]
) -> ConfusionMatrix:
    """Count pixels of two label rasters: in a parcel (above 0) or not; truth below 0 is left out.

    Returns:
        Class 1 is parcel, class 0 is not.
    """
    known, true = truth >= 0, truth > 0
    found = (predicted > 0) & known
    hits = np.count_nonzero(true & found)
    wrong, missed = np.count_nonzero(found) - hits, np.count_nonzero(true) - hits
    rest = np.count_nonzero(known) - hits - wrong - missed
    return ConfusionMatrix(np.array([[rest, wrong], [missed, hits]], np.int64))


def compare_areas(
    truth: Sequence[BaseGeometry], predicted: Sequence[BaseGeometry]
) -> ConfusionMatrix:
    """Measure the area in true parcels, in predicted parcels, and in both; overlaps count once.

    Returns:
        Class 1 is parcel; what is neither has no bounds, and counts 0.
    """
    true, found = shapely.union_all(list(truth)), shapely.union_all(list(predicted))
    both = true.area + found.area - shapely.union(true, found).area
    return ConfusionMatrix.of_areas(true.area, found.area, max(0.0, both))
