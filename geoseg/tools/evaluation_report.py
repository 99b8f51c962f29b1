"""Write the web page of an evaluation: scores, map, charts, worst parcels."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from geoseg.pages import Page, table, text
from geoseg.pages.map import SCRIPT
from geoseg.raster import Scene
from geoseg.tools.evaluation_charts import charts
from geoseg.tools.evaluation_crops import draw_crops
from geoseg.tools.evaluation_map import Evidence, blocks_to_show, draw_map, shown
from geoseg.tools.layers import joint_bounds
from geoseg.tools.score_names import (
    GROUPS,
    distance_text,
    name_of,
    number_text,
    rows_by_group,
    span_text,
)
from geoseg.tools.views import view_of

if TYPE_CHECKING:
    from geoseg.tools.evaluate_result import EvaluateResult

HEADLINES = ("parcel_f1", "parcel_precision", "parcel_recall", "panoptic_quality", "pixel_iou")
"""Scores in large figures; one of borders follows."""


def write_report(path: Path, made: EvaluateResult, evidence: Evidence, scene: Scene | None) -> None:
    """Write the page to a new file."""
    view = view_of(
        joint_bounds(evidence.truth, evidence.predicted), evidence.truth.placed_crs, scene,
        down=made.unit == "pixels",
    )
    blocks = blocks_to_show(evidence)
    truth = shown(evidence.truth, evidence.comparison.truth, evidence.judged.truth_status,
                  evidence.blocks, blocks, view)
    found = shown(evidence.predicted, evidence.comparison.predicted,
                  evidence.judged.predicted_status, evidence.blocks, blocks, view)
    page = Page(
        "How good the parcels are",
        f"{made.about.get('parcels', '')} against {made.about.get('truth', '')}",
        scripts=(SCRIPT,),
    )
    page.add("In short", _headlines(made))
    page.add("Map", draw_map(made, evidence, truth, found, view))
    if view.looker is not None:
        page.add("Largest errors", draw_crops(made, evidence, truth, found, view))
    page.add("Charts", charts(made, evidence.comparison, evidence.judged))
    page.add("All scores", _scores(made))
    if len(made.groups) > 1:
        page.add("By class and size", _groups(made))
    page.add("What was compared", _facts(made, evidence))
    path.write_text(page.to_html(), encoding="utf-8")


def _headlines(made: EvaluateResult) -> str:
    scores, spans = made.scores, made.intervals_of()
    boxes = []
    names = [*HEADLINES, f"boundary_f_{min(2, len(made.distances))}"]
    for name in names:
        boxes.append(
            f'<div class="tile"><small>{text(name_of(name, made))}</small>'
            f"<b>{number_text(scores[name])}</b><small>{span_text(name, spans)}&nbsp;</small></div>"
        )
    counts = made.parcel_counts
    return (
        f'<div class="tiles">{"".join(boxes)}</div><p>{counts.predicted:,} parcels against '
        f"{counts.truth:,} true ones; {counts.matched:,} match at an IoU above 0.5, "
        f"{counts.split:,} true ones are split, {counts.merged:,} parcels merge several. "
        "Under each score: the interval that holds 95 of 100 draws of blocks.</p>"
    )


def _scores(made: EvaluateResult) -> str:
    spans = made.intervals_of()
    rows = []
    for name, value in made.scores.items():
        rows.append((name_of(name, made), number_text(value), span_text(name, spans)))
    third = math.ceil(len(rows) / 2)
    heads = ("score", "value", "interval")
    columns = "".join(table(heads, rows[k : k + third]) for k in range(0, len(rows), third))
    return f'<div class="columns">{columns}</div>'


def _groups(made: EvaluateResult) -> str:
    heads = ("group", "true", "predicted", *(name_of(one, made) for one in GROUPS))
    return table(heads, rows_by_group(made))


def _facts(made: EvaluateResult, evidence: Evidence) -> str:
    near = ", ".join(distance_text(one, made) for one in made.distances)
    side = distance_text(evidence.blocks.side, made)
    rows = [
        ("parcels", made.about.get("parcels", "")), ("truth", made.about.get("truth", "")),
        ("areas in", made.unit), ("distances for borders", near),
        ("blocks", f"{len(made.tally.counts)} of {side}"),
        ("seconds", f"{made.about.get('seconds', 0):.1f}"),
        ("geoseg", made.about.get("geoseg", "")),
        ("definitions", "docs/metrics.md of geoseg"),
    ]
    return table((), rows, kind="facts")
