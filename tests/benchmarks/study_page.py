"""Draw the study: tables and pictures from the lines that study_collapse.py has finished.

    python tests/benchmarks/study_page.py FOLDER

FOLDER holds cells.csv and, if it was followed, course.csv. Writes docs/explanation/study-table.txt
and docs/images/study-*.png, which the page docs/explanation/study.md shows.
"""

import argparse
import csv
import statistics
from collections import defaultdict
from pathlib import Path

from matplotlib.figure import Figure

from bench_model import ROOT
from study_collapse import FACTORS, all_cells

GREY = 0.05
"""Standard deviation of the parcel output below which a map shows one grey."""
COLOURS = {"origin": "#c0392b", "ours": "#1f6f8b"}
MARKERS = {"unet-origin": "o", "unet": "^"}
Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """Read the lines of a table."""
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def is_grey(row: Row) -> bool:
    """Tell that the evaluated network answers one value."""
    return float(row["parcel_spread"]) < GREY


def is_lost(row: Row) -> bool:
    """Tell that a constant answer would be as good."""
    return float(row["parcel_iou"]) <= float(row["parcel_constant"]) + 1e-6


def summary(rows: list[Row]) -> str:
    """Count, for each recipe and network, what became of the cells."""
    lines = ["| recipe | network | cells run | one grey | no better than a constant | "
             "parcel IoU | of a constant | 16 chips, running statistics | their own |",
             "|" + "---|" * 9]
    for recipe in FACTORS["recipe"]:
        for network in FACTORS["network"]:
            some = [r for r in rows if (r["recipe"], r["network"]) == (recipe, network)]
            if some:
                lines.append(
                    f"| {recipe} | `{network}` | {len(some)} | {sum(map(is_grey, some))} | "
                    f"{sum(map(is_lost, some))} | " + " | ".join(
                        median(some, f"parcel_{name}") for name in
                        ("iou", "constant", "running_iou", "batch_iou")) + " |"
                )
    return "\n".join(lines)


def median(rows: list[Row], name: str) -> str:
    """Give the median of a column."""
    return f"{statistics.median(float(row[name]) for row in rows):.3f}"


def detail(rows: list[Row]) -> str:
    """Give a line for each cell, its seeds together."""
    factors = [name for name in FACTORS if name != "seed"]
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in factors)].append(row)
    lines = ["| " + " | ".join(factors)
             + " | seeds | parcel IoU | a constant | boundary IoU | spread | fate |",
             "|" + "---|" * (len(factors) + 6)]
    rank = {name: [str(one) for one in values] for name, values in FACTORS.items()}
    for key in sorted(groups, key=lambda k: [rank[n].index(v) for n, v in zip(factors, k)]):
        some = groups[key]
        grey, lost = sum(map(is_grey, some)), sum(map(is_lost, some))
        fate = f"{grey} grey" if grey else f"{lost} not above a constant" if lost else "learns"
        cells = [*key, str(len(some))]
        cells += [median(some, name) for name in
                  ("parcel_iou", "parcel_constant", "boundary_iou", "parcel_spread")]
        lines.append("| " + " | ".join([*cells, fate]) + " |")
    return "\n".join(lines)


def draw_cells(rows: list[Row], out: Path) -> None:
    """Draw what each cell gains over a constant answer, and its spread over the rate."""
    sheet = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = sheet.subplots(1, 2)
    groups = [(recipe, network) for recipe in COLOURS for network in MARKERS]
    for place, (recipe, network) in enumerate(groups):
        some = [r for r in rows if (r["recipe"], r["network"]) == (recipe, network)]
        style = {"c": COLOURS[recipe], "marker": MARKERS[network], "alpha": 0.7, "s": 40}
        gains = [float(r["parcel_iou"]) - float(r["parcel_constant"]) for r in some]
        left.scatter([place + 0.04 * (i % 7 - 3) for i in range(len(some))], gains, **style)
        aside = 1.15 ** (place - 1.5)
        right.scatter([float(r["rate"]) * aside for r in some],
                      [max(float(r["parcel_spread"]), 1e-4) for r in some],
                      label=f"{recipe} recipe, {network}", **style)
    left.axhline(0, c="0.6", lw=1)
    left.set_xticks(range(len(groups)), [f"{recipe}\n{network}" for recipe, network in groups])
    left.set(ylabel="parcel IoU above the best constant answer", xlim=(-0.5, len(groups) - 0.5))
    right.axhline(GREY, c="0.6", lw=1)
    right.set(xscale="log", yscale="log", xlabel="highest learning rate", xlim=(5e-5, 2e-2),
              ylabel="spread of the output (grey below the line)")
    right.legend(fontsize=7)
    sheet.savefig(out, dpi=90)


def draw_course(rows: list[Row], out: Path) -> None:
    """Draw the origin's training, judged three ways with the same weights."""
    sheet = Figure(figsize=(7, 3.6), layout="constrained")
    axes = sheet.subplots()
    steps = [int(row["step"]) for row in rows]
    for name, text, colour in (
        ("running_iou", "running statistics, as Keras evaluates", COLOURS["origin"]),
        ("batch_iou", "the batch's own statistics, as in training", "0.5"),
        ("recomputed_iou", "recomputed statistics, as geoseg saves", COLOURS["ours"]),
    ):
        axes.plot(steps, [float(row[name]) for row in rows], c=colour, label=text)
    axes.set(xlabel="update", ylabel="parcel IoU", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    sheet.savefig(out, dpi=90)


def draw_ours(rows: list[Row], out: Path) -> None:
    """Draw our recipe on our network over batch and width."""
    sheet = Figure(figsize=(8, 3.4), layout="constrained")
    mine = [r for r in rows if (r["recipe"], r["network"]) == ("ours", "unet")]
    for axes, name, fixed in zip(sheet.subplots(1, 2), ("batch", "width"), ("width", "batch")):
        for data in FACTORS["data"]:
            some = [r for r in mine if r["data"] == data and r["rate"] == "0.01"
                    and int(r[fixed]) == FACTORS[fixed][0]]
            axes.scatter([int(r[name]) for r in some], [float(r["parcel_iou"]) for r in some],
                         label=data)
        ends = FACTORS[name][0] / 1.3, FACTORS[name][-1] * 1.3
        axes.set(xlabel=name, ylabel="parcel IoU", ylim=(0, 1), xscale="log", xlim=ends)
        axes.set_xticks(FACTORS[name], [str(one) for one in FACTORS[name]])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    sheet.savefig(out, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = read(folder / "cells.csv")
    images = ROOT / "docs" / "images"
    updates = {f"{row['updates']} updates of {row['chip']}-pixel chips" for row in rows}
    head = f"{len(rows)} of {len(all_cells())} cells are run, {', '.join(sorted(updates))}."
    table = ROOT / "docs" / "explanation" / "study-table.txt"
    text = "\n\n".join([head, summary(rows), detail(rows)])
    table.write_text(text + "\n", encoding="utf-8")
    draw_cells(rows, images / "study-cells.png")
    draw_ours(rows, images / "study-ours.png")
    if (folder / "course.csv").exists():
        draw_course(read(folder / "course.csv"), images / "study-course.png")
    print(head)


if __name__ == "__main__":
    main()
