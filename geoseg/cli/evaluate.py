"""$ geoseg evaluate"""

from __future__ import annotations

import math
from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result

SHOWN = (
    ("ground", ("pixel_iou", "pixel_f1", "pixel_precision", "pixel_recall")),
    ("parcels", (
        "parcel_f1", "parcel_precision", "parcel_recall", "parcel_f1_50_95",
        "parcel_precision_50_95", "parcel_recall_50_95", "panoptic_quality",
        "segmentation_quality", "recognition_quality", "over_segmentation", "under_segmentation",
        "goc", "guc", "gtc", "count_ratio", "area_bias", "perimeter_bias",
    )),
    ("borders", ("boundary_iou", "polis")),
)
"""What the table shows, part by part; boundary F scores follow."""
GROUPS = (
    "pixel_iou", "parcel_f1", "parcel_precision", "parcel_recall", "panoptic_quality",
    "over_segmentation", "under_segmentation", "area_bias",
)
"""Columns of the table of groups."""
NAMES = {
    "pixel_iou": "IoU", "pixel_f1": "F1", "parcel_f1": "F1 at IoU 0.5",
    "parcel_f1_50_95": "F1 at 0.5 to 0.95", "parcel_precision_50_95": "precision, 0.5 to 0.95",
    "parcel_recall_50_95": "recall, 0.5 to 0.95", "over_segmentation": "split",
    "under_segmentation": "merged", "goc": "GOC", "guc": "GUC", "gtc": "GTC",
    "boundary_iou": "boundary IoU", "polis": "PoLiS",
}
SHORT = {"pixel_iou": "ground IoU", "parcel_f1": "F1", "panoptic_quality": "PQ"}


@click.command(short_help="Parcels and truth -> scores.")
@click.argument("parcels", type=click.Path())
@click.argument("truth", type=click.Path())
@click.option("--layer", metavar="NAME", help="Layer of PARCELS.  [default: the only one]")
@click.option("--truth-layer", metavar="NAME", help="Layer of TRUTH.  [default: the only one]")
@options.aoi
@click.option("--ignore", type=click.Path(), metavar="FILE",
              help="What lies in this vector file's polygons does not count (any CRS).")
@click.option("--class-field", default="class", show_default=True, metavar="NAME",
              help="Column with the class of a parcel, in both layers.")
@click.option("--distances", type=options.Numbers(float), metavar="METRES,...",
              help="How near borders must be.  [default: 1, 2 and 5 pixels, or metres]")
@click.option("--sizes", type=options.Numbers(float), metavar="M2,...",
              help="Areas between size classes.  [default: 0.64, 2.56, 16, 100 ha]")
@click.option("--block", type=click.FloatRange(0, min_open=True), metavar="METRES",
              help="Side of the blocks for intervals.  [default: a tenth of the extent]")
@options.as_json
@options.progress
def evaluate(
    parcels: str, truth: str, *, as_json: bool, progress: str, **chosen: Any
) -> None:
    """Score PARCELS against TRUTH; each is a vector layer or a raster of parcel labels.

    A parcel is found where its intersection with a true one is more than half of their union.
    Intervals hold 95 of 100 draws of blocks. docs/metrics.md defines every score.
    """
    from geoseg.tools.evaluate import evaluate as run

    with reporting(progress) as events:
        made = run(parcels, truth, progress=events, **chosen)
    result(made.as_dict(), table(made), mode=progress, as_json=as_json)


def table(made: Any) -> str:
    """Lay the scores out: one per line with its interval, then one line per group."""
    counts, scores, spans = made.parcels, made.scores, made.intervals_of()
    about = {
        "ground": f"by {made.unit}",
        "parcels": f"{counts.predicted} against {counts.truth} true, {counts.matched} matched",
        "borders": "within a distance",
    }
    lines = []
    for part, names in SHOWN:
        lines.append(f"{part:26}{about[part]}")
        lines += [_line(_label(name), name, scores, spans) for name in names]
    for i, metres in enumerate(made.distances, 1):
        label = f"boundary F, {_distance(metres, made)}"
        lines.append(_line(label, f"boundary_f_{i}", scores, spans))
    return "\n".join([*lines, *_groups(made)])


def _line(label: str, name: str, scores: dict, spans: dict) -> str:
    low, high = spans.get(name, (math.nan, math.nan))
    span = "" if math.isnan(low) else f"   {_number(low)} to {_number(high)}"
    return f"  {label:24}{_number(scores[name])}{span}"


def _groups(made: Any) -> list[str]:
    if len(made.groups) == 1:
        return []
    width = max(len(name) for name in made.groups) + 2
    heads = [_short(name) for name in GROUPS]
    lines = [f"{'group':{width}}{'true':>7}{'found':>7}" + "".join(f"{one:>12}" for one in heads)]
    for group in made.groups:
        pooled, scores = made.tally.pooled(group), made.scores_of(group)
        if not pooled["truth"] and not pooled["predicted"]:
            continue
        numbers = "".join(f"{_number(scores[name]):>12}" for name in GROUPS)
        lines.append(
            f"{group:{width}}{pooled['truth']:7.0f}{pooled['predicted']:7.0f}{numbers}"
        )
    return ["", *lines]


def _distance(metres: float, made: Any) -> str:
    unit = "m" if made.unit == "m2" else "px" if made.unit == "pixels" else "units"
    pixels = "" if made.pixel is None or unit == "px" else f" ({metres / made.pixel:.3g} px)"
    return f"{metres:.3g} {unit}{pixels}"


def _label(name: str) -> str:
    return NAMES.get(name, name.removeprefix("pixel_").removeprefix("parcel_").replace("_", " "))


def _short(name: str) -> str:
    return SHORT.get(name, _label(name))


def _number(value: float) -> str:
    return "    -" if math.isnan(value) else f"{value:5.3f}"
