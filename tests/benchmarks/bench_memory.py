"""Measure the peak memory of the main job on a large scene, beside what the plan said.

    python tests/benchmarks/bench_memory.py [--rows 20000] [--columns 20000]

The scene is the sample scene, repeated as a mirror does, DEFLATE in tiles of 512.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


def make_scene(path: Path, rows: int, columns: int) -> None:
    """Write the scene a strip at a time."""
    with rasterio.open(ROOT / "sample_data" / "scene.tif") as source:
        pixels, profile = source.read(), source.profile
    pair = np.concatenate([pixels, pixels[:, :, ::-1]], axis=2)
    wide = np.tile(pair, (1, 1, -(-columns // pair.shape[2])))[:, :, :columns]
    profile |= {"height": rows, "width": columns, "bigtiff": "if_safer"}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"}
    with rasterio.open(path, "w", **profile) as target:
        for start in range(0, rows, 1024):
            flipped = wide[:, ::-1] if start // 1024 % 2 else wide
            stop = min(start + 1024, rows)
            target.write(flipped[:, : stop - start], window=((start, stop), (0, columns)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--columns", type=int, default=20000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scene, out = Path(name) / "scene.tif", Path(name) / "parcels.gpkg"
        subprocess.run(
            [sys.executable, "-c",
             f"import bench_memory as b; b.make_scene(b.Path({str(scene)!r}), {chosen.rows}, "
             f"{chosen.columns})"],
            check=True, cwd=Path(__file__).parent,
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        started = time.perf_counter()
        command = [sys.executable, "-m", "geoseg", "vectorize", str(scene), str(out), "--json"]
        shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - started
        made = json.loads(shown.stdout)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        planned = made["plan"]["memory_bytes"]
        pixels = chosen.rows * chosen.columns
        print(
            f"{chosen.columns} x {chosen.rows}: {made['parcels']} parcels in {seconds:.0f} s "
            f"({pixels / seconds / 1e6:.2f} million pixels per second), peak {peak / MIB:.0f} MiB, "
            f"the plan said {planned / MIB:.0f} MiB, making the scene took {before // 1024} MiB"
        )


if __name__ == "__main__":
    main()
