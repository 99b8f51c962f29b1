"""Model files of every kind: read the spec of one, or make it a predictor."""

from __future__ import annotations

from pathlib import Path

from geoseg.errors import OptionError
from geoseg.learning import checkpoint
from geoseg.learning.onnx_files import inspect, read_onnx
from geoseg.learning.onnx_predictor import OnnxPredictor
from geoseg.learning.predictor import Predictor
from geoseg.spec import ModelSpec


def is_onnx(path: str | Path) -> bool:
    """Tell an ONNX file by its name."""
    return Path(path).suffix.lower() == ".onnx"


def read_spec(path: str | Path) -> ModelSpec:
    """Read only the spec of a model file.

    Raises:
        ModelError: the file is no model.
    """
    return read_onnx(path).spec if is_onnx(path) else checkpoint.read_spec(path)


def count_weights(path: str | Path) -> int:
    """Count the numbers that a model file holds, statistics and constants included.

    Raises:
        ModelError: the file is no model.
    """
    if is_onnx(path):
        return inspect(path)[1].weights
    return sum(one.numel() for one in checkpoint.read_tensors(path)[0].values())


def open_predictor(
    path: str | Path, *, device: str = "auto", threads: int | None = None,
    precision: str = "fp32",
) -> Predictor | OnnxPredictor:
    """Make a model file ready on a device.

    Raises:
        ModelError: the file is no model.
        OptionError: the device is not here, or the file computes in other numbers.
    """
    if not is_onnx(path):
        return Predictor(path, device=device, threads=threads, precision=precision)
    if precision != "fp32":
        raise OptionError(
            f"{path} computes in the numbers that it was exported with; leave --precision at fp32"
        )
    return OnnxPredictor(path, device=device, threads=threads)
