"""Cross-validate the recipe by place: 30 real aerials in 6 folds of 5 neighbours.

    python tests/benchmarks/cross_validate.py FOLDER [--steps 1000] [--first-steps 1000]

A first training sees generated scenes only (of train_parcels_aerial.py), once for all folds. Every
fold goes on from it with 22 aerials and the generated scenes, chooses the moment and the label
step's thresholds on 3 others, and is scored on its 5, which nothing else has seen. Finished folds
are kept in FOLDER, so the command can be run again. Within a fold counts are added, then divided.
"""

import argparse
import json
import statistics
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

import geoseg
from bench_model import DATA
from train_parcels_aerial import generate

NAIP = DATA / "parcels_naip"
FOLDS, TUNING = 6, 3
"""Folds, and aerials of each that choose moment and thresholds."""
COLUMNS = ("pixel_iou", "parcel_precision", "parcel_recall", "parcel_f1", "panoptic_quality",
           "boundary_f_2")
"""`boundary_f_2` is at the second distance, 2 pixels: the aerials have no place on Earth."""
Names = list[str]


def folds() -> list[Names]:
    """Put neighbours together: halves by longitude, each in thirds by latitude."""
    names = sorted(path.stem for path in (NAIP / "images").glob("*.png"))
    west_first = sorted(names, key=lambda name: place(name)[1])
    half = len(names) // 2
    parts = [sorted(part) for part in (west_first[:half], west_first[half:])]
    size = len(names) // FOLDS
    return [part[at : at + size] for part in parts for at in range(0, half, size)]


def place(name: str) -> tuple[float, float]:
    """Give latitude and longitude."""
    latitude, longitude = name.split("--")
    return float(latitude), -float(longitude)


def kilometres(one: Names, other: Names) -> float:
    """Give the smallest distance between two folds."""
    def between(a: str, b: str) -> float:
        (north, east), (north_b, east_b) = place(a), place(b)
        return 111.2 * float(np.hypot(north - north_b, (east - east_b) * np.cos(north / 57.3)))

    return min(between(a, b) for a in one for b in other)


def pair(name: str) -> tuple[Path, Path]:
    """Give an aerial and its labels."""
    return NAIP / "images" / f"{name}.png", NAIP / "instances" / f"{name}.png"


def train(model: Path, scenes: list[tuple[Path, Path, int]], *more: object) -> None:
    """Run `geoseg train` on weighted pairs; an unfinished training goes on."""
    listed = model.with_suffix(".csv")
    rows = ["scene,labels,weight", *(",".join(map(str, row)) for row in scenes)]
    listed.write_text("\n".join(rows) + "\n", encoding="utf-8")
    run("train", listed, model, "--resolution", "0.4,5", "--batch", 4, "--validations", 2,
        "--patience", 100, "--full-weights", *more)


def run(*words: object) -> None:
    """Run geoseg."""
    subprocess.run([sys.executable, "-m", "geoseg", *map(str, words)], check=True)


def one_fold(folder: Path, number: int, generated: list, first: Path, options) -> dict:
    """Train, tune and score one fold."""
    kept = folder / f"fold{number}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    tested = folds()[number]
    rest = [name for name in sum(folds(), []) if name not in tested]
    tuning = [str(name) for name in np.random.default_rng(number).choice(rest, TUNING, False)]
    model = folder / f"fold{number}.safetensors"
    held_out = [word for name in tuning for word in ("--hold-out", name)]
    real = [(*pair(name), 2) for name in rest]
    train(model, real + generated, "--steps", options.steps, "--start", first, "--rate", 3e-3,
          "--threads", options.threads, "--seed", number, *held_out)
    run("model", "calibrate", model, *(path for name in tuning for path in pair(name)),
        "--threads", options.threads)
    scores = score(folder, model, tested) | {"fold": number, "places": tested}
    kept.write_text(json.dumps(scores))
    return scores


def score(folder: Path, model: Path, names: Names) -> dict:
    """Vectorize places and compare them with their truth."""
    total = None
    for name in names:
        scene, truth = pair(name)
        made = geoseg.vectorize(scene, folder / f"{name}.gpkg", model=model, overwrite=True)
        one = geoseg.evaluate(made.path, truth)
        total = one if total is None else total + one
    return {name: total.scores[name] for name in COLUMNS}


def report(results: list[dict]) -> None:
    """Print a line for each fold, their mean and their standard deviation."""
    print(f"{'fold':24}" + "".join(f"{name.replace('_', ' '):>18}" for name in COLUMNS))
    for one in results:
        print(f"{one['fold']:<24}" + "".join(f"{one[name]:18.3f}" for name in COLUMNS))
    for title, reduce in (("mean", statistics.mean), ("standard deviation", statistics.stdev)):
        values = (reduce(one[name] for one in results) for name in COLUMNS)
        print(f"{title:24}" + "".join(f"{value:18.3f}" for value in values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1000, help="updates of each fold")
    parser.add_argument("--first-steps", type=int, default=1000, help="of the first training")
    parser.add_argument("--scenes", type=int, default=20, help="generated scenes")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    nearest = min(kilometres(*two) for two in combinations(folds(), 2))
    print(f"folds are at least {nearest:.1f} km apart", flush=True)
    scenes = generate(chosen.folder, chosen.scenes)
    generated = [(scene, scene.with_suffix(".gpkg"), 1) for scene in scenes]
    first = chosen.folder / "first.safetensors"
    train(first, generated, "--steps", chosen.first_steps, "--threads", chosen.threads)
    report([one_fold(chosen.folder, n, generated, first, chosen) for n in range(FOLDS)])


if __name__ == "__main__":
    main()
