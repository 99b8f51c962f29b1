"""Does learning the distance to the border too make better parcels? Off and on, side by side.

    python tests/benchmarks/try_distance_head.py FOLDER [--folds 0,3] [--seeds 0,1] [--steps 300]

With the head, `unet` has a third output while it learns: how far a parcel's pixel is from whatever
is not parcel, in pixels up to 16, divided by 16. The model file is without it, so predicting costs
the same. Folds, tuning and scoring are those of cross_validate.py, from one first training; off and
on see the same chips. Finished runs are kept in FOLDER, so the command can be run again.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cross_validate import COLUMNS, FOLDS, TUNING, folds, pair, score, train
from geoseg.learning.checkpoint import read_tensors, write_tensors
from geoseg.learning.chips import Batch, Batches
from geoseg.learning.devices import use_threads
from geoseg.learning.losses import LOSSES, parse_loss
from geoseg.learning.recipe import Recipe
from geoseg.learning.training import train as learn
from geoseg.tools.calibrate import calibrate
from geoseg.tools.pairs import Loaded, find_pairs, load_pairs
from geoseg.tools.train import TrainOptions, prepare
from train_parcels_aerial import generate

CAP = 16
"""Pixels from which on all distances are alike."""
BETA = 0.1
"""Error, as a share of the cap, from which on the loss is linear."""
UNKNOWN = -1.0
"""Stands for a distance that what lies outside of the chip could shorten."""


def distances(parcel: Tensor, cap: int = CAP) -> Tensor:
    """Measure how far pixels of parcels are from the nearest other pixel of their chip.

    Args:
        parcel: (n, rows, cols), 1 inside of parcels, 0 elsewhere.
        cap: the largest distance told apart, in pixels.

    Returns:
        (n, rows, cols), 0 to 1: the Euclidean distance, at most the cap, divided by it; `UNKNOWN`
        where the chip's edge is nearer.
    """
    squares = torch.where(parcel > 0, float(cap**2), 0.0)
    for axis in (-1, -2):
        squares = _lower(squares, axis, cap)
    size = parcel.shape[-1]
    inward = torch.minimum(torch.arange(size) + 1, size - torch.arange(size))
    edge = torch.minimum(inward, inward[:, None])
    return torch.where(squares.sqrt() <= edge, squares.sqrt() / cap, UNKNOWN)


def _lower(squares: Tensor, axis: int, cap: int) -> Tensor:
    """Take the least of (value + squared offset) along one axis; both axes give the distance.

    Source: Felzenszwalb and Huttenlocher, Distance Transforms of Sampled Functions, 2012, eq. 1.
    """
    least = squares.clone()
    for offset in range(1, cap):
        first, second = slice(None, -offset), slice(offset, None)
        for here, there in ((first, second), (second, first)):
            part = least.movedim(axis, 0)[here]
            torch.minimum(part, squares.movedim(axis, 0)[there] + offset**2, out=part)
    return least


class ThreeHeads(nn.Conv2d):
    """The last convolution, which also gives the distance while it learns."""

    def __init__(self, head: nn.Conv2d) -> None:
        super().__init__(head.in_channels, head.out_channels, 1)
        self.weight, self.bias = head.weight, head.bias
        self.distance = nn.Conv2d(head.in_channels, 1, 1)
        nn.init.zeros_(self.distance.weight)
        nn.init.constant_(self.distance.bias, 0.5)

    def forward(self, pixels: Tensor) -> Tensor:
        """Give (n, 3, rows, cols) while it learns, (n, 2, rows, cols) else."""
        logits = super().forward(pixels)
        return torch.cat([logits, self.distance(pixels)], dim=1) if self.training else logits


def with_distance(sampler: Batches) -> Batches:
    """Add the distance to the targets; chips are turned, zoomed and lit already."""
    def drawn(number: int) -> Batch:
        batch = sampler(number)
        distance = distances(batch.target[:, 0])[:, None]
        return replace(batch, target=torch.cat([batch.target, distance], dim=1))

    return drawn


def loss_with_distance(weight: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Make the recipe's loss plus a share of the distance's smooth L1."""
    plain = parse_loss(Recipe().loss)

    def loss(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        value = plain(logits[:, :2], target[:, :2], valid)
        if logits.shape[1] == 2:
            return value
        truth = target[:, 2:]
        each = functional.smooth_l1_loss(logits[:, 2:], truth, beta=BETA, reduction="none")
        counts = valid * (truth != UNKNOWN)
        return value + weight * (each * counts).sum() / counts.sum().clamp(min=1)

    return loss


def learn_fold(model: Path, number: int, loaded: Loaded, first: Path, chosen) -> None:
    """Train one network; `chosen.weight` above 0 gives it the third head."""
    known = tuple(one for one in loaded.sources if one.name not in folds()[number])
    LOSSES["with-distance"] = loss_with_distance(chosen.weight)
    recipe = Recipe(
        steps=chosen.steps, rate=3e-3, validations=1, seed=chosen.seed,
        loss="with-distance" if chosen.weight else Recipe().loss,
    )
    options = TrainOptions(
        start=first, resolution=(0.4, 5.0), hold_out_names=tuning_of(number), chip=chosen.chip,
        batch=chosen.batch, recipe=recipe, half=False,
    )
    network, job = prepare(replace(loaded, sources=known), model, options)
    job = replace(job, draw=lambda *_: None)
    if chosen.weight:
        network.head = ThreeHeads(network.head)
        job = replace(job, sampler=with_distance(job.sampler))
    learn(network, job)
    tensors, metadata = read_tensors(model)
    write_tensors(model, {k: v for k, v in tensors.items() if ".distance." not in k}, metadata)


def load_all(folder: Path, generated: list[Path]) -> Loaded:
    """Read all scenes once."""
    listed = folder / "all.csv"
    real = [(*pair(name), 2) for name in sum(folds(), [])]
    rows = [*real, *((one, one.with_suffix(".gpkg"), 1) for one in generated)]
    lines = ["scene,labels,weight", *(",".join(map(str, row)) for row in rows)]
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_pairs(find_pairs([listed]), bands=None)


def tuning_of(number: int) -> tuple[str, ...]:
    """Give the aerials that choose moment and thresholds of a fold: those of cross_validate.py."""
    rest = [name for name in sum(folds(), []) if name not in folds()[number]]
    return tuple(map(str, np.random.default_rng(number).choice(rest, TUNING, False)))


def one_run(folder: Path, number: int, loaded: Loaded, first: Path, chosen) -> None:
    """Train, tune and score one network."""
    name = f"fold{number}-seed{chosen.seed}-weight{chosen.weight:g}"
    kept, model = folder / f"{name}.json", folder / f"{name}.safetensors"
    if not kept.exists():
        started = time.process_time()
        learn_fold(model, number, loaded, first, chosen)
        learnt = time.process_time()
        calibrate(model, [path for place in tuning_of(number) for path in pair(place)], threads=1)
        print(f"{learnt - started:.0f} s to learn, {time.process_time() - learnt:.0f} to tune")
        kept.write_text(json.dumps(score(folder, model, folds()[number])))
    scores = json.loads(kept.read_text())
    print(f"{name:28}" + "".join(f"{scores[one]:18.3f}" for one in COLUMNS), flush=True)


def numbers(text: str) -> list[int]:
    """Read 0,3."""
    return [int(one) for one in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", type=numbers, default=list(range(FOLDS)))
    parser.add_argument("--seeds", type=numbers, default=[0, 1])
    parser.add_argument("--weight", type=float, default=1.0, help="of the distance's loss")
    parser.add_argument("--steps", type=int, default=300, help="updates of each run")
    parser.add_argument("--first-steps", type=int, default=600, help="of the first training")
    parser.add_argument("--chip", type=int, default=128)
    parser.add_argument("--batch", type=int, default=4)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    use_threads(1)
    generated = generate(chosen.folder, 20)
    first = chosen.folder / "first.safetensors"
    if not first.exists():
        scenes = [(one, one.with_suffix(".gpkg"), 1) for one in generated]
        train(first, scenes, "--steps", chosen.first_steps)
    loaded = load_all(chosen.folder, generated)
    print(f"{'':28}" + "".join(f"{name.replace('_', ' '):>18}" for name in COLUMNS))
    for seed in chosen.seeds:
        for number in chosen.folds:
            for weight in (0.0, chosen.weight):
                what = argparse.Namespace(**{**vars(chosen), "seed": seed, "weight": weight})
                one_run(chosen.folder, number, loaded, first, what)


if __name__ == "__main__":
    main()
