"""Profile a training step: how long cutting chips takes, and how long the network waits for them.

    python tests/benchmarks/bench_loading.py [--chip 256] [--batch 16] [--steps 5] [--device cpu]

Chips are cut from the sample scene, zoomed, turned and lit as in training. Cutting and learning
are first measured one after the other, in CPU seconds of one thread (on a GPU: seconds), then
together, as the trainer does it: what remains of the cutting is the time spent waiting.
"""

import argparse
import time
from pathlib import Path

import torch

from geoseg.memory import keep_freed_memory
from geoseg.learning.job import State, TrainJob, begin
from geoseg.learning.losses import parse_loss
from geoseg.learning.recipe import Recipe
from geoseg.learning.training import cutters_for, prefetched, update
from geoseg.tools.pairs import Pair, load_pairs
from geoseg.tools.train import TrainOptions, prepare

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chip", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    options = TrainOptions(
        chip=chosen.chip, batch=chosen.batch, device=chosen.device, recipe=Recipe(steps=100)
    )
    loaded = load_pairs([Pair(SAMPLE / "scene.tif", SAMPLE / "parcels.gpkg")])
    network, job = prepare(loaded, Path("bench.safetensors"), options)
    state = begin(network, job)
    learn(state, job, job.sampler(0))
    clock = time.thread_time if state.device.type == "cpu" else time.perf_counter
    cut = learnt = 0.0
    for number in range(chosen.steps):
        start = clock()
        batch = job.sampler(number)
        middle = clock()
        learn(state, job, batch)
        cut, learnt = cut + middle - start, learnt + clock() - middle
    waited, total = together(state, job, chosen.steps)
    print(f"one after the other: cut {cut / chosen.steps:.3f} s, learn "
          f"{learnt / chosen.steps:.3f} s a step; cutting is {cut / (cut + learnt):.1%}")
    print(f"together, {cutters_for(state.device)} cutter(s): {total / chosen.steps:.3f} s a step, "
          f"of which waiting for chips {waited / total:.1%}")


def learn(state: State, job: TrainJob, batch) -> None:
    """Make one step, and wait until the device has done it."""
    update(state, batch, parse_loss(job.recipe.loss), job.recipe, 1e-3)
    if state.device.type == "cuda":
        torch.cuda.synchronize()


def together(state: State, job: TrainJob, steps: int) -> tuple[float, float]:
    """Give the seconds waited for chips, and all seconds, of some steps after the first."""
    batches = prefetched(job.sampler, 0, cutters_for(state.device))
    learn(state, job, next(batches))
    waited, begun = 0.0, time.perf_counter()
    for _ in range(steps):
        start = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - start
        learn(state, job, batch)
    total = time.perf_counter() - begun
    batches.close()
    return waited, total


if __name__ == "__main__":
    main()
