"""What a user decides about labels, and what follows from it for stored values and strips."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geoseg.errors import OptionError
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer.relief import MAX_CAP, halo

METHODS = ("basins", "components")
"""How regions are told apart."""
MAX_AREA = 1 << 31
"""Pixels: areas to give away are below this, since they share an int64 with a region's number."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How probabilities become parcels; probabilities and thresholds are 0 to 1."""

    method: str = "basins"
    """`basins`: robust to gaps in borders; `components`: what a gap joins is one parcel."""
    parcel: float = 0.5
    """A pixel that is no border is parcel where its parcel probability is at least this."""
    boundary: float = 0.2
    """A pixel is border where its boundary probability is at least this."""
    merge: float = 0.35
    """Basins are one parcel while their border's mean boundary probability is below this."""
    neck: float = 0.2
    """Added to that mean where the basins meet in a narrow pass, or in none: all of it there."""
    distance_cap: int = 40
    """Distances to a border are cut off here (pixels); strips are read with this much around."""
    min_area_pixels: float = 0.0
    """A smaller parcel is given to the neighbour, or background, behind its weakest border."""
    max_hole_pixels: float = 0.0
    """Background pieces of at most this many pixels are given to a parcel beside them."""
    confidence: float = 0.0
    """In the end a parcel with a lower mean parcel probability becomes background."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"method is {self.method!r}, must be one of {', '.join(METHODS)}")
        for name in ("parcel", "boundary", "merge", "neck", "confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is {getattr(self, name)}, must be 0 to 1")
        if not 1 <= self.distance_cap <= MAX_CAP:
            raise OptionError(f"distance cap is {self.distance_cap}, must be 1 to {MAX_CAP} pixels")
        for name in ("min_area_pixels", "max_hole_pixels"):
            if not 0 <= getattr(self, name) < MAX_AREA:
                raise OptionError(
                    f"{name} is {getattr(self, name)}, must be 0 to {MAX_AREA - 1} pixels"
                )


def levels(options: LabelOptions) -> tuple[int, int]:
    """Give the smallest stored values of a parcel and of a border."""
    return (
        math.ceil(options.parcel * PROBABILITY_SCALE),
        math.ceil(options.boundary * PROBABILITY_SCALE),
    )


def reach(options: LabelOptions) -> int:
    """Give the rows around a strip that decide its basins."""
    return halo(options.distance_cap) + 1
