"""The study: when does a U-Net answer one grey, and does ours ever?

    python tests/benchmarks/study_collapse.py FOLDER [--minutes 40] [--updates 60] [--chip 64]
        [--device cuda]
    python tests/benchmarks/study_collapse.py FOLDER --minutes 0     only count what is done

432 cells on each of two data sets: width x batch x rate x recipe x network x seed. Each is trained
from scratch for the same number of updates and judged on chips of places that it never saw. A
line of FOLDER/cells.csv is a finished cell; the command goes on where it was stopped. Cells that
differ from the first in the fewest factors come first, cheap ones before dear ones.
With --course N, FOLDER/course.csv follows the origin's training for N updates. `study_page.py`
draws both.
"""

import argparse
import copy
import csv
import fcntl
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path

import numpy as np
import torch

from bench_model import DATA, ROOT
from geoseg.errors import TrainingError
from geoseg.learning.chips import ArraySource, Batch, Cutter, Sampler
from geoseg.learning.job import TrainJob
from geoseg.learning.losses import bce, parse_loss
from geoseg.learning.norm_statistics import batch_norms, renew_statistics
from geoseg.learning.places import hold_out, validation_cuts
from geoseg.learning.recipe import Recipe
from geoseg.learning.training import prefetched, train
from geoseg.learning.unet import build, set_prior
from geoseg.learning.validation import Validation, validate
from geoseg.memory import keep_freed_memory
from geoseg.spec import Band, ModelSpec
from geoseg.tools.pairs import Pair, load_pairs
from geoseg.tools.train import CLASSES
from geoseg.tools.training_data import class_shares

sys.path.insert(0, str(ROOT / "sample_data"))

KERAS_MOMENTUM = 0.01
"""Of BatchNorm, in torch's sense: Keras' default keeps 0.99 of the past."""
BANDS = tuple(Band(name, 0, 255) for name in ("red", "green", "blue"))
ZOOM = (0.25, 0.5)
"""A chip sees 2 to 4 times its own pixels, so that even a small one holds borders."""
HELD_OUT = 48
"""Chips that judge a cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One training; the first value of each factor in `FACTORS` is the study's centre."""

    data: str
    network: str
    recipe: str
    rate: float
    width: int
    batch: int
    seed: int


FACTORS = {
    "data": ("naip", "generator"),
    "network": ("unet-origin", "unet"),
    "recipe": ("origin", "ours"),
    "rate": (1e-2, 1e-3, 1e-4),
    "width": (16, 32, 64),
    "batch": (8, 16, 32, 64),
    "seed": (0, 1, 2),
}


def all_cells() -> list[Cell]:
    """Give all cells in the order in which they are run."""
    cells = [Cell(*values) for values in product(*FACTORS.values())]
    return sorted(cells, key=lambda one: (far(one), one.width**2 * one.batch))


def far(cell: Cell) -> int:
    """Count the factors that differ from the centre; network and recipe are one, if they agree."""
    away = sum(getattr(cell, name) != FACTORS[name][0] for name in
               ("data", "rate", "width", "batch", "seed"))
    return away + ((cell.network == "unet") != (cell.recipe == "ours"))


@dataclass(frozen=True, slots=True)
class Place:
    """A data set: where training chips come from, and the chips that judge."""

    areas: tuple
    held_out: list[Batch]
    cutter: Cutter


def load_place(name: str, chip: int) -> Place:
    """Read or make a data set, and hold out a sixth of its scenes."""
    sources = naip() if name == "naip" else generated()
    areas, held = hold_out(sources, share=1 / 6, chip=4 * chip)
    cutter = Cutter(BANDS, chip)
    cuts = validation_cuts(held, 3 * chip, HELD_OUT)
    return Place(areas, [cutter.cut(cuts[at : at + 16]) for at in range(0, len(cuts), 16)], cutter)


def naip() -> list[ArraySource]:
    """Read the 30 aerials."""
    folder = DATA / "parcels_naip"
    images = sorted((folder / "images").glob("*.png"))
    return load_pairs([Pair(one, folder / "instances" / one.name) for one in images]).sources


def generated() -> list[ArraySource]:
    """Make 12 scenes of every landscape."""
    from generate import make_scene

    made = [make_scene(512, 2.0, seed=300 + number) for number in range(12)]
    return [
        ArraySource(f"g{number:02d}", one.pixels, one.labels(), np.ones((512, 512), bool))
        for number, one in enumerate(made)
    ]


def run_cell(cell: Cell, place: Place, updates: int, device: torch.device) -> Validation:
    """Train one cell and judge it with the statistics it would be saved with."""
    network = build(cell.network, width=cell.width, seed=cell.seed).to(device)
    sampler = Sampler(place.areas, place.cutter, cell.batch, ZOOM, cell.seed)
    if cell.recipe == "origin":
        for _ in origin_steps(network, sampler, cell.rate, updates):
            pass
    else:
        network = ours(cell, network, sampler, place, updates)
    return validate(network, place.held_out, parse_loss("bce"), device, updates)


def origin_steps(network, sampler: Sampler, rate: float, updates: int):
    """Train as the origin did: Adam at one rate, cross-entropy, Keras' BatchNorm, nothing else."""
    for norm in batch_norms(network):
        norm.momentum = KERAS_MOMENTUM
    device = next(network.parameters()).device
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, eps=1e-7)
    for step, batch in zip(range(1, updates + 1), prefetched(sampler, 0)):
        batch = batch.to(device)
        torch.manual_seed(step)
        network.train()
        logits = network(batch.pixels.contiguous(memory_format=torch.channels_last))
        optimizer.zero_grad(set_to_none=True)
        bce(logits, batch.target, batch.valid).backward()
        optimizer.step()
        yield step


def ours(cell: Cell, network, sampler: Sampler, place: Place, updates: int):
    """Train as `geoseg train` does, and give the weights that it would save."""
    set_prior(network, class_shares(sampler))
    recipe = Recipe(
        steps=updates, rate=cell.rate, validations=2, precision="fp32", seed=cell.seed
    )
    spec = ModelSpec("study", BANDS, "uint8", CLASSES, (1, 4), network.divisor, network.halo,
                     cell.network, cell.width)
    kept, device = [], str(next(network.parameters()).device)
    with tempfile.TemporaryDirectory() as folder:
        job = TrainJob(
            sampler, place.held_out, recipe, spec, Path(folder) / "m.safetensors", Path(folder),
            device, draw=lambda seen, averaged, _: kept.append(averaged),
        )
        try:
            train(network, job)
        except TrainingError as error:
            print(f"    {error}", flush=True)
    return kept[-1]


def row_of(cell: Cell, seen: Validation, updates: int, chip: int, seconds: float) -> dict:
    """Make a line of the table."""
    row = asdict(cell) | {"updates": updates, "chip": chip, "seconds": round(seconds, 1)}
    looked = seen.statistics
    for index, name in enumerate(seen.names):
        row |= {
            f"{name}_iou": looked.iou[index], f"{name}_constant": looked.share[index],
            f"{name}_spread": looked.spread[index], f"{name}_batch_iou": looked.batch_iou[index],
            f"{name}_running_iou": looked.running_iou[index],
        }
    row["active"] = min(looked.active)
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}


def follow(place: Place, updates: int, device: torch.device, every: int = 20) -> list[dict]:
    """Follow the origin's centre cell: running, own and recomputed statistics, same weights."""
    network = build("unet-origin", width=16).to(device)
    sampler = Sampler(place.areas, place.cutter, 8, ZOOM)
    rows = []
    for step in origin_steps(network, sampler, 1e-2, updates):
        if step % every == 0:
            seen = validate(network, place.held_out, parse_loss("bce"), device, step)
            mended = copy.deepcopy(network)
            renew_statistics(mended, sampler, step, 8)
            again = validate(mended, place.held_out, parse_loss("bce"), device, step)
            looked, fresh = seen.statistics, again.statistics
            rows.append({
                "step": step, "spread": looked.spread[0], "running_iou": looked.iou[0],
                "batch_iou": looked.batch_iou[0], "recomputed_iou": fresh.iou[0],
                "recomputed_spread": fresh.spread[0],
            })
    return rows


def add_row(path: Path, row: dict) -> None:
    """Add a line to a table that other processes may add to as well."""
    with path.open("a", newline="", encoding="utf-8") as lines:
        fcntl.flock(lines, fcntl.LOCK_EX)
        lines.seek(0, os.SEEK_END)
        writer = csv.DictWriter(lines, row)
        if lines.tell() == 0:
            writer.writeheader()
        writer.writerow(row)


def finished(path: Path) -> set[Cell]:
    """Read which cells are in the table."""
    if not path.exists():
        return set()
    kinds = {one.name: type(FACTORS[one.name][0]) for one in fields(Cell)}
    with path.open(newline="", encoding="utf-8") as lines:
        return {Cell(**{k: kind(row[k]) for k, kind in kinds.items()})
                for row in csv.DictReader(lines)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=40, help="CPU time; 0 only counts")
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--chip", type=int, default=64)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--course", type=int, default=0, metavar="UPDATES")
    parser.add_argument("--where", nargs="*", default=[], metavar="FACTOR=VALUE",
                        help="only these cells, for example width=16 recipe=ours")
    parser.add_argument("--part", default="1/1", help="2/3: every third cell, from the second")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    keep_freed_memory()
    table, course = chosen.folder / "cells.csv", chosen.folder / "course.csv"
    places: dict[str, Place] = {}
    part, parts = map(int, chosen.part.split("/"))
    wanted = [one.split("=") for one in chosen.where]
    cells = [one for one in all_cells() if all(str(getattr(one, k)) == v for k, v in wanted)]
    for cell in cells[part - 1 :: parts]:
        if time.process_time() > 60 * chosen.minutes:
            break
        if cell in finished(table):
            continue
        if cell.data not in places:
            places[cell.data] = load_place(cell.data, chosen.chip)
        start = time.process_time()
        seen = run_cell(cell, places[cell.data], chosen.updates, chosen.device)
        row = row_of(cell, seen, chosen.updates, chosen.chip, time.process_time() - start)
        add_row(table, row)
        print(cell, f"parcel IoU {row['parcel_iou']:.3f} spread {row['parcel_spread']:.3f}",
              flush=True)
    if chosen.course and not course.exists():
        place = load_place("naip", chosen.chip)
        for line in follow(place, chosen.course, chosen.device):
            add_row(course, line)
    print(f"{len(finished(table))} of {len(all_cells())} cells are done")


if __name__ == "__main__":
    main()
