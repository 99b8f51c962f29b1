"""Weights of other programs in, a geoseg model file out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from geoseg.errors import OptionError
from geoseg.learning.checkpoint import load, save
from geoseg.learning.foreign import with_boundary
from geoseg.learning.keras_weights import read_keras
from geoseg.publish import publishing
from geoseg.spec import Band, Instances, LabelClass, ModelSpec

log = logging.getLogger(__name__)

ANY_RESOLUTION = (0.01, 1000.0)
"""Metres per pixel: no scene is resampled."""
BAND_NAMES = {1: ("grey",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "nir")}
"""What so many bands are taken for."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What weights alone do not say; None: choose."""

    classes: tuple[str, ...] = ("parcel",)
    """Names of the output bands: parcel, boundary, or both in this order."""
    band_names: tuple[str, ...] | None = None
    """Common names of the input bands, in order."""
    value_range: tuple[float, float] = (0.0, 255.0)
    """Raw values that were 0 and 1 in training."""
    dtype: str = "uint8"
    """Of the imagery that it was trained on."""
    resolution: tuple[float, float] | None = None
    """Finest and coarsest metres per pixel that it works at; None takes scenes as they are."""
    license: str = "unknown"
    """Of the weights, SPDX."""
    source: str = ""
    """Training data and its licence."""

    def __post_init__(self) -> None:
        if self.classes not in (("parcel",), ("boundary",), ("parcel", "boundary")):
            raise OptionError(
                f"classes are {','.join(self.classes)}; wanted parcel, boundary, or "
                "parcel,boundary"
            )

    def bands(self, count: int) -> tuple[Band, ...]:
        """Describe the input bands.

        Raises:
            OptionError: there are not as many names as bands.
        """
        numbered = tuple(f"band{number}" for number in range(1, count + 1))
        names = self.band_names or BAND_NAMES.get(count, numbered)
        if len(names) != count:
            raise OptionError(
                f"the network has {count} input bands, but {len(names)} names were given "
                f"({','.join(names)})"
            )
        return tuple(Band(name, *self.value_range) for name in names)


def import_model(
    weights: str | Path,
    model: str | Path,
    *,
    architecture: str,
    facts: ModelFacts = ModelFacts(),
    overwrite: bool = False,
) -> ModelSpec:
    """Make a model file of Keras weights.

    Args:
        weights: `.hdf5`, `.h5` or `.keras` file of a network that geoseg has.
        model: file to write, ending in `.safetensors`.
        architecture: `unet-origin` or `unet-classic`.
        facts: what the weights do not say.
        overwrite: replace an existing model.

    Returns:
        The spec in the file.

    Raises:
        ModelError: the weights cannot be read, or are another network's.
        OptionError: a fact does not fit the network.
        OutputError, LockedError: the model cannot be written.
    """
    model = Path(model)
    if model.suffix != ".safetensors":
        raise OptionError(f"a model file ends in .safetensors, got {model}")
    network = read_keras(weights, architecture)
    if network.head.out_channels != len(facts.classes):
        raise OptionError(
            f"{weights} has {network.head.out_channels} output bands, but --classes names "
            f"{len(facts.classes)} ({','.join(facts.classes)})"
        )
    bands = facts.bands(network.bands)
    names = facts.classes
    if names == ("parcel",):
        network, names = with_boundary(network), ("parcel", "boundary")
    if facts.resolution is None:
        log.warning(
            "%s does not say at what ground resolution it was trained: scenes are read as they "
            "are; give --resolution FINEST,COARSEST in metres", weights,
        )
    spec = ModelSpec(
        name=model.stem,
        bands=bands,
        dtype=facts.dtype,
        classes=tuple(LabelClass(value, name) for value, name in enumerate(names)),
        resolution=facts.resolution or ANY_RESOLUTION,
        divisor=network.divisor,
        halo=network.halo,
        architecture=architecture,
        width=network.width,
        instances=Instances(boundary=0.5) if facts.classes == ("parcel",) else Instances(),
        license=facts.license,
        source=facts.source,
        history={"imported": Path(weights).name},
    )
    with publishing(model, overwrite=overwrite, verify=load) as partial:
        save(partial, spec, network)
    return spec
