"""How lines are drawn, and which regions become parcels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geoseg.errors import OptionError

NODATA = -1
"""The label of pixels without data."""
METHODS = ("dp", "vw", "none")
"""Ways to simplify."""
SHAPES = ("plain", "smooth", "regular")
"""What becomes of the simplified lines."""


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How borders are drawn, and which regions are parcels."""

    tolerance: float = 1.0
    """Pixels (of the mean of width and height, on the ground) that a line may leave its border."""
    method: str = "dp"
    """dp (Douglas-Peucker), vw (Visvalingam-Whyatt) or none."""
    trim: float = 0.0
    """Pixels alike: spurs on a narrower foot go, see `spurs`; 0 for none. Not without a method."""
    smooth: str = "corner-cut"
    """corner-cut or none."""
    shape: str = "plain"
    """plain; or smooth (rounded bends) or regular (straight, right-angled), drawn at the end."""
    skip: tuple[int, ...] = (0, NODATA)
    """Values that are no parcels."""
    nodata: int = NODATA
    """Value of pixels without data; a parcel beside one is on the edge."""
    connectivity: int = 4
    """4 or 8: with 8, regions of equal value that touch at a corner are one parcel."""

    @property
    def is_plain(self) -> bool:
        """Tell whether lines are the borders themselves, with all their points."""
        return (self.method, self.smooth, self.shape) == ("none", "none", "plain")

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise OptionError(f"tolerance is {self.tolerance} pixels, wanted 0 or more")
        if not 0 <= self.trim < math.inf:
            raise OptionError(f"trim is {self.trim} pixels, wanted 0 or more")
        choices = {"method": METHODS, "smooth": ("corner-cut", "none"), "shape": SHAPES}
        for name, wanted in choices.items():
            if getattr(self, name) not in wanted:
                raise OptionError(f"{name} is {getattr(self, name)!r}, wanted one of {wanted}")
        if self.connectivity not in (4, 8):
            raise OptionError(f"connectivity is {self.connectivity}, wanted 4 or 8")
