"""$ geoseg evaluate"""

from __future__ import annotations

import math
from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import result

TABLE = (
    ("area", ("pixel_iou", "pixel_precision", "pixel_recall", "pixel_f1")),
    ("parcels", ("parcel_f1", "parcel_precision", "parcel_recall", "panoptic_quality",
                 "segmentation_quality", "over_segmentation", "under_segmentation")),
)
"""What the table shows, part by part."""


@click.command(short_help="Parcels and truth -> scores.")
@click.argument("parcels", type=click.Path())
@click.argument("truth", type=click.Path())
@click.option("--layer", metavar="NAME", help="Layer of PARCELS.  [default: the only one]")
@click.option("--truth-layer", metavar="NAME", help="Layer of TRUTH.  [default: the only one]")
@options.aoi
@options.as_json
def evaluate(parcels: str, truth: str, *, as_json: bool, **chosen: Any) -> None:
    """Score PARCELS against TRUTH, a vector layer or a raster of parcel labels.

    A parcel is found where its intersection with a true one is more than half of their union.
    """
    from geoseg.tools.evaluate import evaluate as run

    made = run(parcels, truth, **chosen)
    result(made.as_dict(), _table(made), mode="none", as_json=as_json)


def _table(made: Any) -> str:
    """Lay the scores out: one per line, under what they count."""
    counts = made.parcels
    about = {
        "area": f"by {made.unit}",
        "parcels": f"{counts.predicted} against {counts.truth} true, {counts.matched} matched",
    }
    lines = []
    for part, names in TABLE:
        lines.append(f"{part:24}{about[part]}")
        lines += [f"  {_label(name):22}{_number(made.scores[name])}" for name in names]
    return "\n".join(lines)


def _label(name: str) -> str:
    name = name.removeprefix("pixel_").removeprefix("parcel_")
    return {"iou": "IoU", "f1": "F1"}.get(name, name.replace("_", " "))


def _number(value: float) -> str:
    return "    -" if math.isnan(value) else f"{value:5.3f}"
