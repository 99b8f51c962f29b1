"""Join what is fine with what is half as fine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


def join(fine: Tensor, coarse: Tensor) -> Tensor:
    """Put the channels of coarse, each pixel as four, after those of fine.

    The values are those of torch's two steps. Where these learn on the CPU with channels last, the
    gradient is copied into another order on its way; here it is not.

    Args:
        fine: (n, channels, rows, cols).
        coarse: (n, others, rows / 2, cols / 2).

    Returns:
        (n, channels + others, rows, cols).
    """
    if torch.is_grad_enabled() and coarse.requires_grad and _lie_right(fine, coarse):
        return _Join.apply(fine, coarse)
    doubled = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
    return torch.cat([fine, doubled], dim=1)


def _lie_right(*tensors: Tensor) -> bool:
    """Tell whether all are float32 on the CPU, channels last."""
    return all(
        one.device.type == "cpu" and one.dtype == torch.float32
        and one.is_contiguous(memory_format=torch.channels_last) for one in tensors
    )


class _Join(torch.autograd.Function):
    """Upsampling by nearest neighbours and joining, in one step."""

    @staticmethod
    def forward(context: Any, fine: Tensor, coarse: Tensor) -> Tensor:
        """Copy both into their places."""
        n, channels, rows, cols = fine.shape
        context.channels = channels
        out = torch.empty(
            (n, channels + coarse.shape[1], rows, cols), memory_format=torch.channels_last
        )
        out[:, :channels] = fine
        out[:, channels:].unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).copy_(
            coarse[:, :, :, None, :, None]
        )
        return out

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Give fine its part, and coarse the sums of fours."""
        rest = gradients[:, context.channels:]
        upper, lower = rest[:, :, ::2], rest[:, :, 1::2]
        found = (upper[..., ::2] + upper[..., 1::2]).add_(lower[..., ::2]).add_(lower[..., 1::2])
        return gradients[:, : context.channels], found
