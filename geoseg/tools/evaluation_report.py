"""Write the web page of an evaluation: scores, map, charts, worst parcels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geoseg.evaluation import Blocks, Comparison, Judged
from geoseg.evaluation.judge import ALONE, MATCHED
from geoseg.evaluation.tables import Side
from geoseg.pages import MapLayer, Page, map_section, picture, table, text
from geoseg.pages.map import SCRIPT
from geoseg.raster import Scene
from geoseg.tools.evaluation_charts import charts
from geoseg.tools.layers import Layer
from geoseg.tools.score_names import distance_text, name_of, number_text
from geoseg.tools.views import View, view_of

if TYPE_CHECKING:
    from geoseg.tools.evaluate import Result

MOST_PARCELS = 40_000
"""Of each layer on the map; from more, those of the blocks with most to see."""
WORST = 12
"""Parcels shown as crops."""
TILES = ("parcel_f1", "parcel_precision", "parcel_recall", "panoptic_quality", "pixel_iou")
COLORS = {
    "matched": (46, 158, 91), "split": (224, 138, 0), "merged": (154, 79, 208),
    "missed": (224, 54, 44), "false": (31, 120, 209),
}
"""As in the style sheet."""
TRUTH_LINE = (255, 255, 255)
KINDS = ("matched", "split", "merged")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report shows beside the scores."""

    truth: Layer
    """True parcels, open."""
    predicted: Layer
    """The others."""
    comparison: Comparison
    """One row per parcel and overlap."""
    judged: Judged
    """What became of them."""
    blocks: Blocks
    """How the ground was cut."""
    kinds: tuple[str, ...]
    """Names of the classes by code."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """The parcels of one layer that are on the map."""

    rows: NDArray[np.int64]
    """(n,) rows of the layer's table."""
    shapes: NDArray[np.object_]
    """(n,) on the map."""
    status: NDArray[np.int64]
    """(n,) codes."""


def write_report(path: Path, made: Result, evidence: Evidence, scene: Scene | None) -> None:
    """Write the page to a new file."""
    view = view_of(
        _bounds(evidence), evidence.truth.placed_crs, scene, down=made.unit == "pixels"
    )
    blocks = _blocks_to_show(evidence)
    truth = _shown(evidence.truth, evidence.comparison.truth, evidence.judged.truth_status,
                   evidence.blocks, blocks, view)
    found = _shown(evidence.predicted, evidence.comparison.predicted,
                   evidence.judged.predicted_status, evidence.blocks, blocks, view)
    page = Page(
        "How good the parcels are",
        f"{made.about.get('parcels', '')} against {made.about.get('truth', '')}",
        scripts=(SCRIPT,),
    )
    page.add("In short", _tiles(made))
    page.add("Map", _map(made, evidence, truth, found, view))
    if view.looker is not None:
        page.add("Largest errors", _crops(made, evidence, truth, found, view))
    page.add("Charts", charts(made, evidence.comparison, evidence.judged))
    page.add("All scores", _scores(made))
    if len(made.groups) > 1:
        page.add("By class and size", _groups(made))
    page.add("What was compared", _facts(made, evidence))
    path.write_text(page.to_html(), encoding="utf-8")


def _bounds(evidence: Evidence) -> tuple[float, float, float, float]:
    boxes = np.array([
        one.bounds for one in (evidence.truth, evidence.predicted) if one.bounds is not None
    ])
    return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())


def _blocks_to_show(evidence: Evidence) -> NDArray[np.int64] | None:
    """Choose blocks, those with most errors first, until the map is full; None: all of them."""
    sides = (evidence.comparison.truth, evidence.comparison.predicted)
    if max(len(one.number) for one in sides) <= MOST_PARCELS:
        return None
    status = (evidence.judged.truth_status, evidence.judged.predicted_status)
    blocks = [evidence.blocks.block_of(one.place) for one in sides]
    n = max(int(one.max(initial=0)) for one in blocks) + 1
    wrong = sum(np.bincount(at[s != MATCHED], minlength=n) for at, s in zip(blocks, status))
    parcels = np.maximum(*(np.bincount(at, minlength=n) for at in blocks))
    order = np.argsort(-wrong, kind="stable")
    fits = np.cumsum(parcels[order]) <= MOST_PARCELS
    fits[0] = True
    return np.sort(order[fits])


def _shown(
    layer: Layer, side: Side, status: NDArray[np.int64], cut: Blocks,
    blocks: NDArray[np.int64] | None, view: View,
) -> _Shown:
    wanted = np.arange(len(side.number))
    if blocks is not None:
        wanted = np.flatnonzero(np.isin(cut.block_of(side.place), blocks))[:MOST_PARCELS]
    shapes = np.empty(len(wanted), object)
    places = side.place[wanted]
    tiles = cut.tile_of(places)
    by_number = dict(zip(side.number[wanted].tolist(), range(len(wanted))))
    for number, bounds in cut.tiles() if len(wanted) else ():
        if not (tiles == number).any():
            continue
        found = layer.read(bounds)
        for one, shape in zip(found.number.tolist(), found.shapes):
            at = by_number.get(one)
            if at is not None and shapes[at] is None:
                shapes[at] = shape
    there = shapely.is_geometry(shapes)
    return _Shown(wanted[there], view.move(shapes[there]), status[wanted[there]])


def _tiles(made: Result) -> str:
    scores, spans = made.scores, made.intervals_of()
    boxes = []
    names = [*TILES, f"boundary_f_{min(2, len(made.distances))}"]
    for name in names:
        low, high = spans.get(name, (math.nan, math.nan))
        span = "" if math.isnan(low) else f"{number_text(low)} to {number_text(high)}"
        boxes.append(
            f'<div class="tile"><small>{text(name_of(name, made))}</small>'
            f"<b>{number_text(scores[name])}</b><small>{span}&nbsp;</small></div>"
        )
    counts = made.parcels
    return (
        f'<div class="tiles">{"".join(boxes)}</div><p>{counts.predicted:,} parcels against '
        f"{counts.truth:,} true ones; {counts.matched:,} match at an IoU above 0.5, "
        f"{counts.split:,} true ones are split, {counts.merged:,} parcels merge several. "
        "Under each score: the interval that holds 95 of 100 draws of blocks.</p>"
    )


def _map(
    made: Result, evidence: Evidence, truth: _Shown, found: _Shown, view: View
) -> str:
    judged, comparison = evidence.judged, evidence.comparison
    best = _best_iou(evidence)
    layers = [
        MapLayer(
            "Predicted", found.shapes, found.status,
            [(one, one) for one in (*KINDS, "false")],
            _parcel_facts(comparison.predicted, found.rows, judged.predicted_partner,
                          comparison.truth, best[1], made, evidence.kinds),
        ),
        MapLayer(
            "True", truth.shapes, truth.status, [(one, one) for one in (*KINDS, "missed")],
            _parcel_facts(comparison.truth, truth.rows, judged.truth_partner,
                          comparison.predicted, best[0], made, evidence.kinds),
            dashed=True,
        ),
    ]
    note = "Click a parcel; click again for what lies below it. Drag, scroll, or use + and -."
    total = max(len(comparison.truth.number), len(comparison.predicted.number))
    if max(len(truth.rows), len(found.rows)) < total:
        note += (
            f" The map shows {len(found.rows):,} of {len(comparison.predicted.number):,} "
            f"predicted and {len(truth.rows):,} of {len(comparison.truth.number):,} true parcels: "
            "the blocks with most errors."
        )
    return map_section(layers, view.frame, picture=view.picture(), note=note)


def _best_iou(evidence: Evidence) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the largest IoU of each true and each predicted parcel with any other."""
    judged, comparison = evidence.judged, evidence.comparison
    out = []
    for side, at in ((comparison.truth, judged.pair_truth),
                     (comparison.predicted, judged.pair_predicted)):
        best = np.zeros(len(side.number))
        np.maximum.at(best, at, judged.iou)
        out.append(best)
    return out[0], out[1]


def _parcel_facts(
    side: Side, rows: NDArray[np.int64], partner: NDArray[np.int64], other: Side,
    best: NDArray[np.float64], made: Result, kinds: tuple[str, ...],
) -> dict[str, list[Any]]:
    unit = "m²" if made.unit == "m2" else made.unit
    matches = [
        None if at < 0 else int(other.number[at]) for at in partner[rows].tolist()
    ]
    facts: dict[str, list[Any]] = {
        "number": side.number[rows].tolist(),
        f"area, {unit}": np.rint(side.area[rows]).astype(np.int64).tolist(),
        "best IoU": [round(float(one), 3) for one in best[rows]],
        "matches": matches,
    }
    if any(kinds):
        facts["class"] = [kinds[code] for code in side.kind[rows].tolist()]
    return facts


def _crops(
    made: Result, evidence: Evidence, truth: _Shown, found: _Shown, view: View
) -> str:
    """Show the largest parcels of each kind of error, turn by turn."""
    shown = {"found": found, "truth": truth}
    sides = {"found": evidence.comparison.predicted, "truth": evidence.comparison.truth}
    heaps = []
    for which, one in shown.items():
        area = sides[which].area[one.rows]
        for code in range(1, ALONE + 1):
            if which == "found" and code == 1:
                continue  # the parts of a split parcel are in its own crop
            index = np.flatnonzero(one.status == code)
            heaps.append([(which, int(i)) for i in index[np.argsort(-area[index])][:WORST]])
    turns = [heap[k] for k in range(WORST) for heap in heaps if k < len(heap)][:WORST]
    if not turns:
        return "<p>There are none.</p>"
    items = "".join(_crop(made, sides, shown, which, i, view) for which, i in turns)
    return (
        f'<div class="crops">{items}</div><p class="note">White: true parcels. In color: what was '
        "predicted, and the true parcel in question. Click one to see it on the map.</p>"
    )


def _crop(
    made: Result, sides: dict[str, Side], shown: dict[str, _Shown], which: str, i: int, view: View
) -> str:
    one = shown[which]
    name = (*KINDS, "false" if which == "found" else "missed")[one.status[i]]
    shape = one.shapes[i]
    lines = [(shown["truth"].shapes, TRUTH_LINE)]
    for code, color in enumerate((*KINDS, "false")):
        lines.append((shown["found"].shapes[shown["found"].status == code], COLORS[color]))
    lines.append((np.array([shape], object), COLORS[name]))
    near = shapely.box(*shape.bounds).buffer(max(np.ptp(np.reshape(shape.bounds, (2, 2)), axis=0)))
    lines = [(some[shapely.intersects(some, near)], color) for some, color in lines]
    area = sides[which].area[one.rows[i]]
    number = sides[which].number[one.rows[i]]
    caption = f"{'parcel' if which == 'found' else 'true parcel'} {number}, {name}, "
    caption += f"{area / 1e4:.2f} ha" if made.unit == "m2" else f"{area:.0f} {made.unit}"
    layer = 0 if which == "found" else 1
    image = picture(view.crop(shape, lines), "jpeg", caption)
    return (
        f'<figure><a href="#map" data-parcel="{layer}:{i}">{image}</a>'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def _scores(made: Result) -> str:
    spans = made.intervals_of()
    rows = []
    for name, value in made.scores.items():
        low, high = spans.get(name, (math.nan, math.nan))
        span = "" if math.isnan(low) else f"{number_text(low)} to {number_text(high)}"
        rows.append((name_of(name, made), number_text(value), span))
    third = math.ceil(len(rows) / 2)
    heads = ("score", "value", "interval")
    columns = "".join(table(heads, rows[k : k + third]) for k in range(0, len(rows), third))
    return f'<div class="columns">{columns}</div>'


def _groups(made: Result) -> str:
    names = ("pixel_iou", "parcel_f1", "parcel_precision", "parcel_recall", "panoptic_quality",
             "over_segmentation", "under_segmentation", "area_bias")
    rows = []
    for group in made.groups:
        pooled, scores = made.tally.pooled(group), made.scores_of(group)
        if pooled["truth"] or pooled["predicted"]:
            numbers = [number_text(scores[name]) for name in names]
            rows.append((group, f"{pooled['truth']:.0f}", f"{pooled['predicted']:.0f}", *numbers))
    return table(("group", "true", "predicted", *(name_of(one, made) for one in names)), rows)


def _facts(made: Result, evidence: Evidence) -> str:
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
