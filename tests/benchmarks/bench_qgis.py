"""What the QGIS plugin adds to the command line: a scene of 5000 x 5000 pixels, run by run in turn.

    python tests/benchmarks/bench_qgis.py [--side 5000] [--runs 3]

Both make a GeoPackage of the same scene with the bundled model, on the CPU. The plugin runs in a
real QGIS without a window; its start is not counted. Besides the times of whole runs, which vary
with the machine, the parts that only the plugin has are measured: QGIS's own CPU time while it
waits and copies, and the handshake.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mirrored import write_mirrored

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "OMP_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Times:
    """Of one run."""

    wall: float
    """Seconds."""
    cpu: float
    """CPU seconds of all its processes."""
    own: float = 0.0
    """CPU seconds of QGIS itself."""


def command_line(scene: Path, out: Path, threads: int) -> Times:
    """Run `geoseg vectorize`."""
    words = [sys.executable, "-m", "geoseg", "vectorize", scene, out, "--device", "cpu",
             "--threads", threads, "--progress", "json"]
    began = time.monotonic()
    process = subprocess.Popen([*map(str, words)], stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"geoseg vectorize ended with {process.returncode}")
    return Times(time.monotonic() - began, usage.ru_utime + usage.ru_stime)


class Qgis:
    """A QGIS without a window, with the plugin."""

    def __init__(self, folder: Path) -> None:
        plugins = folder / "profiles" / "default" / "python" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "geoseg_qgis").symlink_to(ROOT / "plugin" / "geoseg_qgis")
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(folder), "LC_ALL": "C.UTF-8",
            "QGIS_CUSTOM_CONFIG_PATH": str(folder), "GEOSEG_PYTHON": sys.executable,
        }
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(ROOT / "tests" / "plugin" / "inside.py"), str(folder)], text=True,
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.ask(question="describe")

    def ask(self, **values: object) -> dict:
        """Ask, and give the answer."""
        self.process.stdin.write(json.dumps(values, default=str) + "\n")
        self.process.stdin.flush()
        line = next(line for line in self.process.stdout if line.startswith("{"))
        return json.loads(line)

    def run(self, scene: Path, out: Path, threads: int) -> tuple[Times, int]:
        """Run Segment parcels; give its times, and how many parcels there are."""
        parameters = {"INPUT": scene, "PARCELS": out, "DEVICE": "cpu", "THREADS": threads}
        made = self.ask(question="run", algorithm="segmentparcels", environment={},
                        parameters=parameters, table=False)
        if not made["ok"]:
            raise SystemExit(made["error"])
        return Times(made["seconds"], made["cpu"], made["own cpu"]), made["results"]["COUNT"]


def handshake() -> Times:
    """Ask the engine for its version, as the plugin does before each run."""
    began, before = time.monotonic(), os.times()
    words = [sys.executable, "-u", "-m", "geoseg", "qgis", "handshake", "0.1.0"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user
    return Times(time.monotonic() - began, cpu - before.children_system)


def report(plain: list[Times], plugin: list[Times], hello: Times, parcels: int) -> bool:
    """Print the comparison; True where the plugin adds less than 5 % and 2 s."""
    good = True
    print(f"{parcels} parcels; command line, plugin")
    for name in ("wall", "cpu"):
        one, other = ([getattr(times, name) for times in runs] for runs in (plain, plugin))
        added = median(other) - median(one)
        good = good and added < 0.05 * median(one) + 2
        pairs = ", ".join(f"{a:.1f} {b:.1f}" for a, b in zip(one, other, strict=True))
        print(f"{name:4} seconds: {pairs}; medians differ by {added:+.2f} "
              f"({added / median(one):+.1%})")
    own = max(times.own for times in plugin)
    print(f"the plugin's own parts: QGIS {own:.2f} s of CPU, handshake {hello.cpu:.2f} s of CPU "
          f"({hello.wall:.2f} s)")
    return good


def main() -> None:
    """Run in turn; exit with 1 where the plugin adds too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=5000, help="of the scene, in pixels")
    parser.add_argument("--runs", type=int, default=3, help="of each kind")
    parser.add_argument("--threads", type=int, default=2, help="of the network")
    chosen = parser.parse_args()
    plain, plugin = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        scene = folder / "scene.tif"
        write_mirrored(scene, chosen.side, chosen.side, photometric="rgb")
        write_mirrored(folder / "small.tif", 300, 300, photometric="rgb")
        command_line(folder / "small.tif", folder / "small.gpkg", 1)  # compiles what is compiled
        qgis = Qgis(folder / "qgis")
        for n in range(chosen.runs):
            plain.append(command_line(scene, folder / f"{n}.gpkg", chosen.threads))
            times, parcels = qgis.run(scene, folder / f"q{n}.gpkg", chosen.threads)
            plugin.append(times)
            print(f"run {n}: {plain[-1]} {plugin[-1]}", flush=True)
        qgis.process.stdin.close()
        qgis.process.wait()
    sys.exit(not report(plain, plugin, handshake(), parcels))


if __name__ == "__main__":
    main()
