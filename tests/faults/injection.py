"""Run geoseg with faults: killed at a system call, refused by the disk, cut off at any moment.

An *engine* is a process that has everything loaded and forks one child per run, so that a run of
a tiny scene takes tenths of a second. Faults are injected into the child by strace.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WRITES = (
    "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,rmdir"
)
"""System calls that change what is on the disk."""
STRACE = shutil.which("strace")
SECONDS = 120
"""A run of a tiny scene that takes longer hangs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    code: int
    """Exit code; minus the signal where one ended it."""
    said: str
    """What it wrote to standard error."""
    seconds: float
    """How long it took."""


class Engine:
    """Runs geoseg commands, each in a fresh child of one loaded process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def close(self) -> None:
        """End the engine."""
        self._server.stdin.close()
        self._server.wait()

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        inject: Sequence[str] = (),
        paths: Sequence[Path] = (),
        while_it_runs: Callable[[int], None] = lambda pid: None,
        limits: dict[str, int] | None = None,
    ) -> Outcome:
        """Run a command to its end.

        Args:
            argv: arguments of `geoseg`.
            inject: values of strace's `inject=`.
            paths: only calls that touch these are counted; none: all calls.
            while_it_runs: is given the process number.
            limits: resource limits by name, such as RLIMIT_FSIZE.
        """
        began = time.monotonic()
        pid = self._ask(
            argv=[str(one) for one in argv], traced=bool(inject), limits=limits or {}
        )["pid"]
        tracer = self._strace(pid, inject, paths) if inject else None
        while_it_runs(pid)
        code = self._ask(wait=pid)["code"]
        if tracer is not None:
            tracer.wait()
        said = (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")
        return Outcome(code, said, time.monotonic() - began)

    def points(self, argv: Sequence[str | Path], paths: Sequence[Path]) -> list[tuple[str, int]]:
        """Give (system call, number) of all calls that change the disk.

        Numbers count the calls of one name in one thread, as strace does.
        """
        self.run(argv, inject=[f"{WRITES}:signal=URG"], paths=paths)
        text = (self.folder / "strace.log").read_text(errors="replace")
        calls = Counter(re.findall(r"^(\d+) +(\w+)\(", text, re.MULTILINE))
        most: dict[str, int] = {}
        for (_, name), n in calls.items():
            most[name] = max(most.get(name, 0), n)
        return [(name, k) for name, n in sorted(most.items()) for k in range(1, n + 1)]

    def _strace(
        self, pid: int, inject: Sequence[str], paths: Sequence[Path]
    ) -> subprocess.Popen:
        calls = ",".join(dict.fromkeys(one.split(":")[0] for one in inject))
        words = [STRACE, "-f", "-qq", "-o", str(self.folder / "strace.log"), "-p", str(pid)]
        words += ["-e", f"trace={calls}", "-e", "signal=none"]
        for one in inject:
            words += ["-e", f"inject={one}"]
        for path in paths:
            words += ["-P", str(path)]
        return subprocess.Popen(words, stderr=subprocess.DEVNULL)

    def _ask(self, **values: object) -> dict:
        self._server.stdin.write(json.dumps(values) + "\n")
        self._server.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the engine of the fault tests died")
        return json.loads(line)


def can_strace() -> bool:
    """Tell whether strace is here and may attach to a process."""
    if STRACE is None:
        return False
    with subprocess.Popen(["sleep", "5"]) as victim:
        tracer = subprocess.Popen(
            [STRACE, "-qq", "-o", os.devnull, "-p", str(victim.pid)], stderr=subprocess.DEVNULL
        )
        time.sleep(0.2)
        victim.kill()
        return tracer.wait() == 0


def outputs(out: Path) -> list[Path]:
    """Give the paths that a run with this output touches."""
    work, partial = _work(out), out.with_name(f".{out.stem}.partial{out.suffix}")
    beside = [partial.with_name(partial.name + end) for end in ("-journal", ".aux.xml", ".blocks")]
    lock = out.with_name(out.name + ".geoseg.lock")
    return [out, partial, *beside, lock, work, work / "journal", out.parent]


def left_over(folder: Path, keep: Sequence[str]) -> list[str]:
    """Give the names in a folder that are not expected."""
    return sorted(one.name for one in folder.iterdir() if one.name not in keep)


def _work(out: Path) -> Path:
    return out.with_name(f".{out.name}.geoseg-work")


def make_scene(path: Path, height: int = 150, width: int = 170, field: int = 37) -> Path:
    """Draw a board of fields with dark lines between."""
    import rasterio
    from affine import Affine

    random = np.random.default_rng(8)
    rows, cols = np.indices((height, width))
    colours = random.integers(90, 250, (3, 100))
    data = colours[:, (rows // field * 9 + cols // field) % 100]
    data[:, (rows % field < 3) | (cols % field < 3)] = 30
    data = (data + random.integers(-12, 12, data.shape)).clip(0, 255).astype(np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", count=3, dtype="uint8", height=height, width=width,
        crs="EPSG:32633", transform=Affine(0.5, 0, 5e5, 0, -0.5, 5.4e6), compress="deflate",
    ) as target:
        target.write(data)
    return path


def make_model(path: Path) -> Path:
    """Write a small network of random weights whose output varies."""
    import torch

    from geoseg.learning.checkpoint import save
    from geoseg.learning.unet import build
    from geoseg.spec import Band, LabelClass, ModelSpec

    network = build("unet", width=4, seed=1).eval()
    random = torch.Generator().manual_seed(1)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.2, generator=random)
            norm.weight.data.uniform_(-0.5, 1.5, generator=random)
            norm.bias.data.normal_(0, 0.2, generator=random)
    network.head.weight.data.normal_(0, 0.4, generator=random)
    bands = tuple(Band(name, 0, 255) for name in ("red", "green", "blue"))
    classes = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
    save(path, ModelSpec(
        "tiny", bands, "uint8", classes, (0.1, 5.0), network.divisor, network.halo, "unet", 4
    ), network)
    return path


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Give an engine with a scene and a model in its folder; end it afterwards."""
    make_scene(folder / "scene.tif")
    make_model(folder / "model.safetensors")
    made = Engine(folder)
    try:
        yield made
    finally:
        made.close()


def _serve(folder: Path) -> None:
    import torch

    torch.set_num_threads(1)
    _warm(folder)
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer = {"code": _wait(asked["wait"])}
        else:
            answer = {"pid": _start(folder, **asked)}
        print(json.dumps(answer), flush=True)


def _warm(folder: Path) -> None:
    """Load and compile what a run needs, so that children have it."""
    import geoseg

    out = folder / "warm.gpkg"
    geoseg.vectorize(folder / "scene.tif", out, model=folder / "model.safetensors", tile=64)
    geoseg.polygonize(folder / "scene.tif", folder / "warm2.gpkg", band=1)
    out.unlink()
    (folder / "warm2.gpkg").unlink()


def _start(folder: Path, argv: list[str], traced: bool, limits: dict[str, int]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        descriptor = os.open(folder / "stderr", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))
        deadline = time.monotonic() + 10
        while traced and time.monotonic() < deadline and _is_free():
            time.sleep(0.002)
        code = _child(argv)
    finally:
        os._exit(code)


def _is_free() -> bool:
    """Tell whether no tracer is attached yet."""
    return "TracerPid:\t0\n" in Path("/proc/self/status").read_text()


def _child(argv: list[str]) -> int:
    import traceback

    from geoseg.cli.main import main

    try:
        main(argv)
    except SystemExit as ended:
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stderr.flush()
    return 1


def _wait(pid: int) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.003)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -999


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
