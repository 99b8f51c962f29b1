"""What an ONNX segmentation model wants and gives, read without running it.

A file that geoseg wrote holds its spec as metadata. Of another's, the metadata that the Deepness
plugin of QGIS reads is understood: `class_names`, `resolution` (cm), `tiles_overlap` (percent),
`standardization_mean` and `_std` (of pixels / 255).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geoseg.errors import ModelError
from geoseg.learning.extras import needed
from geoseg.learning.onnx_channels import choose_channels
from geoseg.spec import (
    ANY_RESOLUTION,
    SPEC_KEY,
    Band,
    Instances,
    LabelClass,
    ModelSpec,
    usual_names,
)

CHANNELS_KEY = "geoseg_channels"
"""Metadata key of the channels."""
CLASSES = ("parcel", "boundary")
"""What is made of the channels."""
DIVISOR = 32
"""Tiles of a network whose depth is not known are multiples of this, where it takes any."""
LEAST_WIDTH = 16
"""Filters of the first level, for the plan of memory; a toy's one filter is no measure."""
UNKNOWN_WIDTH = 64
"""Filters of the first level, for the plan of memory, where no convolution tells."""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """An ONNX file that was looked at."""

    content: bytes
    """The file; it is read once, so that what was checked is what runs."""
    spec: ModelSpec
    """Its own, or made of what it says."""
    channels: tuple[int, ...]
    """For each class of the spec, as `onnx_channels` counts them."""
    batch: int | None
    """Tiles that it takes at once; None for any."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What the graph and the metadata of an ONNX file say."""

    shape: tuple[int | None, ...]
    """Of the input, (n, bands, rows, cols); None where it takes any."""
    names: tuple[tuple[str, ...], ...]
    """Class names of each output's channels; generic ones where it does not say."""
    opset: int
    """Of the standard operators."""
    metadata: dict[str, str]
    """All of it."""
    width: int
    """Filters of the first convolution."""
    weights: int
    """Numbers in all of its initializers."""

    @property
    def channels(self) -> list[str]:
        """Names of all outputs' channels, counted on."""
        return [name for one in self.names for name in one]


def read_onnx(path: str | Path) -> OnnxModel:
    """Read an ONNX model for prediction.

    Raises:
        ModelError: it cannot be read, keeps weights elsewhere, is no segmentation model, or does
            not say which of its classes are parcels.
    """
    content, graph = inspect(path)
    batch = graph.shape[0]
    if SPEC_KEY in graph.metadata:
        spec = ModelSpec.from_json(graph.metadata[SPEC_KEY])
        channels = tuple(_json(path, graph, CHANNELS_KEY, list(range(len(spec.classes)))))
        _check_channels(path, graph, spec, channels)
    else:
        channels = choose_channels(path, graph.channels)
        spec = spec_of(path, graph, channels)
    return OnnxModel(content, replace(spec, tile=fixed_tile(path, graph)), channels, batch)


def inspect(path: str | Path) -> tuple[bytes, Graph]:
    """Read an ONNX file and what its graph says; nothing is run.

    Raises:
        ModelError: it cannot be read, keeps weights elsewhere, or is no segmentation model.
    """
    onnx = needed("onnx", "onnx", f"reading {path}")
    message = needed("google.protobuf.message", "onnx", f"reading {path}")
    try:
        content = Path(path).read_bytes()
        model = onnx.load_model_from_string(content)
    except FileNotFoundError as error:
        raise ModelError(f"no model file {path}") from error
    except (OSError, message.DecodeError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as ONNX: {error}") from error
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            where = next((one.value for one in tensor.external_data if one.key == "location"), "?")
            raise ModelError(
                f"{path} keeps its weights in another file ({where}); geoseg takes one file: "
                "save it with onnx.save_model(..., save_as_external_data=False)"
            )
    return content, _graph(path, model)


def _tensors(message: Any) -> Iterator[Any]:
    """Give every tensor of a model: initializers, constants, those of subgraphs and functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if hasattr(value, "__len__") else [value]:
                yield from _tensors(one)


def _graph(path: str | Path, model: Any) -> Graph:
    """Check inputs and outputs, and give what the graph says.

    Raises:
        ModelError: it has more than one input, or something is no image.
    """
    weights = {one.name: one for one in model.graph.initializer}
    inputs = [_shape(one) for one in model.graph.input if one.name not in weights]
    outputs = [_shape(one) for one in model.graph.output]
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][1] is None:
        raise ModelError(
            f"{path} has inputs of shapes {inputs}; wanted one, (tiles, bands, rows, columns)"
        )
    if not outputs or any(len(one) not in (3, 4) for one in outputs):
        raise ModelError(
            f"{path} has outputs of shapes {outputs}; wanted (tiles, classes, rows, columns): is "
            "it a segmentation model?"
        )
    counts = [1 if len(one) == 3 else one[1] for one in outputs]
    if None in counts or any(one[-2:] != inputs[0][-2:] and None not in one[-2:] + inputs[0][-2:]
                             for one in outputs):
        raise ModelError(f"{path} answers {outputs} for {inputs[0]}; wanted the same rows, columns")
    metadata = {one.key: one.value for one in model.metadata_props}
    kernels = [weights[one.input[1]].dims for one in model.graph.node
               if one.op_type == "Conv" and len(one.input) > 1 and one.input[1] in weights]
    return Graph(
        shape=inputs[0],
        names=_class_names(path, metadata, counts),
        opset=max((one.version for one in model.opset_import if not one.domain), default=0),
        metadata=metadata,
        width=kernels[0][0] if kernels else UNKNOWN_WIDTH,
        weights=sum(math.prod(one.dims) for one in weights.values()),
    )


def _shape(value: Any) -> tuple[int | None, ...]:
    """Give a tensor's shape, None where a side is free."""
    return tuple(one.dim_value or None for one in value.type.tensor_type.shape.dim)


def _class_names(
    path: str | Path, metadata: dict[str, str], counts: Sequence[int]
) -> tuple[tuple[str, ...], ...]:
    """Read `class_names`: a dictionary of numbers and names, or a list of one per output."""
    generic = tuple(tuple(f"channel_{k}" for k in range(count)) for count in counts)
    if "class_names" not in metadata:
        return generic
    try:
        said = json.loads(metadata["class_names"])
        said = said if isinstance(said, list) else [said]
        names = tuple(
            tuple(str(one[key]) for key in sorted(one, key=int)) for one in said
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} has class_names that cannot be read: {error}") from error
    whole = [
        one[-count:] if len(one) == count + 1 == 2 else one  # (background, name) of a sigmoid
        for one, count in zip(names, counts)
    ]
    if [len(one) for one in whole] != list(counts):
        raise ModelError(f"{path} names {names} for outputs of {list(counts)} channels")
    return tuple(whole)


def fixed_tile(path: str | Path, graph: Graph) -> int | None:
    """Give the only side of a tile that a network takes; None where it takes any.

    Raises:
        ModelError: it takes tiles that are not square.
    """
    rows, cols = graph.shape[2:]
    if rows != cols:
        raise ModelError(f"{path} takes tiles of {cols} x {rows} pixels only; wanted square ones")
    return rows


def spec_of(path: str | Path, graph: Graph, channels: Sequence[int]) -> ModelSpec:
    """Make a spec of what a foreign model says; it counts as not exact.

    Raises:
        ModelError: its metadata cannot be read.
    """
    count, tile = graph.shape[1], fixed_tile(path, graph)
    means = _json(path, graph, "standardization_mean", [0.0] * count)
    spreads = _json(path, graph, "standardization_std", [1.0] * count)
    if not len(means) == len(spreads) == count:
        raise ModelError(f"{path} has a standardization of {means}, {spreads} for {count} bands")
    metres = _json(path, graph, "resolution", 0) / 100
    overlap = _json(path, graph, "tiles_overlap", 25)
    divisor = math.gcd(tile, DIVISOR // 2) if tile else DIVISOR
    side = tile or 512
    halo = min(math.ceil(side * overlap / 200 / divisor), side // divisor // 4) * divisor
    return ModelSpec(
        name=Path(path).stem,
        bands=tuple(
            Band(name, 255 * mean, 255 * (mean + spread))
            for name, mean, spread in zip(usual_names(count), means, spreads)
        ),
        dtype="uint8",
        classes=tuple(LabelClass(*one) for one in zip(range(len(channels)), CLASSES)),
        resolution=(metres / 1.5, metres * 1.5) if metres > 0 else ANY_RESOLUTION,
        divisor=divisor,
        halo=halo,
        architecture=f"onnx (opset {graph.opset})",
        width=max(graph.width, LEAST_WIDTH),
        instances=Instances(parcel=_json(path, graph, "seg_thresh", 0.5) or 0.5, boundary=0.5),
        exact=False,
    )


def _json(path: str | Path, graph: Graph, key: str, default: Any) -> Any:
    """Read a metadata value of the type of the default."""
    if key not in graph.metadata:
        return default
    try:
        value = json.loads(graph.metadata[key])
    except ValueError as error:
        raise ModelError(f"{path} has a {key} that cannot be read: {error}") from error
    if isinstance(value, list) != isinstance(default, list):
        raise ModelError(f"{path} has {key} {value}, wanted something like {default}")
    return value


def _check_channels(
    path: str | Path, graph: Graph, spec: ModelSpec, channels: tuple[int, ...]
) -> None:
    count = len(graph.channels)
    fits = all(isinstance(one, int) and -count <= one < count for one in channels)
    if len(channels) != len(spec.classes) or len(spec.bands) != graph.shape[1] or not fits:
        raise ModelError(
            f"{path} does not fit its own spec: {len(spec.bands)} bands and channels {channels} "
            f"for {graph.shape[1]} bands and {count} channels"
        )
