"""Inject faults into runs of geoseg, and count what was lost: `python bench_faults.py --help`.

After each fault: the old output is intact or the new one complete to the byte; nothing else is
left but what the next run uses; an error is one line with its documented exit code; the same
command, run again, finishes with the bytes of an unbroken run. Wants Linux and strace.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

import injection  # noqa: E402
from injection import Engine, Outcome, left_over, outputs  # noqa: E402

from geoseg.publish import partial_path  # noqa: E402

ROOT = Path(__file__).parents[2]
DISK = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "mkdir")
"""System calls that a full or failing disk refuses."""
KEPT = "; the finished result is "
"""What is said where the output cannot be replaced."""


@dataclass(slots=True)
class Case:
    """A command, the state it starts from, and what it makes when nothing goes wrong."""

    name: str
    """For the table."""
    argv: list[str]
    """Of geoseg."""
    out: Path
    """Its output."""
    old: bytes | None
    """What is there before; None for nothing."""
    new: bytes = b""
    """What is there after an unbroken run."""
    seconds: float = 0.0
    """How long that takes."""
    points: list[tuple[str, int]] = field(default_factory=list)
    """The system calls that change the disk: name, and number among those of its name."""
    keeps: tuple[str, ...] = ()
    """Other names that stay."""

    def reset(self) -> None:
        """Go back to the state before."""
        shutil.rmtree(self.out.parent, ignore_errors=True)
        self.out.parent.mkdir()
        if self.old is not None:
            self.out.write_bytes(self.old)


@dataclass(slots=True)
class Table:
    """Faults that were tried, and those that were not survived."""

    tried: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """By fault and command."""
    lost: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """Those that were not survived."""

    @property
    def losses(self) -> int:
        """How many were not survived."""
        return sum(self.lost.values())

    def add(self, fault: str, case: Case, problems: list[str], detail: str = "") -> None:
        """Count a fault."""
        self.tried[fault, case.name] += 1
        self.lost[fault, case.name] += bool(problems)
        for problem in problems:
            line = f"{case.name}, {fault} {detail}: {problem}"
            print(line, flush=True)


def problems_of(case: Case, outcome: Outcome, codes: tuple[int, ...]) -> list[str]:
    """Compare the folder after a fault with what is promised."""
    found = []
    state = case.out.read_bytes() if case.out.exists() else None
    if state not in (case.old, case.new):
        found.append("the output is neither the old nor the new one")
    if outcome.code not in codes:
        found.append(f"exit code {outcome.code}, wanted one of {codes}: {outcome.said[-300:]}")
    if "Traceback" in outcome.said:
        found.append(f"a traceback: {outcome.said[-500:]}")
    errors = [line for line in outcome.said.splitlines() if line.startswith("geoseg: ")]
    if outcome.code > 0 and len(errors) != 1:
        found.append(f"{len(errors)} lines of error")
    if outcome.code == 0 and state != case.new:
        found.append("exit code 0, but the output is not the new one")
    allowed = [case.out.name, *case.keeps, f".{case.out.name}.geoseg-work"]
    allowed += [f"{case.out.name}.geoseg.lock"] if outcome.code == 7 else []
    if KEPT in outcome.said:  # under another name, which the message gives
        case.out.with_name(f"{case.out.stem}.unpublished{case.out.suffix}").unlink()
    if outcome.code >= 0:
        left = left_over(case.out.parent, allowed)
        found += [f"left behind: {left}"] if left else []
    return found


def rerun(engine: Engine, case: Case) -> list[str]:
    """Run the same command again, without a fault."""
    outcome = engine.run(case.argv)
    state = case.out.read_bytes() if case.out.exists() else None
    published = outcome.code == 5 and "pass --overwrite" in outcome.said
    if state == case.new and published:
        return []  # killed after the very last step: complete, and protected
    found = [] if outcome.code == 0 else [f"the rerun ended with {outcome.code}: {outcome.said}"]
    if state != case.new:
        found.append("the rerun made another output")
    left = left_over(case.out.parent, [case.out.name, *case.keeps])
    return found + ([f"the rerun left {left}"] if left else [])


def fault(
    engine: Engine, case: Case, table: Table, name: str, codes: tuple[int, ...], detail: str = "",
    again: bool = True, **how: object,
) -> None:
    """Run a command with a fault, look, and run it again."""
    case.reset()
    outcome = engine.run(case.argv, **how)
    found = problems_of(case, outcome, codes)
    table.add(name, case, found + (rerun(engine, case) if again else []), detail)


def spread(points: list[tuple[str, int]], n: int) -> list[tuple[str, int]]:
    """Choose n points: the first and last of every kind of call, and evenly among the others."""
    last = {name: k for name, k in points}
    ends = [one for one in points if one[1] in (1, last[one[0]])]
    others = [one for one in points if one not in ends]
    rest = max(0, n - len(ends))
    return ends[:n] + [others[i * len(others) // rest] for i in range(min(rest, len(others)))]


def kills(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Kill at every k-th system call that changes the disk."""
    for name, k in spread(case.points, n):
        fault(engine, case, table, "kill -9 at a write", (-9,), f"{name} {k}",
              paths=outputs(case.out), inject=[f"{name}:signal=KILL:when={k}"])


def random_kills(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Kill at random moments."""
    for _ in range(n):
        delay = random.uniform(0, case.seconds)
        fault(engine, case, table, "kill -9 at a moment", (0, -9), f"{delay:.3f} s",
              while_it_runs=after(delay, signal.SIGKILL))


def stops(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Ask to stop at random moments."""
    for i in range(n):
        number = (signal.SIGTERM, signal.SIGINT)[i % 2]
        delay = random.uniform(0.03, case.seconds)
        fault(engine, case, table, number.name, (0, 128 + number), f"{delay:.3f} s",
              while_it_runs=after(delay, number))


def after(delay: float, number: int) -> Callable[[int], None]:
    """Give what sends a signal after some time."""

    def send(pid: int) -> None:
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    return send


def refusals(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Let the disk be full from a call on, fail to sync, and refuse to rename."""
    for name, k in spread([one for one in case.points if one[0] in DISK], n):
        fault(engine, case, table, "disk full from a write on", (0, 5), f"{name} {k}",
              paths=outputs(case.out), inject=[f"{name}:error=ENOSPC:when={k}+"])
    for k in (1, 2, 3, 5, 8):
        fault(engine, case, table, "sync fails", (0, 5), f"{k}", paths=outputs(case.out),
              inject=[f"fsync,fdatasync:error=EIO:when={k}"])
    fault(engine, case, table, "rename is refused", (0, 5), paths=outputs(case.out),
          inject=["rename,renameat,renameat2:error=EACCES:when=1"])


def file_limits(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Refuse files beyond a size."""
    for size in (round(len(case.new) * (i + 0.5) / n) for i in range(n)):
        fault(engine, case, table, "file size limit", (0, 5), f"{size}",
              limits={"RLIMIT_FSIZE": size})


def bad_reads(engine: Engine, case: Case, table: Table, scene: Path, n: int) -> None:
    """Let the input's disk fail."""
    for k in range(1, n + 1):
        fault(engine, case, table, "input cannot be read", (0, 2, 4), f"{k}", paths=[scene],
              inject=[f"read,pread64:error=EIO:when={k}"])


def damaged(engine: Engine, case: Case, table: Table, scene: Path, n: int) -> None:
    """Cut the input off, and flip its bits; a flip may leave a valid scene of another look."""
    whole, new = scene.read_bytes(), case.new
    try:
        for i in range(n):
            cut = i % 2 == 0
            place = random.randrange(len(whole))
            flipped = whole[:place] + bytes([whole[place] ^ 1 << i % 8]) + whole[place + 1 :]
            scene.write_bytes(whole[:place] if cut else flipped)
            case.reset()
            outcome = engine.run(case.argv)
            case.new = case.out.read_bytes() if outcome.code == 0 else new
            table.add("input cut off" if cut else "input with a flipped bit", case,
                      problems_of(case, outcome, (0, 2, 4, 5)), f"{place}")
    finally:
        scene.write_bytes(whole)
        case.new = new


def two_runs(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Start a second run while the first is at work."""
    for _ in range(n):
        case.reset()
        with sleeping_holder(case.out):
            table.add("output locked by another run", case,
                      problems_of(case, engine.run(case.argv), (7,)))


@contextlib.contextmanager
def sleeping_holder(out: Path) -> Iterator[None]:
    """Hold an output's lock in another process."""
    code = ("import sys; from geoseg.publish import holding\n"
            "with holding(sys.argv[1]): print('held', flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code, str(out)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


def open_elsewhere(engine: Engine, case: Case, table: Table, n: int) -> None:
    """Have the old GeoPackage open for writing in another program."""
    for _ in range(n):
        case.reset()
        database = sqlite3.connect(case.out, isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        outcome = engine.run(case.argv)
        database.execute("ROLLBACK")
        database.close()
        table.add("output open in another program", case,
                  problems_of(case, outcome, (5,)) + rerun(engine, case))


def full_disks(engine: Engine, cases: list[Case], table: Table, folder: Path, n: int) -> None:
    """Fill a real, small file system; wants root."""
    for case in cases:
        here, place = case.out, folder / "small"
        for i in range(n):
            place.mkdir(exist_ok=True)
            size = 8 + (len(case.old or b"") + round(1.6 * len(case.new) * i / n)) // 1024
            mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
            if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
                print("no full file systems: mount was refused")
                return
            try:
                case.out = place / here.name
                if case.old is not None:
                    case.out.write_bytes(case.old)
                argv = [str(case.out) if one == str(here) else one for one in case.argv]
                table.add("file system full", case,
                          problems_of(case, engine.run(argv), (0, 5)), f"{size} KiB")
            finally:
                subprocess.run(["umount", str(place)], check=True)
                case.out = here


def make_cases(engine: Engine, folder: Path) -> list[Case]:
    """Give the commands, each run once without a fault."""
    scene, model = folder / "scene.tif", folder / "model.safetensors"
    use = ["--model", str(model), "--tile", "64", "--threads", "1"]
    draw = [*use, "--min-area", "5"]
    home = folder / "out"
    gpkg, tif = home / "out.gpkg", home / "mask.tif"
    home.mkdir()
    old = made(engine, ["vectorize", scene, gpkg, *use, "--min-area", "60"], gpkg)
    other = made(engine, ["vectorize", scene, gpkg, *use, "--layer", "other"], gpkg)
    old_mask = made(engine, ["predict", scene, tif, *use, "--extent",
                             "500000,5399950,500050,5400000"], tif)
    again = [
        Case("vectorize, new", ["vectorize", scene, gpkg, *draw], gpkg, None),
        Case("vectorize --overwrite", ["vectorize", scene, gpkg, *draw, "--overwrite"], gpkg, old),
        Case("vectorize into a GeoPackage", ["vectorize", scene, gpkg, *draw], gpkg, other),
        Case("vectorize to .parquet", ["vectorize", scene, home / "o.parquet", *draw],
             home / "o.parquet", None),
        Case("predict --overwrite", ["predict", scene, tif, *use, "--overwrite"], tif, old_mask),
        Case("polygonize --overwrite", ["polygonize", scene, gpkg, "--band", "1", "--overwrite"],
             gpkg, old),
    ]
    for case in again:
        case.argv = [str(one) for one in case.argv]
        measure(engine, case)
    return again


def made(engine: Engine, argv: list[str | Path], out: Path) -> bytes:
    """Run a command, take its output away, and give it."""
    outcome = engine.run(argv)
    if outcome.code:
        raise SystemExit(f"a run without a fault failed: {outcome.said}")
    data = out.read_bytes()
    out.unlink()
    return data


def measure(engine: Engine, case: Case) -> None:
    """Run without a fault: bytes, time, calls."""
    case.reset()
    outcome = engine.run(case.argv)
    if outcome.code:
        raise SystemExit(f"a run without a fault failed: {outcome.said}")
    case.new, case.seconds = case.out.read_bytes(), outcome.seconds
    case.reset()
    case.points = engine.points(case.argv, outputs(case.out))
    if case.out.read_bytes() != case.new:
        raise SystemExit(f"{case.name}: two runs without a fault gave different bytes")


def train_case(engine: Engine, folder: Path) -> Case:
    """Give a short training run."""
    labels, out = folder / "labels.gpkg", folder / "out" / "m.safetensors"
    draw = ["--model", str(folder / "model.safetensors"), "--tile", "64", "--min-area", "5"]
    engine.run(["vectorize", folder / "scene.tif", labels, *draw, "--overwrite"])
    argv = ["train", str(folder / "scene.tif"), str(labels), str(out), "--steps", "2", "--chip",
            "32", "--batch", "2", "--width", "4", "--threads", "1", "--validations", "2"]
    case = Case("train", argv, out, None, keeps=("m.training",))
    measure(engine, case)
    return case


def run_all(engine: Engine, folder: Path, scale: float) -> Table:
    """Try every fault on every command; scale 1 is the table of the documentation."""
    table, scene = Table(), folder / "scene.tif"

    def n(full: int) -> int:
        return max(1, round(full * scale))

    cases = make_cases(engine, folder)
    for case in cases:
        kills(engine, case, table, n(30))
        random_kills(engine, case, table, n(10))
        stops(engine, case, table, n(6))
        refusals(engine, case, table, n(10))
        file_limits(engine, case, table, n(4))
        bad_reads(engine, case, table, scene, n(4))
        damaged(engine, case, table, scene, n(6))
        two_runs(engine, case, table, n(1))
        print(case.name, sum(table.tried.values()), table.losses, flush=True)
    for case in cases[1:3]:
        open_elsewhere(engine, case, table, n(2))
    full_disks(engine, cases, table, folder, n(5))
    if scale >= 0.5:
        train = train_case(engine, folder)
        state = [train.out, partial_path(train.out), train.out.parent,
                 train.out.with_suffix(".training"),
                 partial_path(train.out.with_suffix(".training") / "last.safetensors")]
        train.reset()
        train.points = engine.points(train.argv, state)
        for name, k in spread(train.points, n(8)):
            fault(engine, train, table, "kill -9 at a write", (0, -9), f"{name} {k}", paths=state,
                  inject=[f"{name}:signal=KILL:when={k}"])
        random_kills(engine, train, table, n(4))
    return table


def as_markdown(table: Table, seconds: float, scale: float) -> str:
    """Write the table of the documentation."""
    faults = list(dict.fromkeys(fault for fault, _ in table.tried))
    cases = list(dict.fromkeys(case for _, case in table.tried))
    lines = ["| fault | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for fault in faults:
        cells = [
            f"{table.tried[fault, case] - table.lost[fault, case]}/{table.tried[fault, case]}"
            if (fault, case) in table.tried else "" for case in cases
        ]
        lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    return HEADING.format(
        n=sum(table.tried.values()), losses=table.losses, seconds=seconds, scale=scale,
        table="\n".join(lines),
    )


HEADING = """# Faults that were injected, and what was lost

`python tests/benchmarks/bench_faults.py --scale {scale:g} --write` injected **{n} faults** with
**{losses} losses** in {seconds:.0f} s (Linux, strace). A cell is survived/tried. A fault is
survived when

- the old output is intact or the new one is there complete, to the byte of an unbroken run;
- nothing else is left but what the next run uses (the hidden work folder; after `kill -9` also
  the lock and the partial, which the next run takes over);
- an error is one line with the exit code that is documented, and no traceback;
- the same command, run again without the fault, finishes with the bytes of an unbroken run and
  leaves nothing but its output.

{table}

*kill -9 at a write*: at every k-th system call that changes the disk (write, sync, rename, unlink,
truncate, mkdir), k spread over the run. *Disk full from a write on*: that call and all later ones
of its name fail with ENOSPC. *Input with a flipped bit*: a flip may leave a scene that is valid
and looks different; then the run must end well. Random moments follow the seed in the script.
"""


def main() -> None:
    """Run the faults; exit with 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the documented table")
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    chosen = parser.parse_args()
    if not injection.can_strace():
        raise SystemExit("strace is not here, or may not attach to a process")
    random.seed(7)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        with injection.engine(folder) as engine:
            table = run_all(engine, folder, chosen.scale)
    text = as_markdown(table, time.monotonic() - began, chosen.scale)
    print(text)
    if chosen.write:
        (ROOT / "docs" / "faults.md").write_text(text, encoding="utf-8")
    sys.exit(bool(table.losses))


if __name__ == "__main__":
    main()
