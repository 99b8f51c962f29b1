"""The charts of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geoseg.evaluation import Comparison, Judged
from geoseg.evaluation.judge import TRUE_STATUSES, best_iou
from geoseg.evaluation.tally import THRESHOLDS
from geoseg.pages import Bars, bars, figure, histogram
from geoseg.tools.axes import area_edges, area_ticks, plain, share_axis

if TYPE_CHECKING:
    from geoseg.tools.evaluate_result import EvaluateResult


def charts(made: EvaluateResult, comparison: Comparison, judged: Judged) -> str:
    """Give all charts side by side."""
    parts = [
        figure("F1 of the parcels at rising demands on the overlap", _by_threshold(made)),
        figure("True parcels by their largest IoU with a predicted one",
               _best_iou(comparison, judged)),
        figure("Areas of the parcels", _areas(made, comparison)),
        figure("What became of true parcels, by size", _by_size(comparison, judged, made)),
    ]
    distances = comparison.pairs.polis[judged.chosen]
    if np.isfinite(distances).any():
        parts.append(figure("Matched parcels by PoLiS", _polis(distances, made)))
    return f'<div class="columns">{"".join(parts)}</div>'


def _by_threshold(made: EvaluateResult) -> str:
    pooled = made.tally.pooled()
    whole = pooled["truth"] + pooled["predicted"] or 1
    values = [round(2 * pooled[f"matched@{at:g}"] / whole, 4) for at in THRESHOLDS]
    labels = [f"{at:g}" for at in THRESHOLDS]
    return bars([Bars("F1", values, "matched")], labels, label="IoU above", most=1)


def _best_iou(comparison: Comparison, judged: Judged) -> str:
    best, _ = best_iou(comparison, judged)
    edges, ticks = share_axis()
    return histogram(
        [("below 0.5", best[best <= 0.5], "missed"), ("matched", best[best > 0.5], "matched")],
        edges, label="IoU", ticks=ticks,
    )


def _areas(made: EvaluateResult, comparison: Comparison) -> str:
    true, found = comparison.truth.area, comparison.predicted.area
    edges = area_edges(np.concatenate([true, found]))
    ticks, label = area_ticks(edges, made.unit)
    return histogram(
        [("true", true, "true"), ("predicted", found, "found")], edges, label=label, ticks=ticks
    )


def _by_size(comparison: Comparison, judged: Judged, made: EvaluateResult) -> str:
    """Show the share of each status among four equal parts of the true parcels."""
    area, status = comparison.truth.area, judged.truth_status
    parts = np.array_split(np.argsort(area, kind="stable"), 4)
    parts = [one for one in parts if len(one)]
    if not parts:
        return ""
    series = [
        Bars(name, [round(float((status[one] == code).mean()), 4) for one in parts], name)
        for code, name in enumerate(TRUE_STATUSES)
    ]
    scale, unit = (1e4, " ha") if made.unit == "m2" else (1.0, "")
    labels = [f"to {plain(f'{area[one[-1]] / scale:.2g}')}{unit}" for one in parts]
    return bars(series, labels, label="area; as many parcels in each of the four", most=1)


def _polis(distances: NDArray[np.float64], made: EvaluateResult) -> str:
    distances = distances[np.isfinite(distances)]
    most = float(np.percentile(distances, 99)) or 1.0
    edges = np.linspace(0, most, 16)
    ticks = [f"{edge:.2g}" if i % 3 == 0 else "" for i, edge in enumerate(edges)]
    label = {"m2": "metres", "pixels": "pixels"}.get(made.unit, "units")
    return histogram([("matched", distances, "matched")], edges, label=label, ticks=ticks)
