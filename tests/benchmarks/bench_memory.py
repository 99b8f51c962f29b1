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

MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20000)
    parser.add_argument("--columns", type=int, default=20000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scene, out = Path(name) / "scene.tif", Path(name) / "parcels.gpkg"
        subprocess.run(
            [sys.executable, "-c",
             f"import mirrored; mirrored.write_mirrored({str(scene)!r}, {chosen.rows}, "
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
