"""Model files: one safetensors file holds the weights and, as metadata, the model's spec.

Nothing is ever unpickled, so a model file from a stranger cannot run code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from geoseg.errors import ModelError, OutputError
from geoseg.learning.bundled import find_model
from geoseg.learning.networks import build
from geoseg.publish import publish_bytes
from geoseg.spec import SPEC_KEY, ModelSpec

SKIPPED = "num_batches_tracked"
"""A counter inside BatchNorm that prediction does not use."""


def save(path: str | Path, spec: ModelSpec, model: nn.Module, *, half: bool = False) -> None:
    """Write a model file, whole or not at all.

    Args:
        path: ends in `.safetensors`.
        spec: must describe the model.
        model: the weights.
        half: store convolution weights in 16 bits; BatchNorm stays in 32.

    Raises:
        OutputError: the file cannot be written.
    """
    weights = {
        name: _stored(tensor, half=half)
        for name, tensor in model.state_dict().items()
        if not name.endswith(SKIPPED)
    }
    write_tensors(path, weights, {SPEC_KEY: spec.to_json()})


def _stored(tensor: Tensor, *, half: bool) -> Tensor:
    kind = torch.float16 if half and tensor.ndim == 4 else torch.float32
    return tensor.detach().to("cpu", kind).contiguous()


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write tensors to a file, whole or not at all; the caller keeps other runs away."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        publish_bytes(path, to_bytes(dict(tensors), dict(metadata)))
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot write {path}: {error}") from error


def replace_spec(path: str | Path, spec: ModelSpec) -> None:
    """Give a model file another spec; its weights stay as they are.

    Raises:
        ModelError: it is not a model file.
        OutputError: the file cannot be written.
    """
    tensors, metadata = read_tensors(path)
    write_tensors(path, tensors, metadata | {SPEC_KEY: spec.to_json()})


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors and the metadata of a safetensors file.

    Raises:
        ModelError: there is no such file, or it is not safetensors.
    """
    with _opened(path) as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}
        return tensors, stored.metadata() or {}


def read_spec(path: str | Path) -> ModelSpec:
    """Read only the spec of a model file.

    Raises:
        ModelError: the file is not a geoseg model.
    """
    with _opened(path) as stored:
        metadata = stored.metadata() or {}
    return _spec_of(path, metadata)


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as stored:
            yield stored
    except FileNotFoundError as error:
        raise ModelError(f"no model file {path}") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} is not a model file (safetensors): {error}") from error


def _spec_of(path: str | Path, metadata: Mapping[str, str]) -> ModelSpec:
    if SPEC_KEY not in metadata:
        raise ModelError(f"{path} holds weights but no geoseg spec; import it: geoseg model import")
    return ModelSpec.from_json(metadata[SPEC_KEY])


def load(path: str | Path) -> tuple[ModelSpec, nn.Module]:
    """Read a model file: the spec, and the network in evaluation mode, in 32 bits.

    Raises:
        ModelError: the file is not a geoseg model, or its weights do not fit its spec.
    """
    weights, metadata = read_tensors(path)
    spec = _spec_of(path, metadata)
    model = build(
        spec.architecture, width=spec.width, bands=len(spec.bands), classes=len(spec.classes)
    )
    _fill(model, weights, f"{path} does not fit its own spec")
    return spec, model.eval()


def load_weights(model: nn.Module, source: str | Path) -> None:
    """Give a network the weights of a model file, or of a bundled model, in 32 bits.

    Raises:
        ModelError: there is no such model, or it is another network.
    """
    path = find_model(source)
    _fill(model, read_tensors(path)[0], f"the weights of {path} are not of this network")


def _fill(model: nn.Module, weights: Mapping[str, Tensor], complaint: str) -> None:
    wanted = {k: v for k, v in model.state_dict().items() if not k.endswith(SKIPPED)}
    for name in sorted(wanted.keys() | weights.keys()):
        shapes = [tuple(one[name].shape) if name in one else None for one in (wanted, weights)]
        if shapes[0] != shapes[1]:
            raise ModelError(f"{complaint}: {name} has shape {shapes[1]}, wanted {shapes[0]}")
    model.load_state_dict({name: one.float() for name, one in weights.items()}, strict=False)
