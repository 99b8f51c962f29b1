"""Ways through the GPU: while one batch is computed, the next one is copied.

A *lane* owns a stream, pinned buffers and a captured graph of the whole step (scale, network,
sigmoid, rounding) for one shape, so the loop allocates nothing, launches one graph per batch, and
never waits for the device but for the batch that its thread needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Step = Callable[..., Tensor]
"""Tensors on the device in, one tensor on the device out."""
WARM_UP = 3
"""Runs before a capture, so that cuDNN has chosen its kernels and workspaces."""

_capturing = threading.Lock()
"""One capture at a time in a process."""


class Lane:
    """One batch at a time, on its own stream."""

    def __init__(self, step: Step, device: torch.device) -> None:
        self._step, self._device = step, device
        self._stream = torch.cuda.Stream(device)
        self._arrived = torch.cuda.Event(blocking=True)  # sleeps: the reader needs the processor
        self._key: object = None

    def run(self, *arrays: NDArray[np.generic]) -> NDArray[np.generic]:
        """Run the step on arrays; their shapes and dtypes should be the same at every call.

        Raises:
            torch.OutOfMemoryError: the device is full; the lane has let go of its buffers.
        """
        key = tuple((one.shape, one.dtype) for one in arrays)
        if key != self._key:
            self._prepare(arrays)
            self._key = key
        for pinned, one in zip(self._pinned, arrays, strict=True):
            pinned.numpy()[...] = one
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            for inside, pinned in zip(self._inside, self._pinned, strict=True):
                inside.copy_(pinned, non_blocking=True)
            self._graph.replay()
            self._result.copy_(self._outside, non_blocking=True)
            self._arrived.record(self._stream)
        self._arrived.synchronize()
        return self._result.numpy().copy()

    def _prepare(self, arrays: tuple[NDArray[np.generic], ...]) -> None:
        """Make buffers, and capture the step for their shapes."""
        self._key = self._graph = self._inside = self._outside = None
        tensors = [torch.from_numpy(np.ascontiguousarray(one)) for one in arrays]
        with _capturing, torch.inference_mode(), torch.cuda.device(self._device):
            self._pinned = [torch.empty_like(one).pin_memory() for one in tensors]
            inside = [one.to(self._device) for one in tensors]
            torch.cuda.synchronize()
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UP):
                    outside = self._step(*inside)
            self._stream.synchronize()
            self._result = torch.empty(outside.shape, dtype=outside.dtype).pin_memory()
            del outside
            torch.cuda.empty_cache()  # the graph takes its memory from a pool of its own
            graph = torch.cuda.CUDAGraph()
            # Another lane may be running: only what this thread does is captured.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                outside = self._step(*inside)
        self._inside, self._outside, self._graph = inside, outside, graph
