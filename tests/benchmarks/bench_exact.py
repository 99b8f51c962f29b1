"""Show that mask and parcels depend on no tile size, batch or number of threads.

    python tests/benchmarks/bench_exact.py [--size 3000] [--tiles 256,512,1024,3008]
    python tests/benchmarks/bench_exact.py --size 4500 --tiles 256,512,1024,2048,4096 \
        --batches 4,16 --threads 1,2

The scene is the sample scene, mirrored. The default's last tile holds the whole scene at once.
Tiles are run with one sample a batch and all threads; batches with the first tile size; threads
with the third. Every run is compared with the first one.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from mirrored import write_mirrored

import geoseg

PARCEL = 0.5
"""Probability from which a pixel is a parcel's: where its class flips."""


def numbers(text: str) -> list[int]:
    """Read a list with commas; an empty one is none."""
    return [int(one) for one in text.split(",") if one]


def cases(chosen: argparse.Namespace) -> list[dict[str, int]]:
    """List the options of every run."""
    tiles = numbers(chosen.tiles)
    made = [{"tile": tile, "batch": 1} for tile in tiles]
    made += [{"tile": tiles[0], "batch": batch} for batch in numbers(chosen.batches)]
    tile = tiles[min(2, len(tiles) - 1)]
    return made + [{"tile": tile, "threads": n} for n in numbers(chosen.threads)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--tiles", default="256,512,1024,3008")
    parser.add_argument("--batches", default="")
    parser.add_argument("--threads", default="")
    chosen = parser.parse_args()
    first = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_mirrored(folder / "scene.tif", chosen.size, chosen.size)
        for number, options in enumerate(cases(chosen)):
            started = time.perf_counter()
            out, kept = folder / f"{number}.gpkg", folder / f"{number}.tif"
            made = geoseg.vectorize(folder / "scene.tif", out, mask=kept, **options)
            with rasterio.open(kept) as mask:
                stored = mask.read()
            first = stored if first is None else first
            limit = round(PARCEL * 254)
            flips = np.count_nonzero((stored[0] >= limit) != (first[0] >= limit))
            print(
                f"{', '.join(f'{name} {value}' for name, value in options.items()):22} "
                f"{np.count_nonzero(stored != first)} of {stored.size} stored probabilities and "
                f"{flips} classes differ from the first, {made.count} parcels, GeoPackage sha256 "
                f"{hashlib.sha256(out.read_bytes()).hexdigest()[:16]}, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
