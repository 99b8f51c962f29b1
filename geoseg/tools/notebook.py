"""Show a result in a notebook: a map, a picture, curves, a table, as HTML without scripts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geoseg.pages import picture
from geoseg.raster import Looker, Scene, encode
from geoseg.tools.score_names import (
    GROUPS,
    HEADS,
    name_of,
    number_text,
    rows_by_group,
    shown,
    span_text,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from geoseg.tools.evaluate_result import EvaluateResult

ROWS = 8
"""Rows of the table."""
SHAPES = 2000
"""Largest parcels that are drawn."""
SIDE = 420
"""Pixels of the longer side of a map or picture."""
PAD = "padding:0 .5em"
"""Style of a table's cells."""
CURVE = (300, 140)
"""Width and height of a curve's drawing, in pixels."""
CURVES = (("train_loss", "#888"), ("loss", "#c0392b"), ("parcel_iou", "#2471a3"))
"""Columns of a training's log that are drawn, and their colors."""


def show(parcels: GeoDataFrame, title: str) -> str:
    """Give HTML that shows parcels: a map of the largest, and the first rows."""
    head = parcels.drop(columns=parcels.geometry.name).head(ROWS)
    more = f"<p>and {len(parcels) - ROWS} more</p>" if len(parcels) > ROWS else ""
    table = head.to_html(index=False, border=0, float_format=lambda value: f"{value:.4g}")
    return (
        f"<div><b>{html.escape(title)}</b><div style='display:flex;gap:1em'>"
        f"{_map(parcels)}<div>{table}{more}</div></div></div>"
    )


def _map(parcels: GeoDataFrame) -> str:
    shapes = parcels.geometry[~parcels.geometry.is_empty]
    if shapes.empty:
        return ""
    west, south, east, north = shapes.total_bounds
    scale = SIDE / (max(east - west, north - south) or 1)
    if len(shapes) > SHAPES:
        shapes = shapes.loc[shapes.area.sort_values().index[-SHAPES:]]
    rings = []
    for shape in shapes.simplify(1 / scale).explode(ignore_index=True):
        for ring in (shape.exterior, *shape.interiors):
            x, y = np.asarray(ring.coords)[:, :2].T
            points = np.column_stack([(x - west) * scale, (north - y) * scale])
            rings.append("M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in points) + "Z")
    width, height = (east - west) * scale, (north - south) * scale
    return (
        f"<svg width='{width + 2:.0f}' height='{height + 2:.0f}' "
        f"viewBox='-1 -1 {width + 2:.1f} {height + 2:.1f}'><path d='{''.join(rings)}' "
        "fill='#ffd60a' fill-opacity='.25' fill-rule='evenodd' stroke='#8a6d00'/></svg>"
    )


def show_mask(path: Path) -> str:
    """Give HTML that shows a probability raster: its first band, black 0, white 1."""
    title = f"<b>{html.escape(str(path))}</b>"
    if not path.is_file():
        return f"<div>{title} is not there</div>"
    with Scene(path) as mask:
        shown = encode(Looker(mask, (1,)).look(SIDE).rgb, "png")
        about = f"{', '.join(mask.band_names)}; {mask.geobox.width} x {mask.geobox.height} pixels"
    image = picture(shown, "png", "parcel probability")
    return f"<div>{title}<br>{image}<p>{html.escape(about)}</p></div>"


def show_scores(made: EvaluateResult) -> str:
    """Give HTML that shows scores: one per row with its interval, then one row per group."""
    counts, scores, spans = made.parcel_counts, made.scores, made.intervals_of()
    rows = []
    for part, keys in shown(made):
        rows.append(f"<tr><th colspan=3 style='text-align:left;{PAD}'>{part}</th></tr>")
        for key in keys:
            rows.append(_row(name_of(key, made), number_text(scores[key]), span_text(key, spans)))
    title = f"{counts.predicted} parcels against {counts.truth} true, {counts.matched} matched"
    return (
        f"<div><b>{title}</b><div style='display:flex;gap:2em'><table>{''.join(rows)}</table>"
        f"<div>{_groups(made)}</div></div></div>"
    )


def _groups(made: EvaluateResult) -> str:
    rows = [_row(*row) for row in rows_by_group(made)]
    heads = _heads("group", "true", "found", *(HEADS.get(k, name_of(k, made)) for k in GROUPS))
    return f"<table>{heads}{''.join(rows)}</table>" if rows else ""


def _heads(*names: str) -> str:
    return "<tr>" + "".join(f"<th style='{PAD}'>{html.escape(one)}</th>" for one in names) + "</tr>"


def _row(name: str, *values: str) -> str:
    cells = "".join(f"<td style='text-align:right;{PAD}'>{html.escape(one)}</td>"
                    for one in values)
    return f"<tr><td style='text-align:left;{PAD}'>{html.escape(name)}</td>{cells}</tr>"


def show_training(validations: Sequence[Mapping[str, str]], title: str) -> str:
    """Give HTML that shows a training: curves over its steps, and a row per validation."""
    heads = list(validations[0]) if validations else []
    rows = [_heads(*heads)]
    rows += [_row(*(str(one.get(key, "")) for key in heads)) for one in validations]
    curves = "".join(_curve(validations, key, color) for key, color in CURVES if key in heads)
    return (
        f"<div><b>{html.escape(title)}</b><div>{curves}</div><table>{''.join(rows)}</table></div>"
    )


def _curve(rows: Sequence[Mapping[str, str]], key: str, color: str) -> str:
    """Draw one column of the log over the steps."""
    points = np.array([(float(one["step"]), float(one[key] or "nan")) for one in rows])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return ""
    (width, height), low, high = CURVE, points[:, 1].min(), points[:, 1].max()
    x = points[:, 0] / points[:, 0].max() * width
    y = height - (points[:, 1] - low) / ((high - low) or 1) * height
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    dots = "".join(f"<circle cx='{a:.1f}' cy='{b:.1f}' r='2.5' fill='{color}'/>"
                   for a, b in zip(x, y, strict=True))
    return (
        f"<svg width='{width + 20}' height='{height + 40}' viewBox='-10 -25 {width + 20} "
        f"{height + 40}'><text y='-10' font-size='12'>{html.escape(key)}: {low:.3g} to {high:.3g}"
        f"</text><polyline points='{line}' fill='none' stroke='{color}' stroke-width='2'/>{dots}"
        "</svg>"
    )
