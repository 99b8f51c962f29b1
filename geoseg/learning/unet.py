"""The U-Nets of geoseg by name: `unet` (ours), `unet-origin` and `unet-classic`, its forebears.

All give logits, (n, classes, rows, cols), for scaled pixels, (n, bands, rows, cols) float32 with
rows and columns multiples of `divisor`. The sigmoid belongs to whoever reads the logits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from geoseg.errors import ModelError
from geoseg.learning.join import join
from geoseg.learning.convolution.padded import convolve

LEVELS = 5
"""Resolutions of every network here: full, 1/2, 1/4, 1/8, 1/16."""
DIVISOR = 2 ** (LEVELS - 1)
"""Tile origins and sizes are multiples of this many pixels."""
Network = nn.Module
"""What `build` gives; a name for those who must not know of torch."""
DEFAULT_WIDTH = {"unet": 16, "unet-origin": 16, "unet-classic": 64}
"""Filters of the first level; every level below has twice as many."""


def build(
    name: str, *, width: int | None = None, bands: int = 3, classes: int = 2, seed: int = 0
) -> nn.Module:
    """Build a network by name, with freshly drawn weights.

    Args:
        name: `unet`, `unet-origin` or `unet-classic`.
        width: filters of the first level; None for the network's own default.
        bands: input bands.
        classes: output bands.
        seed: of the weights; the generator of the process is left as it is.

    Returns:
        A module with the attributes `divisor` and `halo`, in pixels, `bands` and `width`.

    Raises:
        ModelError: there is no network of that name, or a count is not positive.
    """
    if name not in DEFAULT_WIDTH:
        raise ModelError(f"no architecture {name!r}; choose from {', '.join(DEFAULT_WIDTH)}")
    width = DEFAULT_WIDTH[name] if width is None else width
    if min(width, bands, classes) < 1:
        raise ModelError(f"width {width}, bands {bands} and classes {classes} must be at least 1")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "unet":
            return UNet(bands, classes, width)
        return OriginUNet(bands, classes, width, classic=name == "unet-classic")


def reach(*, head: int = 0, rising: int = 0) -> tuple[int, int]:
    """Derive how far outside an aligned core the pixels lie that decide its output.

    Args:
        head: extra 3x3 convolutions at full resolution, after the decoder.
        rising: 2x2 convolutions after each upsampling, padded right and below.

    Returns:
        Pixels before (left, above) and after (right, below) a core whose origin and size are
        multiples of `DIVISOR`: the interval that is needed, followed backwards through the graph.
    """
    low, high = -head, DIVISOR + head
    needed = []
    for _ in range(LEVELS - 1):
        low, high = low - 2, high + 2
        needed.append((low, high))
        low, high = low // 2, -(-(high + rising) // 2)
    low, high = low - 2, high + 2
    for skip_low, skip_high in reversed(needed):
        low, high = min(2 * low, skip_low) - 2, max(2 * high, skip_high) + 2
    return -low, high - DIVISOR


def _halo(before: int, after: int) -> int:
    """Round the longer reach up to whole divisors."""
    return -(-max(before, after) // DIVISOR) * DIVISOR


class Unit(nn.Sequential):
    """Convolution, BatchNorm, ReLU: in this order a unit cannot die for good."""

    def __init__(self, inputs: int, outputs: int, size: int = 3) -> None:
        convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        norm = nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.1)
        super().__init__(convolution, norm, nn.ReLU())

    def forward(self, pixels: Tensor) -> Tensor:
        """Convolve, normalise, activate."""
        convolution, norm, activate = self
        return activate(norm(convolve(convolution, pixels)))


class UNet(nn.Module):
    """Our U-Net: sound initialisation, no narrow head, symmetric and cheap upsampling.

    Departs from the origin: normalised before the activation; skips after the activation; on the
    way up a 1x1 unit halves the filters at the low resolution, where it costs a quarter, and the
    nearest x2 upsampling follows; the logits come straight from the last full-resolution unit.
    """

    divisor = DIVISOR
    exact = True

    def __init__(self, bands: int, classes: int, width: int) -> None:
        super().__init__()
        self.halo, self.bands, self.width = _halo(*reach()), bands, width
        sizes = [width * 2**level for level in range(LEVELS)]
        inputs = [bands, *sizes[:-1]]
        self.encoder = nn.ModuleList(_pair(one, two) for one, two in zip(inputs, sizes))
        self.lifts = nn.ModuleList(Unit(2 * size, size, 1) for size in reversed(sizes[:-1]))
        self.decoder = nn.ModuleList(_pair(2 * size, size) for size in reversed(sizes[:-1]))
        self.head = nn.Conv2d(width, classes, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the logits of scaled pixels."""
        skips = []
        for level in self.encoder[:-1]:
            pixels = level(pixels)
            skips.append(pixels)
            pixels = functional.max_pool2d(pixels, 2)
        pixels = self.encoder[-1](pixels)
        for lift, level in zip(self.lifts, self.decoder):
            pixels = join(skips.pop(), lift(pixels))
            for unit in level:  # one by one: each drops its input, the largest here, at once
                pixels = unit(pixels)
        return self.head(pixels)


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    """Give the two 3x3 units of one level."""
    return nn.Sequential(Unit(inputs, outputs), Unit(outputs, outputs))


class Lift(nn.Conv2d):
    """Double the resolution, then convolve 2x2 the way Keras pads `same`: right and below."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Upsample, convolve, activate."""
        pixels = functional.interpolate(pixels, scale_factor=2.0, mode="nearest")
        return functional.relu(super().forward(functional.pad(pixels, (0, 1, 0, 1))))


class OriginUnit(nn.Module):
    """Convolution, ReLU, BatchNorm, as Keras has it; without BatchNorm for the classic net."""

    def __init__(self, inputs: int, outputs: int, *, normed: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01) if normed else nn.Identity()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Give the output, and the activations before BatchNorm."""
        active = functional.relu(convolve(self.convolution, pixels))
        return self.norm(active), active


class OriginUNet(nn.Module):
    """The U-Net of the origin, layer by layer, and its ancestor (zhixuhao/unet) as `classic`.

    The origin: BatchNorm after every ReLU, skips before it at levels 1 to 3, Glorot initialisation.
    The classic: no BatchNorm, dropout 0.5 at levels 4 and 5, He initialisation.
    Both: 2x2 convolutions after nearest upsampling, padded right and below, and a 2-filter head.
    """

    divisor = DIVISOR
    exact = True

    def __init__(self, bands: int, classes: int, width: int, *, classic: bool = False) -> None:
        super().__init__()
        self.halo, self.bands, self.width = _halo(*reach(head=1, rising=1)), bands, width
        self.classic = classic
        sizes = [width * 2**level for level in range(LEVELS)]
        up = list(reversed(sizes[:-1]))
        self.encoder = nn.ModuleList(
            self._pair(one, two) for one, two in zip([bands, *sizes[:-1]], sizes)
        )
        self.lifts = nn.ModuleList(Lift(2 * size, size, 2) for size in up)
        self.decoder = nn.ModuleList(self._pair(2 * size, size) for size in up)
        self.narrow = OriginUnit(width, 2, normed=not classic)
        self.head = nn.Conv2d(2, classes, 1)
        self.drop_skip = nn.Dropout(0.5 if classic else 0.2)
        self.drop_bottom = nn.Dropout(0.5)
        self.drop_head = nn.Dropout(0.0 if classic else 0.2)
        self.apply(_draw_he if classic else _draw_glorot)

    def _pair(self, inputs: int, outputs: int) -> nn.ModuleList:
        normed = not self.classic
        first = OriginUnit(inputs, outputs, normed=normed)
        return nn.ModuleList([first, OriginUnit(outputs, outputs, normed=normed)])

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the logits of scaled pixels."""
        skips = []
        for depth, (first, second) in enumerate(self.encoder):
            normed, active = second(first(pixels)[0])
            if depth == LEVELS - 1:
                pixels = self.drop_bottom(normed)
                break
            dropped = self.drop_skip(normed) if depth == LEVELS - 2 else normed
            skips.append(dropped if depth == LEVELS - 2 else active)
            pixels = functional.max_pool2d(dropped, 2)
        for lift, (first, second) in zip(self.lifts, self.decoder):
            pixels = torch.cat([skips.pop(), lift(pixels)], dim=1)
            pixels = first(pixels)[0]
            pixels = second(pixels)[0]
        return self.head(self.drop_head(self.narrow(pixels)[0]))

    def in_order(self) -> tuple[list[nn.Conv2d], list[nn.BatchNorm2d]]:
        """Give the convolutions and the BatchNorm layers in the order in which they run."""
        steps: list[nn.Module] = [*self.encoder]
        for lift, pair in zip(self.lifts, self.decoder):
            steps += [lift, pair]
        modules = [one for step in [*steps, self.narrow, self.head] for one in step.modules()]
        return (
            [one for one in modules if isinstance(one, nn.Conv2d)],
            [one for one in modules if isinstance(one, nn.BatchNorm2d)],
        )


@dataclass(frozen=True, slots=True)
class LastUnit:
    """The layers that make the input of the last convolution, where a network is narrowest."""

    convolution: nn.Conv2d
    """Weights, one output per unit."""
    norm: nn.Module
    """BatchNorm, or nothing."""
    before_relu: nn.Module
    """The one of the two whose output goes into the ReLU."""


def last_unit(network: nn.Module) -> LastUnit | None:
    """Find the last unit of one of our networks; None for a network of others."""
    if isinstance(network, OriginUNet):
        return LastUnit(network.narrow.convolution, network.narrow.norm, network.narrow.convolution)
    if isinstance(network, UNet):
        convolution, norm, _ = network.decoder[-1][-1]
        return LastUnit(convolution, norm, norm)
    return None


def _draw_glorot(module: nn.Module) -> None:
    """Draw weights as Keras does by default."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def _draw_he(module: nn.Module) -> None:
    """Draw weights as Keras' `he_normal` does."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


def set_prior(model: nn.Module, shares: Sequence[float]) -> None:
    """Let an untrained network answer the share of each class: bias = log(p / (1 - p)).

    Source: Lin et al., Focal Loss for Dense Object Detection, 2017, section 3.3.
    """
    bounded = [min(max(share, 1e-3), 1 - 1e-3) for share in shares]
    with torch.no_grad():
        model.head.bias.copy_(torch.tensor([math.log(one / (1 - one)) for one in bounded]))
