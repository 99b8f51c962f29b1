"""Choose the bundled model's least confidence on aerials and on coarse generated scenes.

    python tests/benchmarks/choose_confidence.py [--model parcels-aerial]

The three aerials chose its other thresholds; the generated scenes (seeds 900 to 903) are averaged
to 10 m per pixel, since blurred parcels are less sure. The value with the best mean of the two F1
is taken. Neither was trained on, and no score of the model's card is of these places.
"""

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import bench_model
import numpy as np
import rasterio
from affine import Affine
from bench_instances import Strips, truth_of
from train_parcels_aerial import VALIDATION

import geoseg
from geoseg.evaluation import count_parcels, overlaps_of_labels, parcel_scores
from geoseg.raster import MaskReader
from geoseg.spec import ModelSpec
from geoseg.tools.parcels import LineChoice, label_options
from geoseg.vectorizer.label import cut
from geoseg.vectorizer.merging import merge
from geoseg.vectorizer.tune import Grid

COARSE = 10.0
"""Metres per pixel."""
GENERATED = ((900, 2.5), (901, 3.3), (902, 2.5), (903, 5.0))
"""Seed, and metres per pixel before averaging, of each scene."""
SIDE = 1020
"""Pixels of a generated scene: a multiple of 2, 3 and 4."""


def aerials() -> list[tuple[Path, Path]]:
    """Give the three aerials and their labels."""
    naip = bench_model.DATA / "parcels_naip"
    return [(naip / "images" / f"{name}.png", naip / "instances" / f"{name}.png")
            for name in VALIDATION]


def coarse(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Generate scenes and average them."""
    for seed, metres in GENERATED:
        fine, truth = folder / f"fine{seed}.tif", folder / f"{seed}.gpkg"
        subprocess.run([sys.executable, bench_model.ROOT / "sample_data" / "generate.py", fine,
                        truth, "--size", str(SIDE), "--seed", str(seed),
                        "--resolution", str(metres)], check=True)
        times = math.floor(COARSE / metres)
        with rasterio.open(fine) as source:
            pixels, profile = source.read([1, 2, 3]).astype(np.float32), source.profile
        side = SIDE // times
        mean = pixels.reshape(3, side, times, side, times).mean((2, 4)).round().astype(np.uint8)
        profile |= {"height": side, "width": side, "count": 3,
                    "transform": profile["transform"] @ Affine.scale(times)}
        with rasterio.open(folder / f"{seed}.tif", "w", **profile) as target:
            target.write(mean)
        yield folder / f"{seed}.tif", truth


def scores(places: list[tuple[Path, Path]], model: str, folder: Path) -> list[float]:
    """Give the parcel F1 of all places together for each value of the grid."""
    totals: list = [None] * len(Grid().confidence)
    for scene, truth in places:
        stored = folder / f"mask-{scene.stem}.tif"
        geoseg.predict(scene, stored, model=model, threads=1)
        with MaskReader(stored) as mask:
            bands, grid = mask.read(0, mask.shape[0]), mask.geobox
            spec = ModelSpec.from_json(mask.tags["GEOSEG_SPEC"])
        true, options = truth_of(truth, grid), label_options(grid, spec.instances, LineChoice())
        raster, basins = cut(Strips(bands), options=options)
        for number, least in enumerate(Grid().confidence):
            raster.finish(*merge(basins, replace(options, confidence=least)))
            found = np.maximum(raster.read(0, raster.shape[0]), 0)
            counts = count_parcels(overlaps_of_labels(true, found))
            before = totals[number]
            totals[number] = counts if before is None else before + counts
    return [parcel_scores(asdict(one))["parcel_f1"] for one in totals]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="parcels-aerial")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real = scores(aerials(), chosen.model, folder)
        made = scores(list(coarse(folder)), chosen.model, folder)
    print("confidence   aerials   coarse   mean")
    for least, one, other in zip(Grid().confidence, real, made, strict=True):
        print(f"{least:10.2f}{one:10.3f}{other:9.3f}{(one + other) / 2:7.3f}")


if __name__ == "__main__":
    main()
