"""What scores are called and how they are written, in tables, notebooks and reports alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geoseg.tools.evaluate_result import EvaluateResult

NAMES = {
    "pixel_iou": "ground IoU", "pixel_precision": "ground precision",
    "pixel_recall": "ground recall", "pixel_f1": "ground F1",
    "parcel_precision": "precision", "parcel_recall": "recall", "parcel_f1": "F1 at IoU 0.5",
    "parcel_precision_50_95": "precision, 0.5 to 0.95",
    "parcel_recall_50_95": "recall, 0.5 to 0.95", "parcel_f1_50_95": "F1, 0.5 to 0.95",
    "over_segmentation": "split", "under_segmentation": "merged", "goc": "GOC", "guc": "GUC",
    "gtc": "GTC", "boundary_iou": "boundary IoU",
}
"""Names for people; others are their keys with spaces."""
UNITS = {"m2": "m", "pixels": "px"}
"""Of lengths, by the unit of areas."""
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
HEADS = {"parcel_f1": "F1", "panoptic_quality": "PQ"}
"""Their short names."""


def shown(made: EvaluateResult) -> list[tuple[str, tuple[str, ...]]]:
    """Give the parts of a table of scores, and the keys in each."""
    near = tuple(f"boundary_f_{i}" for i in range(1, len(made.distances) + 1))
    return [(part, (*keys, *near) if part == "borders" else keys) for part, keys in SHOWN]


def name_of(key: str, made: EvaluateResult) -> str:
    """Give a score's name; of a boundary score with its distance."""
    kind, _, number = key.rpartition("_")
    if kind.startswith("boundary_") and number.isdigit():
        near = distance_text(made.distances[int(number) - 1], made)
        return f"{kind.replace('_', ' ').replace(' f', ' F')}, {near}"
    if key == "polis":
        return f"PoLiS, {UNITS.get(made.unit, 'units')}"
    return NAMES.get(key, key.replace("_", " "))


def distance_text(value: float, made: EvaluateResult) -> str:
    """Write a distance in metres, and in pixels where one is known."""
    unit = UNITS.get(made.unit, "units")
    pixels = "" if made.pixel is None or unit == "px" else f" ({value / made.pixel:.3g} px)"
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} {unit}{pixels}"


def number_text(value: float) -> str:
    """Write a score; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.3f}"


def span_text(name: str, spans: Mapping[str, tuple[float, float]]) -> str:
    """Write a score's interval; nothing where there is none."""
    low, high = spans.get(name, (math.nan, math.nan))
    return "" if math.isnan(low) else f"{number_text(low)} to {number_text(high)}"


def rows_by_group(made: EvaluateResult) -> list[tuple[str, ...]]:
    """Give rows of a table: group, true and predicted parcels, the scores of `GROUPS`.

    There are none where all parcels are one group; groups without parcels are left out.
    """
    rows = []
    for group in made.groups if len(made.groups) > 1 else ():
        counts, scores = made.tally.pooled(group), made.scores_of(group)
        sides = [counts[side] for side in ("truth", "predicted")]
        if any(sides):
            numbers = (number_text(scores[key]) for key in GROUPS)
            rows.append((group, *(f"{one:.0f}" for one in sides), *numbers))
    return rows
