"""Compare shards with a plain run on one scene: bytes, CPU time and memory.

    python tests/benchmarks/bench_shards.py [--size 3000] [--shard-rows 256 1024 3000] [--dask 2]
    python tests/benchmarks/bench_shards.py --size 30000 --tile 1024 --network small \
        --shard-rows 6144 --dask-rows 2048 --kills 5 --hand-rows 10240

The scene is the sample scene, repeated as a mirror does, and the network the bundled one; `small`
is one of two filters, trained on the sample scene for some seconds, for scenes that the bundled one
would take hours for. Each line is a process of its own; CPU seconds are those of it and of all its
children, memory that of the largest of them. With `--kills`, so many workers of the Dask cluster
are killed with -9 at random moments.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mirrored import write_mirrored

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"
GEOSEG = [sys.executable, "-m", "geoseg"]
AT_WORK = 3.0
"""CPU seconds after which a worker has loaded its libraries."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a command took."""

    cpu: float
    """CPU seconds, its children's too."""
    seconds: float
    """Seconds by the clock."""
    mib: float
    """Peak memory of its largest process."""
    said: str
    """Its standard output."""


def timed(words: list[str], kill: int = 0) -> Used:
    """Run a command, and kill so many of its busy children."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([*GEOSEG, *words], stdout=out, stderr=subprocess.DEVNULL)
        threading.Thread(target=kill_children, args=(process, kill), daemon=True).start()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"geoseg {' '.join(words)} ended with {process.returncode}")
        out.seek(0)
        cpu = used.ru_utime + used.ru_stime
        return Used(cpu, time.perf_counter() - began, used.ru_maxrss / 1024, out.read())


def kill_children(process: subprocess.Popen, n: int) -> None:
    """Kill workers at random moments, each one when it is at work."""
    import psutil

    killed: set[int] = set()
    while len(killed) < n:
        time.sleep(random.uniform(2, 20))
        try:
            busy = [one for one in psutil.Process(process.pid).children(recursive=True)
                    if one.pid not in killed and one.cpu_times().user > AT_WORK]
        except psutil.NoSuchProcess:
            print(f"only {len(killed)} of {n} workers could be killed: the run has ended")
            return
        if busy:
            chosen = random.choice(busy)
            chosen.send_signal(signal.SIGKILL)
            killed.add(chosen.pid)
            print(f"  killed worker {len(killed)}", flush=True)


def by_hand(scene: Path, place: Path, use: list[str], rows: int) -> Used:
    """Plan, do every shard in random order with one command each, and merge."""
    plan = timed(
        ["plan", str(scene), "--out", str(place), "--shard-rows", str(rows), "--json", *use]
    )
    numbers = list(range(json.loads(plan.said)["shards"]))
    random.shuffle(numbers)
    shards = [timed(["run", str(place), "--shard", str(number), "--threads", "1"])
              for number in numbers]
    merge = timed(["merge", str(place)])
    print(f"  merge {merge.cpu:.1f} CPU s, {merge.mib:.0f} MiB; {len(shards)} shards in random "
          f"order, {max(one.mib for one in shards):.0f} MiB", flush=True)
    steps = [plan, *shards, merge]
    return Used(sum(one.cpu for one in steps), sum(one.seconds for one in steps),
                max(one.mib for one in steps), "")


def train_small(model: Path) -> None:
    """Train a network of two filters on the sample scene."""
    timed(["train", str(SAMPLE / "scene.tif"), str(SAMPLE / "parcels.gpkg"), str(model),
           "--width", "2", "--steps", "120", "--chip", "128", "--batch", "4", "--rate", "0.01",
           "--validations", "1", "--threads", "1"])


def runs(chosen: argparse.Namespace) -> dict[str, list[str]]:
    """Name the runs of one command, with their options."""
    made = {"plain": []}
    made |= {f"shards of {rows}": ["--shard-rows", str(rows)] for rows in chosen.shard_rows}
    if chosen.dask:
        title = f"dask, {chosen.kills} kills" if chosen.kills else "dask"
        rows = ["--shard-rows", str(chosen.dask_rows)]
        made[title] = [*rows, "--dask", f"local:{chosen.dask}"]
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3000)
    parser.add_argument("--shard-rows", type=int, nargs="+", default=[256, 1024, 3000])
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--network", choices=("bundled", "small"), default="bundled")
    parser.add_argument("--dask", type=int, default=2)
    parser.add_argument("--dask-rows", type=int, default=1024)
    parser.add_argument("--hand-rows", type=int, default=1024)
    parser.add_argument("--kills", type=int, default=0)
    chosen = parser.parse_args()
    random.seed(7)
    use = ["--tile", str(chosen.tile)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene, model = folder / "scene.tif", folder / "small.safetensors"
        write_mirrored(scene, chosen.size, chosen.size)
        if chosen.network == "small":
            train_small(model)
            use += ["--model", str(model)]
        wanted = first = None

        def compare(title: str, out: Path, used: Used) -> None:
            nonlocal wanted, first
            wanted, first = wanted or out.read_bytes(), first or used.cpu
            same = "same bytes" if out.read_bytes() == wanted else "OTHER BYTES"
            print(f"{title:18} {used.cpu:7.1f} CPU s  {used.cpu / first:5.3f} of plain  "
                  f"{used.seconds:7.1f} s  {chosen.size**2 / used.cpu / 1e6:.2f} Mpx per CPU s  "
                  f"{used.mib:5.0f} MiB  {same}", flush=True)

        for number, (title, more) in enumerate(runs(chosen).items()):
            out = folder / f"{number}.gpkg"
            words = ["vectorize", str(scene), str(out), "--threads", "1", *use, *more]
            used = timed(words, chosen.kills if "dask" in title else 0)
            compare(title, out, used)
        used = by_hand(scene, folder / "job", use, chosen.hand_rows)
        compare("plan, run, merge", folder / "job" / "parcels.gpkg", used)


if __name__ == "__main__":
    main()
