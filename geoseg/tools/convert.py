"""Models of other programs in, and geoseg's models out to other programs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from geoseg.errors import OptionError
from geoseg.learning import onnx_export, onnx_files
from geoseg.learning.onnx_channels import choose_channels
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import load, save
from geoseg.learning.foreign import with_boundary
from geoseg.learning.keras_weights import read_keras
from geoseg.learning.stored import is_onnx
from geoseg.publish import publishing
from geoseg.spec import ANY_RESOLUTION, Band, Instances, LabelClass, ModelSpec, usual_names

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What weights alone do not say; None: what the file says, else a default."""

    classes: tuple[str, ...] | None = None
    """Names of the output bands in order: parcel, boundary; other names are not used."""
    band_names: tuple[str, ...] | None = None
    """Common names of the input bands, in order."""
    value_range: tuple[float, float] | None = None
    """Raw values that were 0 and 1 in training; None is 0 to 255, or the file's."""
    dtype: str = "uint8"
    """Of the imagery that it was trained on."""
    resolution: tuple[float, float] | None = None
    """Finest and coarsest metres per pixel that it works at; None takes scenes as they are."""
    license: str = "unknown"
    """Of the weights, SPDX."""
    source: str = ""
    """Training data and its licence."""

    def bands(self, known: tuple[Band, ...]) -> tuple[Band, ...]:
        """Give the input bands with the names and the range that were given.

        Raises:
            OptionError: there are not as many names as bands.
        """
        names = self.band_names or tuple(one.name for one in known)
        if len(names) != len(known):
            raise OptionError(
                f"the network has {len(known)} input bands, but {len(names)} names were given "
                f"({','.join(names)})"
            )
        ranges = [self.value_range or (one.low, one.high) for one in known]
        return tuple(Band(name, *one) for name, one in zip(names, ranges))

    def complete(self, spec: ModelSpec) -> ModelSpec:
        """Put what was given into a spec."""
        return replace(
            spec, bands=self.bands(spec.bands), dtype=self.dtype,
            resolution=self.resolution or spec.resolution, license=self.license,
            source=self.source,
        )


def import_model(
    weights: str | Path,
    model: str | Path,
    *,
    architecture: str | None = None,
    facts: ModelFacts = ModelFacts(),
    overwrite: bool = False,
) -> ModelSpec:
    """Make a model file of Keras weights or of an ONNX model.

    Args:
        weights: `.hdf5`, `.h5` or `.keras` file of a network that geoseg has, or `.onnx`.
        model: file to write, `.safetensors` for Keras weights, `.onnx` for ONNX.
        architecture: of Keras weights: `unet-origin` or `unet-classic`.
        facts: what the weights do not say.
        overwrite: replace an existing model.

    Returns:
        The spec in the file.

    Raises:
        ModelError: the weights cannot be read, or are another network's.
        OptionError: a fact does not fit the network.
        OutputError, LockedError: the model cannot be written.
    """
    wanted = ".onnx" if is_onnx(weights) else ".safetensors"
    if Path(model).suffix != wanted:
        raise OptionError(f"the model made of {weights} ends in {wanted}, got {model}")
    if is_onnx(weights) and architecture is not None:
        raise OptionError(f"{weights} holds its network; --architecture is for Keras weights only")
    if is_onnx(weights):
        spec = _import_onnx(weights, model, facts, overwrite)
    elif architecture is None:
        raise OptionError(f"say with --architecture what {weights} holds weights of")
    else:
        spec = _import_keras(weights, Path(model), architecture, facts, overwrite)
    if spec.resolution == ANY_RESOLUTION:
        log.warning(
            "%s does not say at what ground resolution it was trained: scenes are read as they "
            "are; give --resolution FINEST,COARSEST in metres", weights,
        )
    return spec


def _import_keras(
    weights: str | Path, model: Path, architecture: str, facts: ModelFacts, overwrite: bool
) -> ModelSpec:
    network = read_keras(weights, architecture)
    names = facts.classes or ("parcel",)
    if names not in (("parcel",), ("boundary",), ("parcel", "boundary")):
        raise OptionError(
            f"classes are {','.join(names)}; wanted parcel, boundary, or parcel,boundary"
        )
    if network.head.out_channels != len(names):
        raise OptionError(
            f"{weights} has {network.head.out_channels} output bands, but --classes names "
            f"{len(names)} ({','.join(names)})"
        )
    alone = names == ("parcel",)
    if alone:
        network, names = with_boundary(network), ("parcel", "boundary")
    spec = ModelSpec(
        name=model.stem,
        bands=tuple(Band(name, 0, 255) for name in usual_names(network.bands)),
        dtype="uint8",
        classes=tuple(LabelClass(value, name) for value, name in enumerate(names)),
        resolution=ANY_RESOLUTION,
        divisor=network.divisor,
        halo=network.halo,
        architecture=architecture,
        width=network.width,
        instances=Instances(boundary=0.5) if alone else Instances(),
        history={"imported": Path(weights).name},
    )
    spec = facts.complete(spec)
    with publishing(model, overwrite=overwrite, verify=load) as unfinished:
        save(unfinished, spec, network)
    return spec


def _import_onnx(
    weights: str | Path, model: str | Path, facts: ModelFacts, overwrite: bool
) -> ModelSpec:
    """Write an ONNX model again, with a spec inside."""
    content, graph = onnx_files.inspect(weights)
    channels = choose_channels(weights, graph.channels, facts.classes)
    spec = facts.complete(onnx_files.spec_of(weights, graph, channels))
    spec = replace(spec, history={"imported": Path(weights).name})
    with publishing(model, overwrite=overwrite, verify=onnx_files.read_onnx) as unfinished:
        onnx_export.write_with_spec(unfinished, content, spec, channels)
    return spec


def export_model(
    model: str | Path,
    out: str | Path,
    *,
    tile: int | None = onnx_export.TILE,
    overwrite: bool = False,
) -> ModelSpec:
    """Write a model as one ONNX file, and check that it answers alike.

    Args:
        model: name of a bundled model, or a `.safetensors` file.
        out: file to write, ending in `.onnx`.
        tile: side of the only tile that it will take, halo included; None for any, which the
            Deepness plugin does not read.
        overwrite: replace an existing file.

    Returns:
        The spec in the file.

    Raises:
        ModelError: the model cannot be read or exported, or would answer otherwise.
        OptionError: the tile does not fit the model, or a name has the wrong suffix.
        OutputError, LockedError: the file cannot be written.
    """
    if not is_onnx(out) or is_onnx(model):
        raise OptionError(f"export makes an .onnx file of a .safetensors one, got {model} {out}")
    spec, network = load(find_model(model))
    alike = partial(onnx_export.difference, spec=spec, network=network)
    with publishing(out, overwrite=overwrite, verify=alike) as unfinished:
        onnx_export.write_onnx(unfinished, spec, network, tile=tile)
    return onnx_files.read_onnx(out).spec
