"""Profile a training step: how long cutting chips takes, and how long the network waits for them.

    python tests/benchmarks/bench_loading.py [--chip 256] [--batch 16] [--steps 5] [--device cpu]

Chips are cut from the sample scene, zoomed, turned and lit as in training. First it is told how
many chips a second one cutter cuts, and several at once (other programs' work shows in the cores
that they had). Then cutting and learning are measured one after the other, in CPU seconds of one
thread (on a GPU: seconds), and together, as the trainer does it: what remains of the cutting is the
time spent waiting.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import torch

from geoseg.cpus import usable_cpus
from geoseg.memory import keep_freed_memory
from geoseg.learning.job import State, TrainJob, begin
from geoseg.learning.losses import parse_loss
from geoseg.learning.recipe import Recipe
from geoseg.learning.training import cutters_for, prefetched, sampler_for, update
from geoseg.tools.pairs import Pair, load_pairs
from geoseg.tools.train import TrainOptions, prepare

ROUNDS, EACH = 15, 20
"""How often each number of cutters is measured, and how many batches each of them cuts."""
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
    tell_cutting(job, chosen.batch)
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


def tell_cutting(job: TrainJob, batch: int) -> None:
    """Print the chips a second of one cutter, and of several at once."""
    most = usable_cpus()
    numbers = sorted({1, most, *(1 << n for n in range(most.bit_length()) if 1 << n <= most)})
    rounds = [[cut_together(job, cutters) for cutters in numbers] for _ in range(ROUNDS)]
    for index, cutters in enumerate(numbers):
        pace = batch * median(one[index][0] for one in rounds)
        cores = median(one[index][1] for one in rounds)
        times = median(one[index][0] / one[0][0] for one in rounds)
        print(f"{cutters} cutter(s) alone: {pace:,.0f} chips a second, {times:.2f} times one's; "
              f"they had {cores:.2f} cores, {1000 * cores / pace:.2f} ms of a core a chip")


def cut_together(job: TrainJob, cutters: int) -> tuple[float, float]:
    """Give the batches a second that some cutters make, and how many cores they had."""
    with ThreadPoolExecutor(cutters) as pool:
        list(pool.map(discard, [job.sampler] * cutters, range(cutters)))
        begun, used, n = time.perf_counter(), time.process_time(), EACH * cutters
        list(pool.map(discard, [job.sampler] * n, range(n)))
        seconds = time.perf_counter() - begun
        return n / seconds, (time.process_time() - used) / seconds


def discard(sampler, number: int) -> None:
    """Cut a batch for nothing."""
    sampler(number)


def learn(state: State, job: TrainJob, batch) -> None:
    """Make one step, and wait until the device has done it."""
    update(state, batch, parse_loss(job.recipe.loss), job.recipe, 1e-3)
    if state.device.type == "cuda":
        torch.cuda.synchronize()


def together(state: State, job: TrainJob, steps: int) -> tuple[float, float]:
    """Give the seconds waited for chips, and all seconds, of some steps after the first."""
    sampler = sampler_for(job.sampler, state.device)
    batches = prefetched(sampler, 0, cutters_for(state.device))
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
