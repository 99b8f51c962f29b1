"""The map of an evaluation: the parcels of both layers, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geoseg.evaluation import Blocks, Comparison, Judged
from geoseg.evaluation.judge import FOUND_STATUSES, MATCHED, TRUE_STATUSES, best_iou
from geoseg.evaluation.tables import Side
from geoseg.pages import MapLayer, map_section
from geoseg.tools.layers import Layer
from geoseg.tools.views import MOST_PARCELS, View

if TYPE_CHECKING:
    from geoseg.tools.evaluate_result import EvaluateResult


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
class Shown:
    """The parcels of one layer that are on the map."""

    rows: NDArray[np.int64]
    """(n,) rows of the layer's table."""
    shapes: NDArray[np.object_]
    """(n,) on the map."""
    status: NDArray[np.int64]
    """(n,) codes."""


def blocks_to_show(evidence: Evidence) -> NDArray[np.int64] | None:
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


def shown(
    layer: Layer, side: Side, status: NDArray[np.int64], cut: Blocks,
    blocks: NDArray[np.int64] | None, view: View,
) -> Shown:
    """Read the parcels of a layer that the map shows: those of the blocks, or all of them."""
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
    return Shown(wanted[there], view.move(shapes[there]), status[wanted[there]])


def draw_map(
    made: EvaluateResult, evidence: Evidence, truth: Shown, found: Shown, view: View
) -> str:
    """Give the map's part of the page."""
    judged, comparison = evidence.judged, evidence.comparison
    best = best_iou(comparison, judged)
    layers = [
        MapLayer(
            "Predicted", found.shapes, found.status,
            [(one, one) for one in FOUND_STATUSES],
            _parcel_facts(comparison.predicted, found.rows, judged.predicted_partner,
                          comparison.truth, best[1], made, evidence.kinds),
        ),
        MapLayer(
            "True", truth.shapes, truth.status, [(one, one) for one in TRUE_STATUSES],
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


def _parcel_facts(
    side: Side, rows: NDArray[np.int64], partner: NDArray[np.int64], other: Side,
    best: NDArray[np.float64], made: EvaluateResult, kinds: tuple[str, ...],
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
