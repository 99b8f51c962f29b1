"""Compare shards with a plain run on one scene, the bundled network included: bytes and CPU time.

    python tests/benchmarks/bench_shards.py [--size 3000] [--shard-rows 256 1024 3000] [--dask 2]

The scene is the sample scene, repeated as a mirror does. Each line is a process of its own; the
CPU seconds are those of it and of all its children.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_memory import make_scene

GEOSEG = [sys.executable, "-m", "geoseg"]


def timed(words: list[str]) -> tuple[float, float, str]:
    """Run a command; give its CPU seconds, its seconds, and what it printed."""
    before, began = os.times(), time.perf_counter()
    shown = subprocess.run(
        [*GEOSEG, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return cpu, time.perf_counter() - began, shown.stdout


def by_hand(scene: Path, place: Path, use: list[str], rows: int) -> tuple[float, float, str]:
    """Plan, do every shard in random order with one command each, and merge."""
    cpu, seconds, shown = timed(
        ["plan", str(scene), "--out", str(place), "--shard-rows", str(rows), "--json", *use]
    )
    numbers = list(range(json.loads(shown)["shards"]))
    random.Random(7).shuffle(numbers)
    for words in (
        *(["run", str(place), "--shard", str(number), "--threads", "1"] for number in numbers),
        ["merge", str(place)],
    ):
        more = timed(words)
        cpu, seconds = cpu + more[0], seconds + more[1]
    return cpu, seconds, f"the merge {more[0]:.1f} CPU s, most of it to start"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--shard-rows", type=int, nargs="+", default=[256, 1024, 3000])
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--dask", type=int, default=2)
    chosen = parser.parse_args()
    use = ["--tile", str(chosen.tile)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = folder / "scene.tif"
        make_scene(scene, chosen.size, chosen.size)
        runs = {"plain": []}
        runs |= {f"shards of {rows}": ["--shard-rows", str(rows)] for rows in chosen.shard_rows}
        if chosen.dask:
            runs[f"dask local:{chosen.dask}"] = [
                "--shard-rows", "1024", "--dask", f"local:{chosen.dask}"
            ]
        wanted = first = None
        for title, more in runs.items():
            out = folder / f"{title.replace(' ', '-').replace(':', '-')}.gpkg"
            words = ["vectorize", str(scene), str(out), "--threads", "1", *use, *more]
            cpu, seconds, _ = timed(words)
            wanted, first = wanted or out.read_bytes(), first or cpu
            same = "same bytes" if out.read_bytes() == wanted else "OTHER BYTES"
            print(f"{title:18} {cpu:7.1f} CPU s  {cpu / first:5.3f} of plain  {seconds:7.1f} s  "
                  f"{chosen.size**2 / cpu / 1e6:.2f} Mpx per CPU s  {same}", flush=True)
        cpu, seconds, said = by_hand(scene, folder / "job", use, 1024)
        same = (folder / "job" / "parcels.gpkg").read_bytes() == wanted
        print(f"plan, run, merge   {cpu:7.1f} CPU s  {cpu / first:5.3f} of plain  {seconds:7.1f} s "
              f" {'same bytes' if same else 'OTHER BYTES'}; {said}")


if __name__ == "__main__":
    main()
