"""Measure the network alone, step by step: million pixels per CPU second on one thread.

    python tests/benchmarks/bench_forward.py [--networks unet,unet-origin] [--rounds 3]

Untrained networks with lively BatchNorm. Two processes: one with the allocator as it is, one that
keeps freed memory; within each, the steps take turns. Flips are pixels of the class map (logit
above 0) that differ from eager float32; the peak is the best of five 3x3 convolutions.
"""

import argparse
import copy
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from geoseg.memory import keep_freed_memory
from geoseg.learning.fused import fuse
from geoseg.learning.unet import build

CELLS = ((256, 1), (512, 1), (1024, 1))
"""Side and batch."""


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


def steps(name: str, keep: bool) -> dict[str, tuple[torch.nn.Module, torch.memory_format]]:
    """Give the network at each step, and the order of its pixels."""
    last, first = torch.channels_last, torch.contiguous_format
    eager = lively(name)
    if not keep:
        return {"eager": (eager, first)}
    return {
        "eager": (eager, first),
        "channels-last": (copy.deepcopy(eager).to(memory_format=last), last),
        "rewritten": (fuse(eager).to(memory_format=last), last),
    }


def seconds(network: torch.nn.Module, pixels: torch.Tensor) -> float:
    """Time one call, in CPU seconds."""
    started = time.process_time()
    network(pixels)
    return time.process_time() - started


def flips(network: torch.nn.Module, reference: torch.nn.Module, pixels: torch.Tensor) -> float:
    """Give the share of pixels whose class differs."""
    return float(((network(pixels) > 0) != (reference(pixels) > 0)).double().mean())


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


def operations(network: torch.nn.Module) -> float:
    """Count multiplications and additions per pixel of a network as it is."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 3, 64, 64))
    return counter.get_total_flops() / 64**2


@torch.inference_mode()
def measure(name: str, keep: bool, rounds: int) -> dict[str, object]:
    """Measure all steps at all cells."""
    torch.set_num_threads(1)
    if keep:
        keep_freed_memory()
    rates: dict[str, dict[str, float]] = {}
    networks = steps(name, keep)
    for side, batch in CELLS:
        pixels = torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(1))
        for turn in range(rounds + 1):
            for step, (network, order) in networks.items():
                took = seconds(network, pixels.contiguous(memory_format=order))
                rate = side**2 * batch / took / 1e6 if turn else 0.0
                cells = rates.setdefault(step, {})
                cells[f"{side} b{batch}"] = max(rate, cells.get(f"{side} b{batch}", 0.0))
    told: dict[str, object] = {"rates": rates}
    if keep:
        example = torch.rand(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(2))
        told["flips"] = flips(networks["rewritten"][0], networks["eager"][0], example)
        told["peak"] = peak()
        told["operations"] = operations(lively(name))
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
    base = max(rows["eager, plain allocator"].values())
    print(f"\n{name}: {kept['operations'] / 1e3:.1f} thousand operations per pixel; peak of a "
          f"convolution {kept['peak'] / 1e9:.0f} GFLOP/s; {kept['flips']:.2e} of the classes flip")
    print(f"{'':26}" + "".join(f"{f'{side} b{batch}':>10}" for side, batch in CELLS)
          + "      best   against eager   of the peak")
    for row, cells in rows.items():
        best = max(cells.values())
        share = best * 1e6 * kept["operations"] / kept["peak"]
        print(f"{row:26}" + "".join(f"{rate:10.3f}" for rate in cells.values())
              + f"{best:10.3f}{best / base:16.2f}{share:14.0%}", flush=True)


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
