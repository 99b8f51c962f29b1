"""Run a network on its device: raw pixels in, stored probabilities out.

The same pixels give the same bytes whatever the tile and the batch they come in.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from geoseg.errors import MemoryBudgetError
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import load
from geoseg.learning.cone import Cone, is_quick
from geoseg.learning.devices import choose_device, numbers, repeat_sums, use_threads
from geoseg.learning.fit import check_fit
from geoseg.learning.fused import fuse
from geoseg.learning.lanes import Lane
from geoseg.learning.profile import Trace, tracing
from geoseg.learning.scaling import scaled
from geoseg.memory import keep_freed_memory, return_freed_memory
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE, ModelSpec
from geoseg.tiling import inside

log = logging.getLogger(__name__)

MOVED_AS_IS = {"uint8", "int8", "int16", "uint16", "int32", "float32"}
"""dtypes that travel to the device raw; others become float32 before."""

CONE_BYTES = 21
"""What the cone works in, per pixel of a tile and filter of the first level; measured 17 (a tile of
2304) to 21."""
LANES = 2
"""Batches on a GPU at a time: one is computed while the next one is copied."""
CPU_FULL = "DefaultCPUAllocator: can't allocate memory"
"""torch 2.13 has no class for this error, only its text."""


class Predictor:
    """A network, ready on its device.

    Attributes:
        spec: of the model.
        device: where it runs.
        in_flight: how many threads may call `predict` at a time: 1 on the CPU.
    """

    packages = ()
    """Further packages whose versions may change a result's last bit."""

    def __init__(
        self,
        model: str | Path | tuple[ModelSpec, nn.Module],
        *,
        device: str = "auto",
        threads: int | None = None,
        precision: str = "fp32",
    ) -> None:
        """Load a model.

        Args:
            model: file, name of a bundled model, or a spec with its network.
            device: `auto`, `cpu`, `cuda` or `cuda:1`.
            threads: CPU threads; None for as many as this process may use.
            precision: numbers to compute in: fp32, bf16 or fp16. fp32 is IEEE on every device:
                TF32 is off.

        Raises:
            ModelError: the file is not a model.
            OptionError: the device is not here, or there is no such precision.
        """
        self.spec, network = model if isinstance(model, tuple) else load(find_model(model))
        self.device = torch.device(choose_device(device))
        self._numbers = numbers(precision, self.device.type)
        use_threads(threads)
        self._fitting = sys.maxsize
        self._trace: Trace | None = None
        self.in_flight = 1
        usual = self.device.type == "cpu" and self._numbers == torch.float32 and self.spec.exact
        self._cone = Cone(network.eval()) if usual and is_quick(network) else None
        self._trained: nn.Module | None = network
        if self.device.type == "cpu":
            keep_freed_memory()
        else:
            torch.backends.cudnn.allow_tf32 = False
            repeat_sums()
            self._open_lanes()

    def _open_lanes(self) -> None:
        self.in_flight = LANES
        self._lanes: SimpleQueue[Lane] = SimpleQueue()
        for _ in range(LANES):
            self._lanes.put(Lane(self._stored, self.device))

    @functools.cached_property
    def _network(self) -> nn.Module:
        """The network for all that the cone does not take."""
        whole = fuse(self._trained)
        return whole.to(self.device, self._numbers, memory_format=torch.channels_last)

    @property
    def halo(self) -> int:
        """Pixels around a core that it is best shown: the spec's, or as far as it looks."""
        return self.spec.halo if self._cone is None else max(self.spec.halo, self._cone.halo)

    @property
    def activation_bytes(self) -> int | None:
        """What it works in, per pixel of a tile and filter of the first level, if known."""
        return None if self._cone is None else CONE_BYTES

    def predict(
        self,
        batch: NDArray[np.generic],
        valid: NDArray[np.bool_],
        *,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        halo: int = 0,
    ) -> NDArray[np.uint8]:
        """Predict stored probabilities.

        Args:
            batch: (n, bands, rows, cols) raw pixels of any real dtype; rows and columns are
                multiples of the model's divisor.
            valid: (n, rows, cols), True where data is good.
            low: (bands,) raw value that becomes 0.
            high: (bands,) raw value that becomes 1.
            halo: pixels along each side that are shown only, and not answered for.

        Returns:
            (n, classes, rows - 2 halo, cols - 2 halo) uint8: round(p * 254), 255 where not valid.

        Raises:
            ModelError: the batch does not have the model's bands, or its sides do not fit.
            MemoryBudgetError: not even one tile fits into the device's memory.
        """
        check_fit(self.spec, batch.shape)
        answer = self._in_parts(batch, valid, low, high, halo)
        if self._trace is not None:
            self._trace.step()
        return answer

    def probabilities(
        self,
        batch: NDArray[np.generic],
        valid: NDArray[np.bool_],
        *,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        halo: int = 0,
    ) -> NDArray[np.float32]:
        """Predict probabilities, float32; arguments and shape as of `predict`.

        Raises:
            ModelError: the batch does not fit the model.
        """
        check_fit(self.spec, batch.shape)
        with torch.inference_mode():
            tensors = map(self._moved, _plain(batch, valid, low, high))
            return self._probabilities(*tensors, halo).cpu().numpy()

    @contextmanager
    def profiling(self, path: str | Path | None) -> Iterator[None]:
        """Write a trace of the first batches that are predicted inside; None does nothing.

        Raises:
            OutputError: the trace cannot be written.
        """
        if path is None:
            yield
            return
        in_flight, self.in_flight = self.in_flight, 1  # the profiler sees one thread
        try:
            with tracing(path, self.device.type) as self._trace:
                yield
        finally:
            self._trace, self.in_flight = None, in_flight

    def close(self) -> None:
        """Let go of the network and the memory that it worked in; nothing can be predicted then."""
        self._trained = self._cone = None
        self.__dict__.pop("_network", None)
        if self.device.type == "cuda":
            self._lanes = SimpleQueue()
            torch.cuda.empty_cache()
        return_freed_memory()

    def _in_parts(
        self,
        batch: NDArray[np.generic],
        valid: NDArray[np.bool_],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        halo: int,
    ) -> NDArray[np.uint8]:
        """Predict at once, or in parts where the device's memory is too small."""
        if len(batch) > self._fitting:
            parts = [slice(i, i + self._fitting) for i in range(0, len(batch), self._fitting)]
            return np.concatenate(
                [self._in_parts(batch[p], valid[p], low, high, halo) for p in parts]
            )
        try:
            return self._run(*_plain(batch, valid, low, high), halo=halo)
        except (torch.OutOfMemoryError, MemoryError) as error:
            failed = str(error)  # the traceback would keep the memory: retry outside
        except RuntimeError as error:
            if CPU_FULL not in str(error):
                raise
            failed = CPU_FULL
        self._halve(batch.shape, failed)
        return self._in_parts(batch, valid, low, high, halo)

    def _halve(self, shape: tuple[int, ...], failed: str) -> None:
        """Remember that so many tiles do not fit.

        Raises:
            MemoryBudgetError: it was one tile.
        """
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if shape[0] == 1:
            reason = (failed.splitlines() or ["out of memory"])[0]
            raise MemoryBudgetError(
                f"a tile of {shape[-1]} x {shape[-2]} pixels does not fit into the device's "
                f"memory ({reason}); use a smaller --tile"
            )
        self._fitting = shape[0] // 2
        log.warning(
            "out of memory: batches of %d tiles, not %d, from now on", self._fitting, shape[0]
        )

    def _run(self, *arrays: NDArray[np.generic], halo: int) -> NDArray[np.uint8]:
        """Run the step of a batch on the device."""
        if self.device.type == "cpu":
            with torch.inference_mode():
                return self._stored(*map(self._moved, arrays), halo).numpy()
        lane = self._lanes.get()
        try:
            return inside(lane.run(*arrays), halo)
        finally:
            self._lanes.put(lane)

    def _stored(
        self, raw: Tensor, good: Tensor, low: Tensor, high: Tensor, halo: int = 0
    ) -> Tensor:
        """Give stored probabilities of tensors on the device."""
        shares = self._probabilities(raw, good, low, high, halo).mul_(PROBABILITY_SCALE)
        bad = (~inside(good, halo)[:, None]).view(torch.uint8) * PROBABILITY_NODATA
        return shares.round_().to(torch.uint8).bitwise_or_(bad)  # a sixth of masked_fill's time

    def _probabilities(
        self, raw: Tensor, good: Tensor, low: Tensor, high: Tensor, halo: int
    ) -> Tensor:
        """Scale on the device, and run the network."""
        if self._cone is not None and self._cone.fits(raw.shape, halo):
            network, unseen, left = self._cone, halo - self._cone.margin, 0
            raw, good = inside(raw, unseen), inside(good, unseen)
        else:
            network, left = self._network, halo
        pixels = scaled(raw.to(torch.float32), good, low, high)
        pixels = pixels.to(self._numbers, memory_format=torch.channels_last)
        return torch.sigmoid(inside(network(pixels), left).float().contiguous())

    def _moved(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self.device)


def _plain(
    batch: NDArray[np.generic], valid: NDArray[np.bool_], *ends: NDArray[np.float64]
) -> tuple[NDArray[np.generic], ...]:
    """Give arrays that torch takes."""
    raw = batch if batch.dtype.name in MOVED_AS_IS else batch.astype(np.float32)
    return np.ascontiguousarray(raw), np.ascontiguousarray(valid), *map(np.float32, ends)
