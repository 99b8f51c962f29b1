"""Kill a run of 20,000 x 20,000 pixels ten times; compare its end with an unbroken run.

    python tests/benchmarks/bench_resume.py [--side 20000] [--kills 10] [--width 4] [--seed 7]

The network is exact and very small, so that the run takes minutes. Every run writes a line when a
batch begins in the network, so what a kill redoes is counted, not estimated. A run's *start*, to
its first batch, is not counted: loading, and reading back what is done. The unbroken run is made at
the same time as the killed ones, so that both meet the same machine.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MODEL_SEED = 1
BLOCK = 512
"""Side of the scene's blocks."""
TILE = 1024
"""Side of a tile's core."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process."""

    code: int
    """Exit code; minus the signal where one ended it."""
    kept: int
    """Tiles that were done when it began."""
    begun: int
    """Batches of one tile that began in the network."""
    cpu: float
    """CPU seconds after its start."""
    wall: float
    """Seconds after its start."""


def make_scene(path: Path, side: int) -> None:
    """Write fields with noise; no two blocks are equal."""
    import rasterio
    from affine import Affine

    rng = np.random.default_rng(3)
    profile = {
        "driver": "GTiff", "count": 1, "dtype": "uint8", "height": side, "width": side,
        "crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 5.4e6), "tiled": True,
        "blockxsize": BLOCK, "blockysize": BLOCK,
    }
    noise = rng.integers(0, 60, (BLOCK, side + 997), dtype=np.uint8)
    cols = np.arange(side) // 83
    with rasterio.open(path, "w", **profile) as target:
        for row in range(0, side, BLOCK):
            rows = np.arange(row, min(row + BLOCK, side)) // 71
            fields = (rows[:, None] * 37 + cols * 91) % 190
            start = rng.integers(0, 997)
            strip = fields.astype(np.uint8) + noise[: len(rows), start : start + side]
            target.write(strip, 1, window=((row, row + len(rows)), (0, side)))


def make_model(path: Path, width: int) -> None:
    """Write a network of few filters on the first level, with an output that varies."""
    import torch

    from geoseg.learning.checkpoint import save
    from geoseg.learning.unet import build
    from geoseg.spec import Band, LabelClass, ModelSpec

    network = build("unet", width=width, bands=1, classes=2, seed=MODEL_SEED).eval()
    network.head.weight.data.normal_(0, 2.0, generator=torch.Generator().manual_seed(MODEL_SEED))
    classes = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
    save(path, ModelSpec(
        "tiny", (Band("grey", 0, 255),), "uint8", classes, (0.1, 5.0), network.divisor,
        network.halo, "unet", width,
    ), network)


def child(scene: str, model: str, mask: str) -> None:
    """Run `predict`; say when the first batch begins, and when each one does."""
    import geoseg
    from geoseg.learning.predictor import Predictor

    ask = Predictor.predict
    begun = 0

    def counted(self: Predictor, *arrays: object, **options: object) -> object:
        nonlocal begun
        begun += 1
        if begun == 1:
            say(f"start {time.process_time()} {time.monotonic()}")
        say("begin")
        return ask(self, *arrays, **options)

    Predictor.predict = counted
    geoseg.predict(
        scene, mask, model=model, threads=1, device="cpu", tile=TILE, batch=1,
        progress=lambda event: say(f"kept {event['done']}") if "done" in event and not begun else 0,
    )


def say(line: str) -> None:
    """Write a line so that a kill cannot take it back."""
    os.write(1, f"{line}\n".encode())


def run(folder: Path, mask: Path, kill_at: tuple[int, float] | None = None) -> Run:
    """Run to the end, or kill some seconds after so many batches have begun."""
    words = [sys.executable, __file__, "--child", folder / "scene.tif", folder / "m.safetensors"]
    log = mask.with_suffix(".said")
    with log.open("wb") as out:
        process = subprocess.Popen([*map(str, words), str(mask)], stdout=out)
        while kill_at is not None and process.poll() is None:
            if log.read_bytes().count(b"begin\n") >= kill_at[0]:
                time.sleep(kill_at[1])
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.005)
        _, status, usage = os.wait4(process.pid, 0)
    ended, said = time.monotonic(), log.read_text()
    process.returncode = os.waitstatus_to_exitcode(status)
    start = re.search(r"^start (\S+) (\S+)", said, re.MULTILINE)
    cpu, wall = (float(one) for one in start.groups()) if start else (0.0, ended)
    kept = re.findall(r"^kept (\d+)", said, re.MULTILINE)
    return Run(
        process.returncode, int(kept[-1]) if kept else 0, said.count("begin\n"),
        usage.ru_utime + usage.ru_stime - cpu, ended - wall,
    )


def kills(folder: Path, mask: Path, tiles: int, n: int) -> list[Run]:
    """Kill at n random moments of the prediction, then let the run end."""
    moments = sorted(random.uniform(0, tiles) for _ in range(n))
    runs, kept = [], 0
    for moment in moments:
        batches = max(1, int(moment) - kept)
        runs.append(run(folder, mask, (batches, random.uniform(0, 0.25))))
        kept += max(0, runs[-1].begun - 1)
        print(f"killed after {runs[-1].begun} batches ({runs[-1].kept} were done before)",
              flush=True)
    return [*runs, run(folder, mask)]


def report(whole: Run, runs: list[Run], same: bool) -> bool:
    """Print what the kills cost; True where the promise held."""
    redone = [one.kept + one.begun - after.kept for one, after in zip(runs, runs[1:])]
    cpu, wall = sum(one.cpu for one in runs), sum(one.wall for one in runs)
    excess = cpu / whole.cpu - 1
    print(f"unbroken: {whole.begun} batches, {whole.cpu:.1f} s of CPU, {whole.wall:.1f} s")
    print(f"killed {len(redone)} times: {sum(one.begun for one in runs)} batches, {cpu:.1f} s of "
          f"CPU ({excess:+.2%}), {wall:.1f} s ({wall / whole.wall - 1:+.2%})")
    print(f"batches redone after each kill: {redone}; the bytes are {'' if same else 'NOT '}equal")
    return same and max(redone) <= 1 and excess < 0.05 and runs[-1].code == 0


def main() -> None:
    """Run; exit with 1 where the promise did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20000, help="of the scene, in pixels")
    parser.add_argument("--kills", type=int, default=10, help="how many")
    parser.add_argument("--width", type=int, default=4, help="of the network")
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(*chosen.child)
        return
    random.seed(chosen.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        make_scene(folder / "scene.tif", chosen.side)
        make_model(folder / "m.safetensors", chosen.width)
        tiles = (-(-chosen.side // TILE)) ** 2
        with ThreadPoolExecutor(1) as beside:
            unbroken = beside.submit(run, folder, folder / "whole.tif")
            runs = kills(folder, folder / "mask.tif", tiles, chosen.kills)
            whole = unbroken.result()
        same = filecmp.cmp(folder / "whole.tif", folder / "mask.tif", shallow=False)
        sys.exit(not report(whole, runs, same))


if __name__ == "__main__":
    main()
