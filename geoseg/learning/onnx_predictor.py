"""Run an ONNX segmentation model where the engine wants a predictor; torch has no part in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import MemoryBudgetError, ModelError, OptionError
from geoseg.learning.extras import needed
from geoseg.learning.fit import check_fit
from geoseg.learning.onnx_files import OnnxModel, read_onnx
from geoseg.learning.scaling import scaled
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE
from geoseg.tiling import inside

FULL = "Failed to allocate memory"
"""onnxruntime 1.32 has no class for this error, only its text."""
SLACK = 1e-3
"""A probability this little out of 0 to 1 is rounding; more is no probability."""


class OnnxPredictor:
    """An ONNX model, ready on its device.

    Attributes:
        spec: of the model.
        device: where it runs.
    """

    packages = ("onnxruntime",)
    """Whose versions may change a result's last bit."""

    def __init__(
        self, model: str | Path, *, device: str = "auto", threads: int | None = None
    ) -> None:
        """Load a model.

        Args:
            model: `.onnx` file.
            device: `auto`, `cpu`, `cuda` or `cuda:1`.
            threads: CPU threads; None leaves onnxruntime's choice.

        Raises:
            ModelError: the file is no model, or has operators that onnxruntime does not know.
            OptionError: the device is not here.
        """
        self._path = model
        self._model: OnnxModel = read_onnx(model)
        self.spec = self._model.spec
        self.halo, self.activation_bytes = self.spec.halo, None
        runtime = needed("onnxruntime", "onnx", f"running {model}")
        self.device = _choose_device(device, runtime.get_available_providers())
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        self._errors = _errors(model)
        try:
            self._session = runtime.InferenceSession(
                self._model.content, options, providers=[_provider(self.device)]
            )
        except self._errors as error:
            raise ModelError(f"{model} cannot be run by onnxruntime: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def predict(
        self,
        batch: NDArray[np.generic],
        valid: NDArray[np.bool_],
        *,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        halo: int = 0,
    ) -> NDArray[np.uint8]:
        """Predict stored probabilities; arguments and result as in `geoseg.inference.Predictor`.

        Raises:
            ModelError: the batch does not fit the model, or the model gives no probabilities.
            MemoryBudgetError: a tile does not fit into memory.
        """
        found = inside(self.probabilities(batch, valid, low=low, high=high), halo)
        stored = np.round(found * PROBABILITY_SCALE).astype(np.uint8)
        return np.where(inside(valid, halo)[:, None], stored, np.uint8(PROBABILITY_NODATA))

    def probabilities(
        self,
        batch: NDArray[np.generic],
        valid: NDArray[np.bool_],
        *,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Predict probabilities, (n, classes, rows, cols) float32, not valid pixels included.

        Raises:
            ModelError: the batch does not fit the model, or the model gives no probabilities.
            MemoryBudgetError: a tile does not fit into memory.
        """
        check_fit(self.spec, batch.shape)
        pixels = scaled(batch.astype(np.float32), valid, np.float32(low), np.float32(high))
        size = self._model.batch or len(pixels)
        parts = [self._run(pixels[i : i + size], size) for i in range(0, len(pixels), size)]
        return np.concatenate(parts)

    @contextmanager
    def profiling(self, path: str | Path | None) -> Iterator[None]:
        """Do nothing; a trace is of torch.

        Raises:
            OptionError: one is wanted.
        """
        if path is not None:
            raise OptionError(f"{self._path} runs without torch, which --profile traces; leave it")
        yield

    def close(self) -> None:
        """Give the network's memory back; it cannot predict any more."""
        del self._session

    def _run(self, pixels: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """Run one batch of the size that the model takes, and choose the channels."""
        count = len(pixels)
        if count < size:
            pixels = np.concatenate([pixels, np.repeat(pixels[:1], size - count, axis=0)])
        try:
            answers = self._session.run(None, {self._input: pixels})
        except self._errors as error:
            if FULL in str(error):
                raise MemoryBudgetError(
                    f"a tile of {pixels.shape[3]} x {pixels.shape[2]} pixels does not fit into "
                    "memory; use a smaller --tile"
                ) from error
            raise ModelError(f"{self._path} failed on a tile: {error}") from error
        maps = [one[:, None] if one.ndim == 3 else one for one in answers]
        channels = np.concatenate(maps, axis=1)[:count]
        self._check_answer(channels, pixels.shape)
        chosen = [
            channels[:, one] if one >= 0 else 1 - channels[:, -1 - one]
            for one in self._model.channels
        ]
        return np.stack(chosen, axis=1).astype(np.float32).clip(0, 1)

    def _check_answer(self, channels: NDArray[np.generic], shape: tuple[int, ...]) -> None:
        if channels.shape[2:] != shape[2:]:
            raise ModelError(
                f"{self._path} answers {channels.shape[3]} x {channels.shape[2]} pixels for a tile "
                f"of {shape[3]} x {shape[2]}; wanted as many"
            )
        lowest, highest = float(channels.min()), float(channels.max())
        if not (-SLACK <= lowest and highest <= 1 + SLACK):
            raise ModelError(
                f"{self._path} answers values from {lowest:.3g} to {highest:.3g}, wanted "
                "probabilities of 0 to 1; export it with its sigmoid or softmax"
            )


def _errors(model: str | Path) -> tuple[type[Exception], ...]:
    """Give onnxruntime's errors, which share no class."""
    state = needed("onnxruntime.capi.onnxruntime_pybind11_state", "onnx", f"running {model}")
    found = [one for one in vars(state).values() if isinstance(one, type)]
    return tuple(one for one in found if issubclass(one, Exception))


def _choose_device(name: str, providers: list[str]) -> str:
    """Choose a device that onnxruntime has.

    Raises:
        OptionError: it has not.
    """
    here = "CUDAExecutionProvider" in providers
    if name == "auto":
        return "cuda" if here else "cpu"
    if name.startswith("cuda") and not here:
        raise OptionError(
            f"onnxruntime has no CUDA for --device {name}; use cpu, or install onnxruntime-gpu"
        )
    if name != "cpu" and not name.startswith("cuda"):
        raise OptionError(f"no device {name!r}; choose auto, cpu or cuda")
    return name


def _provider(device: str) -> str | tuple[str, dict[str, str]]:
    if device == "cpu":
        return "CPUExecutionProvider"
    return "CUDAExecutionProvider", {"device_id": device.partition(":")[2] or "0"}
