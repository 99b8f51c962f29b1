"""Show that mask and parcels do not depend on the tile: a 3000 x 3000 scene, four tile sizes.

    python tests/benchmarks/bench_exact.py [--size 3000] [--tiles 256,512,1024,3008]

The scene is the sample scene, mirrored. The last tile size holds the whole scene at once.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio

import geoseg

ROOT = Path(__file__).resolve().parents[2]


def make_scene(path: Path, size: int) -> None:
    """Write the sample scene, mirrored to a size."""
    with rasterio.open(ROOT / "sample_data" / "scene.tif") as source:
        pixels, profile = source.read(), source.profile
    more = max(0, size - pixels.shape[1])
    pixels = np.pad(pixels, ((0, 0), (0, more), (0, more)), mode="symmetric")[:, :size, :size]
    with rasterio.open(path, "w", **profile | {"height": size, "width": size}) as target:
        target.write(pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--tiles", default="256,512,1024,3008")
    chosen = parser.parse_args()
    first = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_scene(folder / "scene.tif", chosen.size)
        for tile in map(int, chosen.tiles.split(",")):
            started = time.perf_counter()
            out, kept = folder / f"{tile}.gpkg", folder / f"{tile}.tif"
            made = geoseg.vectorize(folder / "scene.tif", out, mask=kept, tile=tile)
            with rasterio.open(kept) as mask:
                stored = mask.read()
            first = stored if first is None else first
            print(
                f"tile {tile:5}: {np.count_nonzero(stored != first)} of {stored.size} stored "
                f"probabilities differ from the first, {made.count} parcels, GeoPackage sha256 "
                f"{hashlib.sha256(out.read_bytes()).hexdigest()[:16]}, "
                f"{time.perf_counter() - started:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
