"""Measure a training step on the CPU, beside torch's own way of the same network.

    python tests/benchmarks/bench_training_step.py [--network unet] [--rounds 7] [--threads 1 2]

Three ways by turns: geoseg's; torch's eager one, channels last as here; and channels first, which
is torch's default and how segmentation_models.pytorch is run. Weights, pixels, loss, optimizer
(AdamW), clipping and what becomes of freed memory are the same, so that only the layers differ.
Told are seconds, the median and the least of the rounds, and how many times geoseg's they are.
"""

import argparse
import time
from contextlib import nullcontext
from statistics import median
from unittest.mock import patch

import torch
from torch import nn
from torch.nn import functional

from geoseg.learning import unet
from geoseg.learning.losses import parse_loss
from geoseg.memory import keep_freed_memory

CHIPS = ((64, 16), (128, 8), (256, 4))
"""Sides in pixels, and chips of a batch."""
LAST, FIRST = torch.channels_last, torch.contiguous_format
WAYS = (("geoseg", False, LAST), ("torch", True, LAST), ("channels first", True, FIRST))
"""Names, whether all layers are torch's, and how pixels lie."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="unet")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--chips", type=int, nargs="*", default=[side for side, _ in CHIPS])
    chosen = parser.parse_args()
    keep_freed_memory()
    print("threads  chips          " + "".join(f"{name:>28}" for name, *_ in WAYS))
    for threads in chosen.threads:
        torch.set_num_threads(threads)
        for side, n in CHIPS:
            if side in chosen.chips:
                times = measure(chosen.network, chosen.width, side, n, chosen.rounds)
                tell(threads, f"{n} x {side} x {side}", times)


def measure(name: str, width: int, side: int, n: int, rounds: int) -> list[list[float]]:
    """Give the seconds of the steps of every way, sorted."""
    steps = [Step(name, width, side, n, *way) for _, *way in WAYS]
    for step in steps * 2:
        step()
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds):
        for step, found in zip(steps, times):
            start = time.perf_counter()
            step()
            found.append(time.perf_counter() - start)
    return [sorted(found) for found in times]


class Step:
    """A network and its optimizer; a call is a step."""

    def __init__(
        self, name: str, width: int, side: int, n: int, plain: bool, order: torch.memory_format
    ) -> None:
        network = unet.build(name, width=width)
        self.plain = plain
        if plain:
            leave_to_torch(network)
        self.network = network.to(memory_format=order).train()
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.99))
        random = torch.Generator().manual_seed(side)
        self.pixels = torch.rand((n, 3, side, side), generator=random).contiguous(
            memory_format=order
        )
        self.target = (torch.rand((n, 2, side, side), generator=random) > 0.5).float()
        self.valid, self.loss = torch.ones(n, 1, side, side), parse_loss("0.5*bce+dice")

    def __call__(self) -> None:
        """Make a step, as `geoseg.learning.training.update` does."""
        with patch.object(unet, "join", joined_by_torch) if self.plain else nullcontext():
            self.learn()

    def learn(self) -> None:
        """Go forward and backward, and move the weights."""
        value = self.loss(self.network(self.pixels), self.target, self.valid)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()


def leave_to_torch(module: nn.Module) -> None:
    """Let every convolution be torch's: `padded` leaves those alone that somebody listens to."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            child.register_forward_hook(lambda *_: None)


def joined_by_torch(fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
    """Upsample, then join."""
    return torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], dim=1)


def tell(threads: int, chips: str, times: list[list[float]]) -> None:
    """Print a line."""
    cells = [
        f"{median(found):10.3f} {found[0]:6.3f} {median(found) / median(times[0]):4.2f} "
        f"{found[0] / times[0][0]:4.2f}"
        for found in times
    ]
    print(f"{threads:7}  {chips:15}" + "".join(f"{one:>28}" for one in cells))


if __name__ == "__main__":
    main()
