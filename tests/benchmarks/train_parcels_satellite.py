"""Train the bundled model for pixels of about 10 m again, from parcels-aerial on.

    python tests/benchmarks/train_parcels_satellite.py FOLDER [--steps 200] [-- TRAIN OPTIONS]

There are no parcels on satellite imagery here that may be trained on, so it learns from the real
aerials and from generated scenes as coarse_scenes.py makes them. The aerials are split as for
parcels-aerial: six are in no list, three choose the moment of training and the thresholds. Writes
the scenes, the list train.csv and the model parcels-satellite.safetensors to FOLDER.
"""

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from bench_instances import truth_of
from bench_model import DATA, ROOT, TEST
from coarse_scenes import Look, coarse, write
from train_parcels_aerial import VALIDATION

from geoseg.grid import GeoBox
from geoseg.learning.checkpoint import read_spec, replace_spec

Sharp = tuple[str, np.ndarray, np.ndarray]
"""Name, (3, rows, cols) image and (rows, cols) labels of a sharp scene."""

LOOKS = (Look(2), Look(3), Look(3, 2), Look(4, 2), Look(5, 2), Look(6.5, 2), Look(8, 2))
"""At which each training aerial is seen; its middle parcel is 11 to 45 pixels wide."""
GENERATED = (2.5, 3.3, 5.0)
"""Metres per pixel of generated scenes before they are made coarse, in turn."""
GENERATED_LOOKS = {2.5: Look(4, 2), 3.3: Look(3, 2), 5.0: Look(2, 2)}
"""Ten metres, read at five; some are made coarser still."""
SCENES, SIZE = 12, 1020
"""Generated scenes, and pixels per side before they are made coarse."""
FIRST_SEED, CHOOSING_SEEDS = 300, (400, 401, 402, 403)
"""Of the generated scenes to train on, and of those that choose."""
REAL = 2.0
"""How often aerials are drawn, relative to generated scenes."""
LEAST_AREA = 1000.0
"""Square metres: ten pixels of Sentinel-2."""
SOURCE = (
    "parcels-aerial, then hand-drawn fields on 21 NAIP aerials (labels MIT, (c) 2021 Radix; "
    "imagery USDA, public domain) and 12 scenes of geoseg's own generator (CC0), averaged to about "
    "10 m"
)


def aerials(names: tuple[str, ...] = ()) -> Iterator[Sharp]:
    """Read the aerials of these names, or those to train on."""
    for image in sorted((DATA / "parcels_naip" / "images").glob("*.png")):
        if image.stem in names or not names and image.stem not in TEST + VALIDATION:
            labels = image.parents[1] / "instances" / image.name
            with rasterio.open(image) as pixels, rasterio.open(labels) as numbers:
                yield image.stem, pixels.read([1, 2, 3]), numbers.read(1).astype(np.int32)


def generated(folder: Path, seed: int, metres: float) -> Sharp:
    """Make a sharp scene, unless it is there."""
    scene = folder / f"fine{seed}.tif"
    if not scene.exists():
        subprocess.run(
            [sys.executable, ROOT / "sample_data" / "generate.py", scene,
             scene.with_suffix(".gpkg"), "--size", str(SIZE), "--seed", str(seed),
             "--resolution", str(metres)], check=True, stdout=subprocess.DEVNULL,
        )
    with rasterio.open(scene) as source:
        grid = GeoBox(source.height, source.width, source.transform, source.crs)
        return f"g{seed}", source.read([1, 2, 3]), truth_of(scene.with_suffix(".gpkg"), grid)


def make(folder: Path, sharp: Sharp, looks: tuple[Look, ...], seed: int) -> list[Path]:
    """Write a sharp scene as it looks from space; give the paths without suffix."""
    name, image, labels = sharp
    paths = []
    for number, look in enumerate(looks):
        path = folder / f"{name}_{look.coarser:g}_{look.finer}"
        random = np.random.default_rng((seed, number))
        if not Path(f"{path}.tif").exists():
            write(path, *coarse(image, labels, look, random), look)
        paths.append(path)
    return paths


def scenes_of(folder: Path, seeds: range | tuple[int, ...]) -> list[Path]:
    """Make generated scenes coarse, every third one coarser than ten metres."""
    paths = []
    for number, seed in enumerate(seeds):
        metres = GENERATED[number % len(GENERATED)]
        look = GENERATED_LOOKS[metres]
        if number % 4 == 3:
            look = Look(look.coarser * 1.6, look.finer)
        paths += make(folder, generated(folder, seed, metres), (look,), seed)
    return paths


def weight_of(path: Path, share: float) -> float:
    """Make a scene be drawn as often as others of its kind, however small it is."""
    with rasterio.open(f"{path}.tif") as source:
        return round(share * 2**18 / (source.width * source.height), 4)


def write_list(path: Path, real: list[Path], made: list[Path]) -> None:
    """Write the scenes to train and to validate on."""
    kinds = ((real, REAL * len(made) / len(real)), (made, 1.0))
    with path.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["scene", "labels", "weight"])
        for paths, share in kinds:
            rows.writerows((f"{one}.tif", f"{one}-parcels.tif", weight_of(one, share))
                           for one in paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    chosen, more = parser.parse_known_args()
    folder = chosen.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    real = [one for number, sharp in enumerate(aerials())
            for one in make(folder, sharp, LOOKS, number)]
    held = [one for number, sharp in enumerate(aerials(VALIDATION))
            for one in make(folder, sharp, LOOKS[2:-1], 1000 + number)]
    made = scenes_of(folder, range(FIRST_SEED, FIRST_SEED + SCENES))
    choosing = scenes_of(folder, CHOOSING_SEEDS)
    write_list(folder / "train.csv", real + held, made + choosing)
    model = folder / "parcels-satellite.safetensors"
    held_out = [part for one in held + choosing for part in ("--hold-out", one.name)]
    geoseg = [sys.executable, "-m", "geoseg"]
    subprocess.run(
        [*geoseg, "train", folder / "train.csv", model, "--start", "parcels-aerial", *held_out,
         "--resolution", "3,6", "--batch", "4", "--zoom", "0.7,1.4", "--rate", "2e-3",
         "--steps", str(chosen.steps), "--validations", "4", "--patience", "100",
         "--license", "MIT", "--source", SOURCE, *(one for one in more if one != "--")],
        check=True, env=os.environ,
    )
    known = [f"{one}{suffix}" for one in held + choosing for suffix in (".tif", "-parcels.tif")]
    subprocess.run([*geoseg, "model", "calibrate", model, *known], check=True)
    spec = read_spec(model)
    instances = replace(spec.instances, min_area_m2=LEAST_AREA)
    replace_spec(model, replace(spec, instances=instances))


if __name__ == "__main__":
    main()
