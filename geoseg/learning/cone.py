"""Our U-Net, computed only where it decides a core, and with fewer multiplications.

A pixel of the core is decided by pixels around it, fewer at each step up to the output: the shape
of a cone. Every layer is computed as far as the next ones look, and no farther; nothing is padded.
On the CPU more than half of the 3x3 convolutions are Winograd's. They see farther, by the last bit;
`docs/decisions/0007-fewer-multiplications.md` says how they were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from geoseg.learning.fused import SteadyConvolution
from geoseg.learning.unet import DIVISOR, LEVELS, UNet, Unit
from geoseg.learning.convolution.winograd import WinogradConvolution, is_possible
from geoseg.learning.convolution.winograd_code import FILTERS, TILE

GRAIN = DIVISOR * TILE
"""Sides of cores are multiples of this: then Winograd's tiles begin alike in every core."""


@dataclass(frozen=True, slots=True)
class Margins:
    """How far outside the core each 3x3 convolution is computed, in pixels of its level."""

    down: tuple[tuple[int, int], ...]
    """Of the first and the second of each level, from full resolution."""
    up: tuple[tuple[int, int], ...]
    """The same on the way up."""
    pixels: int
    """Of the input."""


def margins() -> Margins:
    """Follow a core backwards through the network."""
    up, needed = [], 0
    for level in range(LEVELS - 1):
        second = needed if level else _aligned(needed)
        first = _aligned(second + 1)
        up.append((first, second))
        needed = -(-(first + 1) // 2)
    down: list[tuple[int, int]] = []
    for level in reversed(range(LEVELS)):
        skip = up[level][0] + 1 if level < LEVELS - 1 else 0
        second = _aligned(max(needed, skip))
        down.insert(0, (second + 1, second))
        needed = 2 * (second + 2)
    return Margins(tuple(down), tuple(up), down[0][0] + 1)


def _aligned(margin: int) -> int:
    return -(-margin // TILE) * TILE


class Cone(nn.Module):
    """The network at rest: (n, bands, rows + 2 margin, cols + 2 margin) to logits of the core."""

    def __init__(self, model: UNet) -> None:
        """Take over the weights of a network whose `is_quick` holds."""
        super().__init__()
        self.margins = margins()
        self.down = nn.ModuleList(
            nn.ModuleList([_plain(first), _winograd(second)]) for first, second in model.encoder
        )
        pairs = reversed(list(model.decoder))
        self.up = nn.ModuleList(
            nn.ModuleList([_winograd(first), _plain(second) if level else _winograd(second)])
            for level, (first, second) in enumerate(pairs)
        )
        self.lifts = nn.ModuleList(map(_plain, reversed(list(model.lifts))))
        self.head = SteadyConvolution(model.head)

    @property
    def margin(self) -> int:
        """Pixels around a core that are looked at."""
        return self.margins.pixels

    @property
    def halo(self) -> int:
        """The same in whole divisors."""
        return -(-self.margin // DIVISOR) * DIVISOR

    def fits(self, shape: Sequence[int], halo: int) -> bool:
        """Tell whether the inside of tiles, (..., rows, cols), can be computed here."""
        return halo >= self.margin and all((side - 2 * halo) % GRAIN == 0 for side in shape[-2:])

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the logits of the core, whose sides are multiples of `GRAIN`."""
        core = tuple(side - 2 * self.margin for side in pixels.shape[2:])
        skips = []
        for level, (plain, quick) in enumerate(self.down):
            first, second = self.margins.down[level]
            skips.append(quick(plain(pixels), _shape(core, level, second), first - second - 1))
            pixels = functional.max_pool2d(skips[-1], 2) if level < LEVELS - 1 else skips.pop()
        outside = second
        for level in reversed(range(LEVELS - 1)):
            join, last = self.up[level]
            first, second = self.margins.up[level]
            pixels = join(
                skips.pop(), _shape(core, level, first), self.margins.down[level][1] - first - 1,
                coarse=self.lifts[level](pixels), coarse_offset=2 * outside - first - 1,
            )
            if level:
                pixels = last(pixels)
            else:
                pixels = last(pixels, core, first - second - 1)
            outside = second
        return self.head(pixels)


def is_quick(model: nn.Module) -> bool:
    """Tell whether a network can be computed here, and on this processor."""
    return (
        isinstance(model, UNet) and model.width % FILTERS == 0
        and torch.backends.mkldnn.is_available() and is_possible()
    )


def _shape(core: tuple[int, ...], level: int, margin: int) -> tuple[int, int]:
    rows, cols = (side // 2**level + 2 * margin for side in core)
    return rows, cols


def _fused(unit: Unit) -> nn.Conv2d:
    """Fold BatchNorm into the convolution, and pad nothing."""
    convolution = fuse_conv_bn_eval(unit[0], unit[1])
    convolution.padding = (0, 0)
    return convolution


def _plain(unit: Unit) -> nn.Module:
    return SteadyConvolution(_fused(unit), "relu")


def _winograd(unit: Unit) -> nn.Module:
    return WinogradConvolution(_fused(unit))
