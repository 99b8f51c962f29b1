"""Measure the network alone, step by step: million pixels of core per CPU second on one thread.

    python tests/benchmarks/bench_forward.py [--networks unet,unet-origin] [--rounds 3]

Untrained networks with lively BatchNorm, run on a core with its halo. Two processes: one with the
allocator as it is, one that keeps freed memory; within each, the steps take turns. Flips are pixels
of the core's class map (logit above 0) that differ from eager float32. The peak is the best of five
3x3 convolutions; every step counts as the operations that eager takes for the same core.
"""

import argparse
import copy
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from geoseg.memory import keep_freed_memory
from geoseg.learning.cone import Cone, is_quick
from geoseg.learning.fused import fuse
from geoseg.learning.unet import build
from geoseg.tiling import inside

CORES = (256, 512, 1024)
"""Sides in pixels."""
AROUND = 128
"""Pixels around a core; each step takes as many of them as it looks at."""

Step = Callable[[torch.Tensor], torch.Tensor]
"""From (1, 3, core + 2 AROUND, core + 2 AROUND) to the logits of the core."""


def lively(name: str) -> torch.nn.Module:
    """Give a network whose BatchNorm does something."""
    network = build(name, classes=1).eval()
    random = torch.Generator().manual_seed(0)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.2, generator=random)
            norm.running_var.uniform_(0.5, 1.5, generator=random)
            norm.weight.data.uniform_(0.5, 1.5, generator=random)
    network.head.weight.data.normal_(0, 0.3, generator=random)
    return network


def in_window(network: torch.nn.Module, order: torch.memory_format) -> Step:
    """Run a network on a core with its halo, and cut."""
    def step(pixels: torch.Tensor) -> torch.Tensor:
        window = inside(pixels, AROUND - network.halo).contiguous(memory_format=order)
        return inside(network(window), network.halo)

    return step


def in_cone(network: torch.nn.Module) -> Step:
    """Run a network where it decides the core."""
    cone, last = Cone(network), torch.channels_last
    return lambda pixels: cone(inside(pixels, AROUND - cone.margin).contiguous(memory_format=last))


def steps(name: str, keep: bool) -> dict[str, Step]:
    """Give the network at each step."""
    last, first = torch.channels_last, torch.contiguous_format
    eager = lively(name)
    found = {"eager": in_window(eager, first)}
    if keep:
        found["channels-last"] = in_window(copy.deepcopy(eager).to(memory_format=last), last)
        found["rewritten"] = in_window(fuse(eager).to(memory_format=last), last)
    if keep and is_quick(eager):
        found["fewer multiplications"] = in_cone(eager)
    return found


def seconds(step: Step, pixels: torch.Tensor) -> float:
    """Time one call, in CPU seconds."""
    started = time.process_time()
    step(pixels)
    return time.process_time() - started


def flips(step: Step, reference: Step, pixels: torch.Tensor) -> float:
    """Give the share of pixels whose class differs."""
    return float(((step(pixels) > 0) != (reference(pixels) > 0)).double().mean())


def peak() -> float:
    """Give the floating point operations per second of the best convolution."""
    best = 0.0
    for channels, side in ((16, 256), (32, 128), (64, 64), (128, 32), (256, 16)):
        pixels = torch.rand(1, channels, side, side).contiguous(memory_format=torch.channels_last)
        one = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        one = one.to(memory_format=torch.channels_last)
        least = min(seconds(one, pixels) for _ in range(8))
        best = max(best, 2 * 9 * channels**2 * side**2 / least)
    return best


def operations(network: torch.nn.Module, core: int) -> float:
    """Count multiplications and additions per pixel of a core, of a network as it is."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 3, 64, 64))
    return counter.get_total_flops() / 64**2 * (core + 2 * network.halo) ** 2 / core**2


@torch.inference_mode()
def measure(name: str, keep: bool, rounds: int) -> dict[str, object]:
    """Measure all steps at all cores."""
    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()
    rates: dict[str, list[float]] = {}
    tried = steps(name, keep)
    for core in CORES:
        side = core + 2 * AROUND
        pixels = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
        least = dict.fromkeys(tried, math.inf)
        for _ in range(rounds + 1):
            for step, run in tried.items():
                least[step] = min(least[step], seconds(run, pixels))
        for step, took in least.items():
            rates.setdefault(step, []).append(core**2 / took / 1e6)
    told: dict[str, object] = {"rates": rates}
    if keep:
        told["flips"] = flips(list(tried.values())[-1], tried["eager"], pixels)
        told["peak"] = peak()
        told["operations"] = [operations(lively(name), core) for core in CORES]
    return told


def child(name: str, keep: bool, rounds: int) -> dict[str, object]:
    """Measure in a process of its own: an allocator cannot be put back."""
    command = [sys.executable, str(Path(__file__)), "--child", name, str(int(keep)), str(rounds)]
    shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(shown)


def report(name: str, rounds: int) -> None:
    """Print the table of a network."""
    plain, kept = child(name, False, rounds), child(name, True, rounds)
    rows = {"eager, plain allocator": plain["rates"]["eager"]}
    rows |= {f"{step}, memory kept": cells for step, cells in kept["rates"].items()}
    print(f"\n{name}: {kept['operations'][-1] / 1e3:.1f} thousand operations a pixel of a core of "
          f"{CORES[-1]}; peak of a convolution {kept['peak'] / 1e9:.0f} GFLOP/s; "
          f"{kept['flips']:.2e} of the classes flip")
    print(f"{'':36}" + "".join(f"{core:>18}" for core in CORES) + "   of the peak")
    for row, cells in rows.items():
        share = cells[-1] * 1e6 * kept["operations"][-1] / kept["peak"]
        print(f"{row:36}" + "".join(
            f"{f'{rate:.3f} ({rate / eager:.2f})':>18}"
            for rate, eager in zip(cells, rows["eager, plain allocator"])
        ) + f"{share:14.0%}", flush=True)


def main() -> None:
    if "--child" in sys.argv:
        name, keep, rounds = sys.argv[2:]
        print(json.dumps(measure(name, bool(int(keep)), int(rounds))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="unet,unet-origin")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    for name in chosen.networks.split(","):
        report(name, chosen.rounds)


if __name__ == "__main__":
    main()
