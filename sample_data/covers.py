"""Say what covers the ground, piece by piece, later pieces over earlier ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon

from borders import Border, long_axis
from landscape import Landscape
from roofs import Roof, farm_yard


@dataclass(frozen=True, slots=True)
class Cover:
    """A piece of ground that looks one way."""

    polygon: Polygon
    """Where, in metres."""
    surface: str
    """A key of CROPS or OTHERS."""
    angle: float = 0.0
    """Direction of its rows, in radians."""
    field: int | None = None
    """The field it is a part of; parts of a field share their tint."""


def cover_fields(
    rng: np.random.Generator, land: Landscape, crops: list[str], angles: list[float]
) -> list[Cover]:
    """Cover the ground with verges, then fields, then woods and rough land."""
    covers = [Cover(shapely.box(-99, -99, land.side + 99, land.side + 99), "verge")]
    for k, (field, crop, angle) in enumerate(zip(land.fields, crops, angles, strict=True)):
        inner = between_headlands(rng, field) if crop not in ("meadow", "orchard") else None
        if inner is None:
            covers.append(Cover(field, crop, angle, k))
        else:
            covers += [Cover(field, crop, angle + math.pi / 2, k), Cover(inner, crop, angle, k)]
    return covers + [Cover(one, kind) for one, kind in land.others if kind != "farm"]


def between_headlands(rng: np.random.Generator, field: Polygon) -> Polygon | None:
    """Give the part of a field that is worked lengthwise; None where it all is."""
    axis, length, _ = long_axis(field)
    if length < 70 or rng.random() < 0.35:
        return None
    centre = shapely.get_coordinates(shapely.oriented_envelope(field).centroid)[0]
    reach = axis * (length / 2 - rng.uniform(7, 16))
    band = LineString([centre - reach, centre + reach]).buffer(2 * length, cap_style="flat")
    return field.intersection(band)


def cover_borders(rng: np.random.Generator, land: Landscape, thin: float) -> list[Cover]:
    """Cover all borders: thin lines first, then banks, water, tracks and roads.

    Args:
        rng: source of chance.
        land: the borders' land.
        thin: least half width of the line between fields that touch, in metres.
    """
    layers = [part for border in land.borders for part in border_layers(rng, border, thin)]
    layers.sort(key=lambda layer: layer[0])
    covers = []
    for _, border, half, surface in layers:
        covers.append(Cover(border.line.buffer(half, cap_style="flat"), surface))
    return covers


def border_layers(
    rng: np.random.Generator, border: Border, thin: float
) -> list[tuple[int, Border, float, str]]:
    """Give what a border looks like from the air: (layer, border, half width, surface)."""
    half = border.width / 2
    if border.kind == "road":
        body = str(rng.choice(["asphalt", "gravel"]))
        return [(3, border, half, "verge"), (6, border, 0.52 * half, body)]
    if border.kind == "track":
        body = str(rng.choice(["dirt", "gravel"]))
        return [(3, border, half, "grass"), (4, border, 0.5 * half, body),
                (5, border, 0.12 * half, "grass")]
    if border.kind == "stream":
        return [(1, border, half, "bank"), (2, border, 0.28 * half, "water")]
    if border.kind in ("hedge", "ditch", "margin"):
        return [(1, border, half, "grass" if border.kind == "margin" else "bank")]
    if rng.random() < 0.2:
        return []
    return [(0, border, max(thin, rng.uniform(0.2, 0.7)), str(rng.choice(["furrow", "grass"])))]


def cover_farms(land: Landscape, roofs: list[Roof]) -> list[Cover]:
    """Cover farms with grass, and a yard about the houses."""
    farms = [one for one, kind in land.others if kind == "farm"]
    covers = [Cover(farm, "farm") for farm in farms]
    return covers + [Cover(farm_yard(farm, roofs), "yard") for farm in farms]
