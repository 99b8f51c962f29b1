"""Run all that only a GPU can show, each part with a limit of its own, and keep what it printed.

    python tests/benchmarks/on_a_gpu.py FOLDER [--minutes 9] [--only study,loading] [--processes 8]
        [--device cuda] [--chip 64]

FOLDER/NAME.txt is what a part printed; FOLDER/study is the study's folder, whose cells are trained
by some processes at once and which a later call goes on with. A part that fails or takes too long
is told, and the next one begins. With `--device cpu` the same parts run where there is no GPU.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
TESTS = ("tests/learning/test_predictor.py", "tests/learning/test_training.py")


def parts(device: str) -> dict[str, tuple[float, list[str]]]:
    """Give each part's share of the time and its command, the study left out."""

    def bench(name: str, *options: str) -> list[str]:
        return [str(HERE / f"{name}.py"), *options]

    return {
        "tests": (0.10, ["-m", "pytest", "-q", "-rs", *TESTS]),
        "same": (0.08, bench("bench_determinism", "--size", "1000")),
        "loading": (0.05, bench("bench_loading", "--steps", "30", "--device", device)),
        "rate": (0.12, bench("bench_engine", "rate", "--rows", "10000", "--columns", "10000",
                             "--device", device)),
    }


def run(name: str, commands: Sequence[list[str]], folder: Path, seconds: float) -> None:
    """Run commands at once, and tell how they ended."""
    begun = time.monotonic()
    with (folder / f"{name}.txt").open("a", encoding="utf-8") as log:
        running = [
            subprocess.Popen([sys.executable, *one], stdout=log, stderr=subprocess.STDOUT,
                             cwd=HERE.parents[1])
            for one in commands
        ]
        for one in running:
            try:
                one.wait(max(0.0, begun + seconds - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
    ended = ", ".join(sorted({f"code {one.returncode}" for one in running}))
    print(f"== {name}: {time.monotonic() - begun:.0f} of {seconds:.0f} s, {ended}")
    print("".join((folder / f"{name}.txt").read_text("utf-8").splitlines(keepends=True)[-12:]),
          flush=True)


def study(folder: Path, device: str, chip: int, processes: int) -> list[list[str]]:
    """Give the commands that share the study's cells among them."""
    command = [str(HERE / "study_collapse.py"), str(folder / "study"), "--minutes", "600",
               "--device", device, "--chip", str(chip)]
    return [[*command, "--part", f"{one}/{processes}"] for one in range(1, processes + 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=9, help="of all parts together")
    parser.add_argument("--only", default="", help="names of parts: " + ", ".join(parts("cuda")))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--chip", type=int, default=64, help="of the study, in pixels")
    parser.add_argument("--processes", type=int, default=8, help="that train the study's cells")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * chosen.minutes
    if chosen.device != "cpu":
        print(torch.cuda.get_device_name(), torch.__version__, flush=True)
    wanted = chosen.only.split(",") if chosen.only else [*parts(chosen.device), "study"]
    for name, (share, command) in parts(chosen.device).items():
        if name in wanted:
            run(name, [command], chosen.folder, share * 60 * chosen.minutes)
    if "study" in wanted:
        commands = study(chosen.folder, chosen.device, chosen.chip, chosen.processes)
        run("study", commands, chosen.folder, end - time.monotonic())


if __name__ == "__main__":
    main()
