"""Convolve 3x3 with a quarter of the multiplications, on the CPU.

Four by four outputs are made at a time, from six by six pixels. Each of these pixels may touch the
last bit of each output, more than the nine that decide it; `cone` takes that into account.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import record_function

from geoseg import object_code
from geoseg.learning.convolution import kernels_code, llvm_writer, winograd_code
from geoseg.learning.convolution.winograd_code import (
    ADDRESSES, FILTERS, INTEGERS, NAME, PATCH, TILE,
)

TO_POINTS = torch.tensor(kernels_code.TO_POINTS, dtype=torch.float64)
"""A kernel's three weights as six points."""


@functools.cache
def is_possible() -> bool:
    """Tell whether this processor multiplies and adds in one step; LLVM would call a function."""
    return platform.machine() in {"aarch64", "arm64"} or object_code.has_feature("fma")


class WinogradConvolution(nn.Module):
    """A 3x3 convolution of float32 on the CPU, then ReLU; nothing is added around its input.

    Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Take over weights.

        Args:
            convolution: 3x3 with a bias, filters and channels in multiples of `FILTERS`.
        """
        super().__init__()
        self.filters, self.channels = convolution.out_channels, convolution.in_channels
        kernels = convolution.weight.detach().double().reshape(-1, 9)
        points = kernels @ torch.kron(TO_POINTS, TO_POINTS).T
        parted = points.reshape(self.filters // FILTERS, FILTERS, self.channels, PATCH**2)
        self.matrices = parted.permute(3, 0, 2, 1).float().contiguous()
        self.bias = convolution.bias.detach().float().clone()

    def forward(
        self,
        pixels: Tensor,
        shape: tuple[int, int],
        offset: int = 0,
        *,
        coarse: Tensor | None = None,
        coarse_offset: int = 0,
    ) -> Tensor:
        """Convolve.

        Args:
            pixels: (n, channels, rows, cols), channels last.
            shape: rows and columns of the output, multiples of `TILE`.
            offset: row and column of pixels where the first output's nine begin.
            coarse: (n, channels, rows, cols), channels last, of half the resolution: each pixel
                counts as four, and its channels follow those of pixels.
            coarse_offset: where the first output's nine begin there, in pixels of full resolution.

        Returns:
            (n, filters, *shape), channels last.
        """
        n, last = len(pixels), torch.channels_last
        out = torch.empty((n, self.filters, *shape), memory_format=last)
        inputs = [pixels, pixels[:, :0] if coarse is None else coarse]
        assert pixels.shape[1] + inputs[1].shape[1] == self.channels
        assert _holds(pixels, shape, offset)
        assert coarse is None or _holds(coarse, shape, coarse_offset, scale=2)
        arrays = [one.contiguous(memory_format=last) for one in inputs] + [out]
        sizes = [
            size for one, first in zip(arrays, (offset, coarse_offset))
            for size in (one.shape[3], first, one.shape[1])
        ]

        def run(image: int, start: int, stop: int) -> None:
            room = torch.empty(winograd_code.scratch_size(self.channels, self.filters))
            places = [one[image].data_ptr() for one in arrays]
            rest = [one.data_ptr() for one in (self.matrices, self.bias, room)]
            _function(lanes())(*places, *rest, *sizes, shape[1], self.filters, start, stop)

        with record_function(f"winograd {self.channels} -> {self.filters}"):
            _in_bands(run, n, shape[0] // TILE)
        return out


def _holds(pixels: Tensor, shape: tuple[int, int], offset: int, *, scale: int = 1) -> bool:
    """Tell whether nothing beyond an input is read."""
    room = (scale * side - offset for side in pixels.shape[2:])
    return all(side + PATCH - TILE <= one for side, one in zip(shape, room))


def _in_bands(run: Callable[[int, int, int], None], images: int, rows: int) -> None:
    """Make all rows of tiles of some images, on the threads that torch uses."""
    threads = torch.get_num_threads()
    bands = list(pairwise(rows * i // threads for i in range(threads + 1)))
    if threads == 1:
        for image in range(images):
            run(image, 0, rows)
        return
    workers = _pool(threads)
    work = [workers.submit(run, image, *band) for image in range(images) for band in bands]
    for one in work:
        one.result()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "winograd")


@functools.cache
def lanes() -> int:
    """Count the float32 numbers of the widest registers here."""
    return 16 if object_code.has_feature("avx512f") else 8


@functools.cache
def _function(lanes: int) -> Callable[..., None]:
    texts = [Path(one.__file__).read_bytes() for one in (winograd_code, llvm_writer)]
    version = f"{hashlib.sha256(b''.join(texts)).hexdigest()[:16]}.{lanes}"
    address = object_code.address(NAME, version, lambda: winograd_code.write(lanes))
    kinds = [ctypes.c_void_p] * len(ADDRESSES) + [ctypes.c_int64] * len(INTEGERS)
    return ctypes.CFUNCTYPE(None, *kinds)(address)
