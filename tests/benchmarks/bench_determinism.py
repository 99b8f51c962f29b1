"""What changes a stored probability: threads, batch, tile, precision, device; the sample scene.

    python tests/benchmarks/bench_determinism.py [--size 1000]

One step is 1/254. The class map is where the parcel probability is at least one half.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import torch
from mirrored import write_mirrored

import geoseg

VARIANTS: dict[str, dict[str, object]] = {
    "once more": {},
    "2 threads": {"threads": 2},
    "batches of 3": {"batch": 3},
    "tiles of 512": {"tile": 512},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
}
HALF = 127
"""Stored value of the probability one half."""


def stored(scene: Path, mask: Path, **options: object) -> np.ndarray:
    """Predict, and give the stored probabilities."""
    chosen = {"device": "cpu", "threads": 1, "tile": 256} | options
    geoseg.predict(scene, mask, overwrite=True, **chosen)
    with rasterio.open(mask) as made:
        return made.read().astype(int)


def main() -> None:
    """Compare each variant with the CPU, one thread, tiles of 256, fp32."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1000, help="of the scene, in pixels")
    chosen = parser.parse_args()
    variants = dict(VARIANTS)
    if torch.cuda.is_available():
        variants |= {"cuda": {"device": "cuda"}}
    with tempfile.TemporaryDirectory() as name:
        scene, mask = Path(name, "scene.tif"), Path(name, "mask.tif")
        write_mirrored(scene, chosen.size, chosen.size)
        first = stored(scene, mask)
        print(f"{first.size} stored probabilities\n\n| other | differ | largest step | class map |")
        print("|---|---|---|---|")
        for name, options in variants.items():
            steps = np.abs(stored(scene, mask, **options) - first)
            flips = np.mean(((first[0] >= HALF) != (mask_of(mask) >= HALF)))
            print(f"| {name} | {np.mean(steps > 0):.4%} | {steps.max()} | {flips:.4%} |",
                  flush=True)


def mask_of(path: Path) -> np.ndarray:
    """Read the parcel probabilities."""
    with rasterio.open(path) as made:
        return made.read(1)


if __name__ == "__main__":
    main()
