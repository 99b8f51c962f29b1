"""Find out how far a network sees, and whether its answer depends on the tile.

Tiles with a halo give what the whole scene gives where every pixel's answer is decided by pixels
at most a halo away, in the same way everywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

FARTHEST = 4096
"""Pixels; a network that sees this far is treated as one that sees its whole tile."""
BLENDED_HALO = 128
"""Pixels, for networks whose answer depends on the tile: neighbours blend over twice this."""
LOOKED_AT = 256
"""Pixels per side of what a network is run on to see its operators."""
LOOKS_EVERYWHERE = {
    "native_group_norm": "group norm",
    "_softmax": "attention",
    "_scaled_dot_product_flash_attention_for_cpu": "attention",
    "_scaled_dot_product_attention_math": "attention",
    "_adaptive_avg_pool2d": "global pooling",
    "adaptive_max_pool2d": "global pooling",
}
"""Operators that see the whole tile, and what people call them."""
REDUCES = {"mean", "sum", "amax", "var_mean", "std", "var"}
"""Operators that see the whole tile where they go over its rows and columns."""
ALIGNED = {"upsample_bilinear2d": 2, "upsample_bicubic2d": 2}
"""Resampling, and the place of its argument `align_corners`: then places depend on the size."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What decides a network's answer at a pixel."""

    halo: int
    """Pixels around a core that do, a multiple of the divisor."""
    obstacles: tuple[str, ...] = ()
    """What makes the answer depend on the tile; nothing where it does not."""


def measure(network: nn.Module, bands: int, divisor: int) -> Sight:
    """Look at a network of (n, bands, rows, cols) to (n, classes, rows, cols); it stays as it is.

    Args:
        network: on any device.
        bands: of its input.
        divisor: rows and columns are multiples of it.
    """
    network = copy.deepcopy(network).cpu().float().eval()
    obstacles = obstacles_of(network, bands, -(-LOOKED_AT // divisor) * divisor)
    if not obstacles:
        reach = reach_of(network, bands, divisor)
        if reach <= FARTHEST:
            return Sight(-(-reach // divisor) * divisor)
        obstacles = (f"a reach of more than {FARTHEST} pixels",)
    return Sight(-(-BLENDED_HALO // divisor) * divisor, obstacles)


@torch.no_grad()
def obstacles_of(network: nn.Module, bands: int, side: int) -> tuple[str, ...]:
    """Run a network once, and name the operators that make its answer depend on the tile."""
    with _Watch() as watch:
        network(torch.zeros(1, bands, side, side))
    return tuple(sorted(watch.found))


class _Watch(TorchDispatchMode):
    """Sees every operator that runs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        obstacle = _obstacle(func.overloadpacket.__name__, args)
        if obstacle is not None:
            self.found.add(obstacle)
        return func(*args, **(kwargs or {}))


def _obstacle(name: str, args: Sequence[Any]) -> str | None:
    """Say what people call an operator that makes the answer depend on the tile."""
    if name in LOOKS_EVERYWHERE:
        return LOOKS_EVERYWHERE[name]
    if name in REDUCES and args[0].ndim == 4:
        over = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else range(4)
        if {one % 4 for one in over} >= {2, 3} or {one % 4 for one in over} == {1, 2}:
            return "global pooling (squeeze-and-excitation, or a pyramid)"
    if name == "native_batch_norm" and args[5]:
        return "instance norm"
    if name in ALIGNED and args[ALIGNED[name]]:
        return "resampling with aligned corners"
    return None


def reach_of(network: nn.Module, bands: int, divisor: int) -> int:
    """Give how far outside an aligned block the pixels lie that decide it.

    Found by the gradient of a copy in which nothing can cancel or hide: weights are positive,
    activations and norms of single pixels are left out, and a mean stands for each maximum. Strips
    as narrow as the network allows are enough, one along the rows and one along the columns.

    Returns:
        Pixels; more than `FARTHEST` where they are farther.
    """
    plain = _plain(network)
    size, reach = 512, 0
    for turned in (False, True):
        while True:
            start = size // 2 // divisor * divisor
            first, last = _seen(plain, bands, divisor, size, turned=turned)
            if 0 < first and last < size - 1:
                reach = max(reach, start - first, last + 1 - start - divisor)
                break
            if start > FARTHEST:
                return start
            size *= 2
    return reach


def _seen(
    plain: nn.Module, bands: int, divisor: int, size: int, *, turned: bool
) -> tuple[int, int]:
    """Give the first and the last row (column) that decide a block in the middle of a strip."""
    start = size // 2 // divisor * divisor
    shape = (divisor, size) if turned else (size, divisor)
    pixels = torch.ones(1, bands, *shape, requires_grad=True)
    with _Means():
        answer = plain(pixels)
    along = answer.transpose(2, 3) if turned else answer
    along[:, :, start : start + divisor].sum().backward()
    seen = pixels.grad.abs().sum((0, 1, 2 if turned else 3)).nonzero().flatten()
    return int(seen[0]), int(seen[-1])


class _Means(TorchFunctionMode):
    """Lets a mean stand for every maximum, which lets only one of its pixels through."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if getattr(func, "__name__", "") != "max_pool2d":
            return func(*args, **(kwargs or {}))
        return _mean_pool(*args, **(kwargs or {}))


def _mean_pool(
    pixels: torch.Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> torch.Tensor:
    return functional.avg_pool2d(pixels, kernel_size, stride or kernel_size, padding, ceil_mode)


def _plain(network: nn.Module) -> nn.Module:
    """Give the copy in which nothing can cancel or hide."""
    plain = copy.deepcopy(network)
    for one in plain.parameters():
        many = one.ndim > 1
        one.data = torch.full_like(one, 1 / one[0].numel()) if many else torch.zeros_like(one)
        one.requires_grad_(False)
    _simplify(plain)
    return plain


def _simplify(module: nn.Module) -> None:
    for name, child in module.named_children():
        if _is_of_one_pixel(child):
            setattr(module, name, nn.Identity())
        else:
            _simplify(child)


def _is_of_one_pixel(module: nn.Module) -> bool:
    """Tell activations, dropout, and norms whose statistics are stored or of one pixel."""
    kind = type(module)
    simple = ("torch.nn.modules.activation", "torch.nn.modules.dropout")
    return (
        kind.__module__ in simple
        or isinstance(module, nn.BatchNorm2d)
        or kind.__name__.startswith("LayerNorm")
    )
