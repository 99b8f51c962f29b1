"""What a model expects and what it returns; it travels as JSON inside the weights file.

Names after the STAC machine learning model extension 1.5 (bands, value_scaling, classes).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from geoseg.errors import ModelError

SPEC_KEY = "geoseg"
"""Metadata key of the spec's JSON in a model file."""
PROBABILITY_SCALE = 254
"""A stored probability is round(p * 254) as uint8."""
PROBABILITY_NODATA = 255
"""The stored value where the scene has no data."""
EARTH_M2 = 510.1e12
"""No parcel is larger."""
ANY_RESOLUTION = (0.01, 1000.0)
"""Metres per pixel of a model that does not say: no scene is resampled."""


def usual_names(count: int) -> tuple[str, ...]:
    """Name so many bands as imagery mostly has them.

    >>> usual_names(4), usual_names(2)
    (('red', 'green', 'blue', 'nir'), ('band1', 'band2'))
    """
    if count in (3, 4):
        return ("red", "green", "blue", "nir")[:count]
    return ("grey",) if count == 1 else tuple(f"band{k}" for k in range(1, count + 1))


@dataclass(frozen=True, slots=True)
class Band:
    """One input band and the range it was trained on: x = (raw - low) / (high - low)."""

    name: str
    """Common name: red, green, blue, nir, ..."""
    low: float
    """Raw value that becomes 0."""
    high: float
    """Raw value that becomes 1."""

    def __post_init__(self) -> None:
        if not self.high > self.low:
            raise ModelError(f"band {self.name}: high {self.high} must be above low {self.low}")


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One output band of the model: a probability of 0 to 1."""

    value: int
    """Position among the output bands, from 0."""
    name: str
    """`parcel` (interior of a parcel) or `boundary` (the line between parcels)."""


@dataclass(frozen=True, slots=True)
class Instances:
    """How probabilities become parcels; thresholds are chosen on held-out parcels."""

    parcel: float = 0.5
    """A pixel belongs to a parcel where its parcel probability is at least this."""
    boundary: float = 0.2
    """A pixel is border where its boundary probability is at least this."""
    merge: float = 0.35
    """Neighbouring basins are one parcel while their border's mean probability is below this."""
    neck: float = 0.2
    """Added to that mean where the basins meet in a narrow pass only."""
    min_area_m2: float = 300.0
    """A smaller piece is given to the neighbour behind its weakest border."""
    confidence: float = 0.0
    """A parcel with a lower mean parcel probability is left out: it is background."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            most = EARTH_M2 if name == "min_area_m2" else 1.0
            if not 0 <= value <= most:
                raise ValueError(f"its threshold {name} is {value!r}, wanted 0 to {most:g}")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that inference must know of a model."""

    name: str
    """For people and for the log."""
    bands: tuple[Band, ...]
    """Input bands, in order."""
    dtype: str
    """dtype of the imagery that it was trained on; other dtypes are stretched to its range."""
    classes: tuple[LabelClass, ...]
    """Output bands, in order."""
    resolution: tuple[float, float]
    """Finest and coarsest metres per pixel that it works at; other scenes are resampled."""
    divisor: int
    """Tile origins and sizes must be multiples of this many pixels."""
    halo: int
    """Pixels around a core that decide its output; a multiple of the divisor."""
    architecture: str
    """Name for `geoseg.learning.networks.build`; of a foreign ONNX file, only for people."""
    width: int
    """Filters of the first level."""
    instances: Instances = Instances()
    """Thresholds for making parcels."""
    exact: bool = True
    """True where a tile with its halo gives the same result as the whole scene."""
    tile: int | None = None
    """Side of the only tile, halo included, that the network takes; None where it takes any."""
    license: str = "unknown"
    """SPDX name of the weights' licence."""
    source: str = ""
    """Training data and its licence."""
    scores: dict[str, float] = field(default_factory=dict)
    """Scores on the validation places of the training run."""
    history: dict[str, str] = field(default_factory=dict)
    """The frozen training configuration, as text."""

    @property
    def metres(self) -> str:
        """The resolution for people, such as `0.4 to 3.4 m`."""
        return "{:.3g} to {:.3g} m".format(*self.resolution)

    @property
    def grain(self) -> int:
        """Pixels; sides of cores are multiples of it, so that tiles begin alike.

        An exact network may compute 4 x 4 outputs at a time, also where its resolution is lowest.
        """
        return 4 * self.divisor if self.exact else self.divisor

    def to_json(self) -> str:
        """Write the spec as one line of JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read what `to_json` wrote.

        Raises:
            ModelError: the text is not a geoseg model spec, or a later version's.
        """
        try:
            values = json.loads(text)
            values["bands"] = tuple(Band(**band) for band in values["bands"])
            values["classes"] = tuple(LabelClass(**one) for one in values["classes"])
            values["resolution"] = tuple(values["resolution"])
            values["instances"] = Instances(**values.get("instances", {}))
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"not a geoseg model: its spec cannot be read ({error})") from error
