"""Probabilities -> one band of classes with names and colours, for maps."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.raster.strips import Strips
from geoseg.raster.write import Colors
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE, ModelSpec

NAMES = ("background", "parcel", "boundary")
"""Of the values 0, 1 and 2."""
COLORS: Colors = {
    0: (120, 120, 120, 255), 1: (214, 200, 96, 255), 2: (138, 62, 20, 255),
    PROBABILITY_NODATA: (0, 0, 0, 0),
}
"""Grey ground, straw fields, brown borders."""


@dataclass(frozen=True, slots=True)
class ClassStrips:
    """Whole rows of classes, made of the probabilities of parcel and boundary."""

    probabilities: Strips
    """One band per class of the model; value / 254, 255 is no data."""
    spec: ModelSpec
    """Names the bands and gives the thresholds."""

    def read(self, row_start: int, row_stop: int) -> NDArray[np.uint8]:
        """Read (1, rows, width) classes: boundary where it is likely enough, parcel elsewhere."""
        bands = self.probabilities.read(row_start, row_stop)
        at = {one.name: bands[index] for index, one in enumerate(self.spec.classes)}
        limits = self.spec.instances
        found = np.zeros_like(bands[0])
        found[at["parcel"] >= limits.parcel * PROBABILITY_SCALE if "parcel" in at else ...] = 1
        if "boundary" in at:
            found[at["boundary"] >= limits.boundary * PROBABILITY_SCALE] = 2
        found[bands[0] == PROBABILITY_NODATA] = PROBABILITY_NODATA
        return found[None]


def class_tags() -> dict[str, str]:
    """Name the classes: for people, and as the STAC extension does, for programs.

    Source: STAC classification extension 2.0.0, the object of a class.
    """
    classes = [
        {"value": value, "name": name, "color_hint": "".join(f"{c:02X}" for c in COLORS[value][:3])}
        for value, name in enumerate(NAMES)
    ]
    plain = {f"CLASS_{value}": name for value, name in enumerate(NAMES)}
    return plain | {"classification:classes": json.dumps(classes)}
