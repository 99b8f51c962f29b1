"""Write a network as one ONNX file that geoseg, onnxruntime and the Deepness plugin of QGIS read.

Every class is an output of its own, (tiles, 1, rows, columns) of probabilities, as Deepness wants
classes that may overlap; its reader also asks for a fixed size of tile.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from geoseg.errors import ModelError, OptionError
from geoseg.learning.extras import needed
from geoseg.learning.onnx_files import CHANNELS_KEY
from geoseg.learning.onnx_predictor import OnnxPredictor
from geoseg.spec import SPEC_KEY, ModelSpec

OPSET = 18
"""Version of the operators: onnxruntime 1.14 and later."""
TILE = 640
"""Default side of a tile: 30 % of overlap is 2 x 96 pixels, the halo of `unet`, and the stride is
a multiple of 16, so Deepness is exact too."""
TOLERANCE = 1e-4
"""Largest difference from torch in a probability."""


class _Answers(nn.Module):
    """A network with one output of probabilities per class."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return torch.sigmoid(self.network(pixels)).split(1, dim=1)


def write_onnx(path: Path, spec: ModelSpec, network: nn.Module, *, tile: int | None = TILE) -> None:
    """Write a network and its spec as ONNX, in one file.

    Args:
        path: to write; must not exist.
        spec: of the network.
        network: in evaluation mode, on the CPU, in 32 bits.
        tile: side of the only tile that it will take, halo included; None for any.

    Raises:
        OptionError: the tile does not fit the network.
        ModelError: onnx is not installed, or torch cannot export this network.
    """
    needed("onnxscript", "onnx", "writing ONNX")
    onnx = needed("onnx", "onnx", "writing ONNX")
    if tile is not None and (tile % spec.divisor or tile <= 2 * spec.halo):
        raise OptionError(
            f"a tile of {tile} pixels does not fit the model: it must be a multiple of "
            f"{spec.divisor} and more than twice the halo of {spec.halo}"
        )
    side = tile or 2 * spec.divisor
    example = torch.zeros(2, len(spec.bands), side, side)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own deprecations inside its exporter
        program = torch.onnx.export(
            _Answers(network).eval(), (example,), None, dynamo=True, verbose=False,
            opset_version=OPSET, input_names=["pixels"],
            output_names=[one.name for one in spec.classes],
            dynamic_shapes=(_free(spec.divisor, any_size=tile is None),),
        )
    model = program.model_proto
    onnx.helper.set_model_props(model, metadata(spec, tile))
    onnx.save_model(model, path, save_as_external_data=False)


def write_with_spec(
    path: Path, content: bytes, spec: ModelSpec, channels: Sequence[int]
) -> None:
    """Write the bytes of an ONNX model again, with a spec among its metadata."""
    onnx = needed("onnx", "onnx", "writing ONNX")
    model = onnx.load_model_from_string(content)
    said = {one.key: one.value for one in model.metadata_props}
    said |= {SPEC_KEY: spec.to_json(), CHANNELS_KEY: json.dumps(list(channels))}
    onnx.helper.set_model_props(model, said)
    path.write_bytes(model.SerializeToString())


def _free(divisor: int, *, any_size: bool) -> dict[int, object]:
    """Say which sides of the input are free."""
    free: dict[int, object] = {0: torch.export.Dim("tiles")}
    if any_size:
        free |= {2: divisor * torch.export.Dim("rows"), 3: divisor * torch.export.Dim("cols")}
    return free


def metadata(spec: ModelSpec, tile: int | None) -> dict[str, str]:
    """Say what a model is, for geoseg and for Deepness.

    Deepness divides pixels by 255 before it standardizes them: mean and deviation are such that
    a band's low becomes 0 and its high 1. Resolution is in centimetres, overlap in percent.

    Source: PUTvision/qgis-plugin-deepness, model_base.py; its documentation says `tiles_size`, its
    reader `tile_size`: both are given.
    """
    side = tile or TILE
    values = {
        "model_type": "Segmentor",
        "class_names": [{"0": one.name} for one in spec.classes],
        "resolution": round(100 * math.sqrt(spec.resolution[0] * spec.resolution[1]), 1),
        "tile_size": side,
        "tiles_size": side,
        "tiles_overlap": math.ceil(200 * spec.halo / side),
        "standardization_mean": [one.low / 255 for one in spec.bands],
        "standardization_std": [(one.high - one.low) / 255 for one in spec.bands],
        "seg_thresh": spec.instances.parcel,
        "seg_small_segment": 0,
        CHANNELS_KEY: list(range(len(spec.classes))),
    }
    return {key: json.dumps(value) for key, value in values.items()} | {SPEC_KEY: spec.to_json()}


def difference(path: Path, spec: ModelSpec, network: nn.Module) -> float:
    """Give the largest difference of probabilities between the ONNX file and the network.

    Raises:
        ModelError: it is more than `TOLERANCE`.
    """
    predictor = OnnxPredictor(path, device="cpu")
    side = predictor.spec.tile or 4 * spec.divisor
    pixels = np.random.default_rng(0).random((1, len(spec.bands), side, side), np.float32)
    unit = np.zeros(len(spec.bands)), np.ones(len(spec.bands))
    valid = np.ones((1, side, side), bool)
    found = predictor.probabilities(pixels, valid, low=unit[0], high=unit[1])
    with torch.inference_mode():
        wanted = torch.sigmoid(network(torch.from_numpy(pixels))).numpy()
    gap = float(np.abs(found - wanted).max())
    if gap > TOLERANCE:
        raise ModelError(
            f"the ONNX file differs from the model by {gap:.2g}, more than {TOLERANCE:g}: "
            "not written"
        )
    return gap
