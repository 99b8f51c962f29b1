"""Train the bundled model again, from the real aerials and from generated scenes.

    python tests/benchmarks/train_parcels_aerial.py FOLDER [--seconds 3300] [-- TRAIN OPTIONS]

Writes the generated scenes, the list train.csv and the model parcels-aerial.safetensors to FOLDER.
Six aerials are not in the list: bench_model.py scores on them. Three others, of other places, are
held out to choose the best moment of the training and the thresholds.
"""

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench_model import DATA, ROOT, TEST

VALIDATION = (
    "38.7482309848128--89.6548676255029", "40.2255287534228--88.8321466181766",
    "44.0346771143346--93.8702092820737",
)
SCENES, SIZE = 36, 768
"""Generated scenes, and pixels per side."""
RESOLUTIONS = (0.4, 4.0)
"""Metres per pixel of the finest and the coarsest generated scene."""
WEIGHT = 2
"""How often a real aerial is drawn, relative to its size."""
SOURCE = (
    "hand-drawn fields on 21 NAIP aerials (labels MIT, (c) 2021 Radix; imagery USDA, public "
    "domain) and 36 scenes of geoseg's own generator (CC0)"
)


def generate(folder: Path, count: int = SCENES) -> list[Path]:
    """Make the scenes that are not there yet."""
    sizes = np.exp(np.linspace(*np.log(RESOLUTIONS), count))
    order = np.random.default_rng(1).permutation(count)
    scenes = [folder / f"g{number:02d}.tif" for number in range(count)]
    for number, scene in enumerate(scenes):
        if not scene.exists():
            subprocess.run(
                [sys.executable, ROOT / "sample_data" / "generate.py", scene,
                 scene.with_suffix(".gpkg"), "--size", str(SIZE), "--seed", str(100 + number),
                 "--resolution", f"{sizes[order[number]]:.2f}"],
                check=True,
            )
    return scenes


def write_list(path: Path, scenes: list[Path]) -> None:
    """Write the scenes to train and to validate on."""
    naip = DATA / "parcels_naip"
    real = [one for one in sorted((naip / "images").glob("*.png")) if one.stem not in TEST]
    with path.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["scene", "labels", "weight"])
        rows.writerows((one, naip / "instances" / one.name, WEIGHT) for one in real)
        rows.writerows((one, one.with_suffix(".gpkg"), 1) for one in scenes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=3300)
    chosen, more = parser.parse_known_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    write_list(chosen.folder / "train.csv", generate(chosen.folder))
    model = chosen.folder / "parcels-aerial.safetensors"
    held_out = [part for name in VALIDATION for part in ("--hold-out", name)]
    geoseg = [sys.executable, "-m", "geoseg"]
    subprocess.run(
        [*geoseg, "train", chosen.folder / "train.csv", model, *held_out, "--resolution", "0.4,5",
         "--time-limit", str(chosen.seconds), "--validations", "11", "--patience", "100",
         "--license", "MIT", "--source", SOURCE, *(one for one in more if one != "--")],
        check=True, env=os.environ,
    )
    naip = DATA / "parcels_naip"
    known = [
        path for name in VALIDATION
        for path in (naip / "images" / f"{name}.png", naip / "instances" / f"{name}.png")
    ]
    subprocess.run([*geoseg, "model", "calibrate", model, *known], check=True)


if __name__ == "__main__":
    main()
