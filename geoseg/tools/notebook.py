"""Show a result in a notebook: a map and a table, as HTML without scripts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

ROWS = 8
"""Rows of the table."""
SHAPES = 2000
"""Largest parcels that are drawn."""
SIDE = 420
"""Pixels of the map's longer side."""


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
