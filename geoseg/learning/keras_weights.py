"""Read the weights of the Keras U-Nets that ours descend from, through h5py alone.

Two layouts. Before Keras 3 (`.h5`, `.hdf5`): the attribute `layer_names` gives the order, each
layer's `weight_names` its arrays; a whole model keeps both under `model_weights`. Keras 3
(`.weights.h5`, and `.keras`, a zip with one inside): `layers/conv2d_7/vars/0`, counted per kind.
Only numbers are read: no configuration, no code, and no link that leads out of the file.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from geoseg.errors import ModelError
from geoseg.learning.extras import needed
from geoseg.learning.unet import OriginUNet, build

Arrays = list[NDArray[np.float32]]
SUFFIXES = (".hdf5", ".h5", ".keras")
"""Of the files that are read here."""
INSIDE = "model.weights.h5"
"""Name of the weights in a `.keras` file."""
MOST_VALUES = 1 << 26
"""Of one array; the largest of `unet-classic` has 4.7 million. More is a bomb, not a kernel."""
MOST_BYTES = 1 << 31
"""Of the weights in a `.keras` file, unpacked."""


@dataclass(frozen=True, slots=True)
class KerasLayers:
    """Arrays of a Keras model's layers, in the order in which they run."""

    convolutions: list[Arrays]
    """Kernel (rows, columns, inputs, outputs) and bias (outputs,) of each."""
    norms: list[Arrays]
    """gamma, beta, moving mean and moving variance, (filters,), of each."""


def read_keras(path: str | Path, architecture: str) -> nn.Module:
    """Build the network of a Keras weights file, in evaluation mode.

    Args:
        path: ends in `.hdf5`, `.h5` or `.keras`.
        architecture: `unet-origin` or `unet-classic`; width, bands and classes are the file's.

    Raises:
        ModelError: the file cannot be read, or holds another network; or h5py is not here.
    """
    layers = read_layers(path)
    if not layers.convolutions:
        raise ModelError(f"{path} holds no convolutions with a kernel and a bias")
    first, last = layers.convolutions[0][0], layers.convolutions[-1][0]
    network = build(
        architecture, width=first.shape[3], bands=first.shape[2], classes=last.shape[3]
    )
    if not isinstance(network, OriginUNet):
        raise ModelError(f"{architecture} has no Keras form; choose unet-origin or unet-classic")
    convolutions, norms = network.in_order()
    _check_count(path, architecture, "convolutions", len(layers.convolutions), len(convolutions))
    _check_count(path, architecture, "BatchNorm layers", len(layers.norms), len(norms))
    for number, (one, (kernel, bias)) in enumerate(zip(convolutions, layers.convolutions), 1):
        where = f"{path} is not {architecture}: convolution {number}"
        _fill(one.weight, kernel.transpose(3, 2, 0, 1), where)
        _fill(one.bias, bias, where)
    for number, (one, arrays) in enumerate(zip(norms, layers.norms), 1):
        fields = (one.weight, one.bias, one.running_mean, one.running_var)
        for tensor, array in zip(fields, arrays):
            _fill(tensor, array, f"{path} is not {architecture}: BatchNorm {number}")
    return network.eval()


def read_layers(path: str | Path) -> KerasLayers:
    """Read the convolutions and BatchNorm layers of a Keras file, in order.

    Raises:
        ModelError: it is no such file, or h5py is not here.
    """
    with _opened(Path(path)) as file:
        layers = [_arrays(path, one) for one in _layers(path, file)]
    kernels = [one for one in layers if len(one) == 2 and one[0].ndim == 4]
    norms = [one for one in layers if len(one) == 4 and all(array.ndim == 1 for array in one)]
    strange = [one for one in layers if one and not _is_in(one, kernels) and not _is_in(one, norms)]
    if strange:
        shapes = ", ".join(str(array.shape) for array in strange[0])
        raise ModelError(
            f"{path} has a layer with weights of shapes {shapes}; only Conv2D with a bias and "
            "BatchNormalization with scale and centre are known"
        )
    return KerasLayers(kernels, norms)


def _is_in(one: Arrays, many: list[Arrays]) -> bool:
    return any(one is other for other in many)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open the HDF5 file, or the one in a `.keras` zip."""
    h5py = needed("h5py", "keras", f"reading {path}")
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path} is no Keras weights file; they end in {', '.join(SUFFIXES)}")
    try:
        with h5py.File(_unzipped(path) if path.suffix == ".keras" else path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise ModelError(f"no weights file {path}") from error
    except (OSError, zipfile.BadZipFile, KeyError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be read as Keras weights: {error}") from error


def _unzipped(path: Path) -> io.BytesIO:
    with zipfile.ZipFile(path) as packed:
        size = packed.getinfo(INSIDE).file_size
        if size > MOST_BYTES:
            raise ModelError(f"{path} unpacks to {size} bytes, more than {MOST_BYTES}")
        return io.BytesIO(packed.read(INSIDE))


def _layers(path: str | Path, file: Any) -> Iterator[list[Any]]:
    """Give the datasets of each layer, in the order in which the layers run."""
    root = _group(path, file, "model_weights") if "model_weights" in file else file
    if "layer_names" in root.attrs:
        for name in map(_text, root.attrs["layer_names"]):
            layer = _group(path, root, name)
            yield [_inside(path, layer, _text(one)) for one in layer.attrs["weight_names"]]
    elif "layers" in file:
        layers = _group(path, file, "layers")
        for name in sorted(layers, key=_counted):
            variables = _group(path, layers, f"{name}/vars")
            yield [_inside(path, variables, one) for one in sorted(variables, key=_counted)]
    else:
        raise ModelError(f"{path} is HDF5, but holds no Keras layers")


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _counted(name: str) -> tuple[str, int]:
    """Sort `conv2d`, `conv2d_1`, ..., `conv2d_10` as they were made."""
    kind, number = re.fullmatch(r"(.*?)_?(\d*)", name).groups()
    return kind, int(number or 0)


def _group(path: str | Path, group: Any, name: str) -> Any:
    found = _inside(path, group, name)
    if not hasattr(found, "keys"):
        raise ModelError(f"{path} is no Keras weights file: {name} is no group")
    return found


def _inside(path: str | Path, group: Any, name: str) -> Any:
    """Follow a name through groups; a link to another place or file is refused."""
    for part in name.split("/"):
        link = group.get(part, getlink=True) if hasattr(group, "keys") else None
        if link is None:
            raise ModelError(f"{path} names weights that it does not hold: {name}")
        if type(link).__name__ != "HardLink":
            raise ModelError(f"{path} links to another place or file: {name}; refused")
        group = group[part]
    return group


def _arrays(path: str | Path, datasets: list[Any]) -> Arrays:
    """Read a layer's arrays, all of them inside the file."""
    for one in datasets:
        if getattr(one, "dtype", np.dtype("O")).kind != "f":
            raise ModelError(f"{path} is no Keras weights file: {one.name} holds no numbers")
        if one.external or one.is_virtual:
            raise ModelError(f"{path} keeps {one.name} in another file; refused")
        if one.size > MOST_VALUES:
            raise ModelError(f"{path} says that {one.name} has {one.size} values; refused")
    return [one[()].astype(np.float32) for one in datasets]


def _check_count(
    path: str | Path, architecture: str, what: str, found: int, wanted: int
) -> None:
    if found != wanted:
        raise ModelError(f"{path} is not {architecture}: it has {found} {what}, wanted {wanted}")


def _fill(tensor: torch.Tensor, array: NDArray[np.float32], where: str) -> None:
    if tensor.shape != array.shape:
        raise ModelError(f"{where} has shape {array.shape}, wanted {tuple(tensor.shape)}")
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(array)))
