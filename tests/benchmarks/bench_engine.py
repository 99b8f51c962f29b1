"""Compare `geoseg predict` from file to file with the network alone, and its memory with the plan.

    python tests/benchmarks/bench_engine.py rate [--rows 5000] [--columns 5000] [--compress deflate]
        [--device cuda]
    python tests/benchmarks/bench_engine.py rows [--columns 1024] [--rows 5000,20000,60000]

`rate`: the network on one thread. Its share of the time from the first read to the finished mask;
the same with the time of as many tiles on which it runs alone afterwards, so that what overlaps it
does not count as its own; and its share of all CPU seconds, where nothing that overlaps is free.
On a GPU only the second, with tiles that are on the device already.
`rows`: peak memory of scenes of one width, with a small network; the height must not matter.
The scene is the sample scene, mirrored, in blocks of 512. Linux only: peaks are read from /proc.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mirrored import write_mirrored

MIB = 1 << 20
ALONE = 9
"""Tiles on which the network runs alone after a run."""
COMPRESSION = {
    "deflate": {},
    "jpeg": {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 90, "nodata": None},
}
"""Options of GDAL for each kind of scene."""


def make_model(path: Path) -> None:
    """Write a model of one sixteenth of the work, untrained."""
    from dataclasses import replace

    from geoseg.learning.bundled import find_model
    from geoseg.learning.checkpoint import load, save
    from geoseg.learning.unet import build

    spec, _ = load(find_model("parcels-aerial"))
    save(path, replace(spec, width=4), build("unet", width=4))


def predict(scene: str, out: str, model: str, tile: str, device: str) -> None:
    """Predict in this process, the network on a clock of its own; print what was measured."""
    import torch

    import geoseg
    import geoseg.tools.predict  # loads all that is loaded lazily, before the clock starts
    from geoseg.learning.predictor import Predictor

    def alone_on(core: int, halo: int, batch: int) -> float:
        """Give the seconds of a tile with nothing beside it, the median of some batches."""
        network, side, seconds = Predictor(model, threads=1, device=device), core + 2 * halo, []
        with torch.inference_mode(), torch.device(device):
            raw = torch.randint(0, 255, (batch, 3, side, side), dtype=torch.uint8)
            rest = raw[:, 0] >= 0, torch.zeros(3), torch.full((3,), 255.0)
            for _ in range(ALONE):
                started = time.perf_counter()
                alone(network, raw, *rest, halo).sum().item()  # waits for the device
                seconds.append(time.perf_counter() - started)
        return statistics.median(seconds) / batch

    spent, clock = [0.0], [0.0]
    alone = Predictor._probabilities

    def timed(self: Predictor, *tensors: torch.Tensor) -> torch.Tensor:
        started, began = time.thread_time(), time.perf_counter()
        answer = alone(self, *tensors)
        spent[0] += time.thread_time() - started
        clock[0] += time.perf_counter() - began
        return answer

    Predictor._probabilities = timed  # threads=1: all of the network is in this thread
    began, cpu = time.perf_counter(), time.process_time()
    made = geoseg.predict(
        scene, out, model=model, threads=1, tile=int(tile) or None, device=device
    )
    told = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu,
            "network": spent[0], "clock": clock[0], "planned": made.plan.memory_bytes,
            "tiles": made.plan.tiles, "core": made.plan.core, "steps": made.report["steps"]}
    status = Path("/proc/self/status").read_text()
    told["alone"] = made.plan.tiles * alone_on(made.plan.core, made.plan.halo, made.plan.batch)
    print(json.dumps(told | {"peak": int(status.split("VmHWM:")[1].split()[0]) * 1024}))


def child(*arguments: object) -> dict:
    """Predict in a process of its own."""
    command = [sys.executable, __file__, "child", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def rate(rows: int, columns: int, compress: str, device: str) -> None:
    """Print the share of the network."""
    with tempfile.TemporaryDirectory() as name:
        scene, out = Path(name) / "scene.tif", Path(name) / "mask.tif"
        write_mirrored(scene, rows, columns, interleave="pixel", **COMPRESSION[compress])
        made = child(scene, out, "parcels-aerial", 0, device)
    pixels = rows * columns / 1e6
    if device != "cpu":
        print(f"{columns} x {rows} {compress} on {device}: network alone {made['alone']:.2f} of "
              f"{made['seconds']:.2f} seconds = {made['alone'] / made['seconds']:.1%}, "
              f"{pixels / made['seconds']:.2f} million pixels a second; {made['steps']}")
        return
    print(f"{columns} x {rows} {compress}: network {made['clock']:.1f} of {made['seconds']:.1f} "
          f"seconds = {made['clock'] / made['seconds']:.1%}, alone {made['alone']:.1f} = "
          f"{made['alone'] / made['seconds']:.1%}, {made['network']:.1f} of "
          f"{made['cpu']:.1f} CPU seconds = {made['network'] / made['cpu']:.1%}; "
          f"{pixels / made['cpu']:.2f} million pixels per CPU second, {made['tiles']} tiles "
          f"of {made['core']}; peak "
          f"{made['peak'] / MIB:.0f} MiB, planned {made['planned'] / MIB:.0f}; {made['steps']}")


def heights(columns: int, rows: list[int]) -> None:
    """Print the peak memory of each height."""
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        scene, out, model = (Path(name) / one for one in ("s.tif", "m.tif", "small.safetensors"))
        make_model(model)
        for height in rows:
            write_mirrored(scene, height, columns, interleave="pixel")
            made = child(scene, out, model, 256, "cpu")
            out.unlink()
            peaks.append(made["peak"])
            print(f"{columns} x {height}: peak {made['peak'] / MIB:.1f} MiB, planned "
                  f"{made['planned'] / MIB:.1f} MiB, {made['cpu']:.0f} CPU seconds", flush=True)
    print(f"largest over smallest peak: {max(peaks) / min(peaks):.3f}")


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        predict(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["rate", "rows"])
    parser.add_argument("--rows", default=None)
    parser.add_argument("--columns", type=int, default=None)
    parser.add_argument("--compress", choices=list(COMPRESSION), default="deflate")
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    if chosen.kind == "rate":
        rate(int(chosen.rows or 5000), chosen.columns or 5000, chosen.compress, chosen.device)
    else:
        rows = (chosen.rows or "5000,20000,60000").split(",")
        heights(chosen.columns or 1024, list(map(int, rows)))


if __name__ == "__main__":
    main()
