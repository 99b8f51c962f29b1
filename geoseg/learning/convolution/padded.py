"""Learn 3x3 convolutions with a quarter of the multiplications, on the CPU.

Outputs and gradients are torch's up to rounding; weights and layers stay as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from geoseg.learning.convolution import kernels_code, padded_code, team, winograd
from geoseg.learning.convolution.padded_code import COMPARE, CONVOLVE
from geoseg.learning.convolution.team import Piece
from geoseg.learning.convolution.winograd_code import FILTERS, PATCH, TILE

LAST = torch.channels_last
EVEN = 12
"""Tiles per thread are multiples of this: as many are multiplied at a time in wide registers."""
COLUMNS = 4096
"""Kernels' weights per thread are multiples of this: less is not worth a thread."""
SUMMED = 1020
"""Tiles whose products go into one sum: shorter sums, and sums of them, are rounded less."""
LEAST = 32
"""Tiles; with fewer, turning the kernels into points costs more than is saved."""


def convolve(layer: nn.Module, pixels: Tensor) -> Tensor:
    """Convolve for learning: as the layer does, and quicker where that is possible.

    Args:
        layer: a convolution, or what took its place.
        pixels: (n, channels, rows, cols).

    Returns:
        (n, filters, rows, cols), channels last if the pixels are.
    """
    if not _is_quick(layer, pixels):
        return layer(pixels)
    found = _Convolution.apply(pixels, layer.weight)
    return found if layer.bias is None else found.add_(layer.bias[:, None, None])


def _is_usual(layer: nn.Module, pixels: Tensor) -> bool:
    """Tell whether a layer learns in float32 on the CPU, channels last, and nobody listens in."""
    return (
        layer.training and pixels.is_contiguous(memory_format=LAST) and pixels.numel() > 0
        and all(one.device.type == "cpu" and one.dtype == torch.float32 for one in (
            pixels, layer.weight
        ))
        and not torch.is_autocast_enabled("cpu") and not layer._forward_hooks
        and winograd.is_possible()
    )


def _is_quick(layer: nn.Module, pixels: Tensor) -> bool:
    """Tell whether a layer can be computed here."""
    if type(layer) is not nn.Conv2d:
        return False
    form = layer.kernel_size, layer.padding, layer.stride, layer.dilation, layer.groups
    return (
        form == ((3, 3), (1, 1), (1, 1), (1, 1), 1) and layer.padding_mode == "zeros"
        and layer.in_channels % FILTERS == 0 and layer.out_channels % FILTERS == 0
        and _is_usual(layer, pixels) and _tiles(pixels) >= LEAST
    )


class _Convolution(torch.autograd.Function):
    """A 3x3 convolution of float32 on the CPU, with zeros around its input.

    Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
    """

    @staticmethod
    def forward(context: Any, pixels: Tensor, kernels: Tensor) -> Tensor:
        """Convolve (n, channels, rows, cols) with (filters, channels, 3, 3)."""
        context.save_for_backward(pixels, kernels)
        out, pieces = _convolved(pixels, _matrices(kernels), kernels.shape[0])
        team.run(pieces, _scratch(kernels))
        return out

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Give the gradients of the pixels and of the kernels."""
        pixels, kernels = context.saved_tensors
        gradients = gradients.contiguous(memory_format=LAST)
        wants_pixels, wants_kernels = context.needs_input_grad
        found = sums = None
        pieces: list[Piece] = []
        if wants_pixels:
            turned = _turned_matrices(kernels)
            found, pieces = _convolved(gradients, turned, kernels.shape[1])
        if wants_kernels:
            sums, more = _compared(pixels, gradients)
            pieces = [*pieces, *more]
        team.run(pieces, _scratch(kernels))
        return found, None if sums is None else _kernels(sums, kernels.shape)


def _scratch(kernels: Tensor) -> int:
    return padded_code.scratch_size(*kernels.shape[:2])


def _matrices(kernels: Tensor) -> Tensor:
    """Turn (filters, channels, 3, 3) into points, (36, filters / 16, channels, 16)."""
    parted = kernels.flatten(2).unflatten(0, (-1, FILTERS)).permute(3, 0, 2, 1)
    return _points(parted.reshape(9, -1).contiguous())


def _turned_matrices(kernels: Tensor) -> Tensor:
    """The same of the kernels turned round, from filters to channels."""
    parted = kernels.flatten(2).unflatten(1, (-1, FILTERS)).permute(3, 1, 0, 2)
    return _points(parted.reshape(9, -1).contiguous(), turned=True)


def _points(kernels: Tensor, *, turned: bool = False) -> Tensor:
    """Turn (9, size) into points, (36, size)."""
    size = kernels.shape[1]
    points = torch.empty(PATCH**2, size)
    arrays = kernels[-1] if turned else kernels, points
    numbers = size, -size if turned else size, 1, 0
    parts = team.parted(size, COLUMNS)
    team.run(team.pieces(kernels_code, kernels_code.TURN, arrays, numbers, parts))
    return points


def _kernels(sums: Tensor, shape: torch.Size) -> Tensor:
    """Turn sums of products of points, (parts, 36, size), into the gradient of the kernels."""
    filters, channels = shape[:2]
    parts, _, size = sums.shape
    weights = torch.empty(9, size)
    cuts = team.parted(size, COLUMNS)
    team.run(team.pieces(
        kernels_code, kernels_code.TURN_BACK, (weights, sums), (size, size, parts, 0), cuts
    ))
    parted = weights.view(9, filters // FILTERS, channels, FILTERS).permute(1, 3, 0, 2)
    return parted.reshape(filters, 3, 3, channels).permute(0, 3, 1, 2)


def _convolved(pixels: Tensor, matrices: Tensor, filters: int) -> tuple[Tensor, list[Piece]]:
    """Give a place for the outputs, and what fills it."""
    n, channels, *shape = pixels.shape
    out = torch.empty((n, filters, *shape), memory_format=LAST)
    numbers, parts = (*shape, channels, filters), team.parted(_tiles(pixels), EVEN)
    return out, team.pieces(padded_code, CONVOLVE, (pixels, out, matrices), numbers, parts)


def _compared(pixels: Tensor, gradients: Tensor) -> tuple[Tensor, list[Piece]]:
    """Give a place for the sums of all parts, and what fills it."""
    _, channels, *shape = pixels.shape
    filters = gradients.shape[1]
    parts = list(team.parted(_tiles(pixels), EVEN, most=SUMMED))
    sums = torch.empty(len(parts), PATCH**2, channels * filters)
    numbers = (*shape, channels, filters)
    return sums, [
        piece for one, part in zip(sums, parts)
        for piece in team.pieces(
            padded_code, COMPARE, (pixels, gradients, one), numbers, [part]
        )
    ]


def _tiles(pixels: Tensor) -> int:
    """Count the tiles of some images."""
    n, _, rows, cols = pixels.shape
    return n * -(-rows // TILE) * -(-cols // TILE)
