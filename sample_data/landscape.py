"""Lay out a piece of countryside: fields and all that lies between them, in metres.

Coordinates are local: x to the right, y down, (0, 0) at the scene's upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon

from borders import Border, plan_borders, stream_line, turned
from styles import HECTARE, Style

SNAP = 0.01
"""Grid of all corners, in metres; makes borders meet exactly."""


@dataclass(frozen=True, slots=True)
class Landscape:
    """Everything that is to be painted."""

    side: float
    """Side of the square scene, in metres."""
    style: Style
    """What it was made with."""
    fields: list[Polygon]
    """Parcels: a valid coverage, inside the scene."""
    others: list[tuple[Polygon, str]]
    """Land that is no parcel: (polygon, `wood`, `rough`, `farm` or `pond`)."""
    borders: list[Border]
    """All borders, bent, farther than the scene."""


def lay_out(rng: np.random.Generator, *, side: float, style: Style, step: float) -> Landscape:
    """Lay out a square scene.

    Args:
        rng: the only source of chance.
        side: metres.
        style: kind of countryside.
        step: metres between the corners of a bent border.
    """
    borders, area = plan_borders(rng, side, style, step)
    scene = shapely.box(0, 0, side, side)
    if rng.random() < 0.75:
        line = stream_line(rng, scene.buffer(60, join_style="mitre"))
        borders.append(Border(line, "stream", float(rng.uniform(7, 13))))
    farms = farm_sites(rng, borders, side)
    copses = draw_copses(rng, side, style, farms)
    taken = [one.line.buffer(one.width / 2, cap_style="flat") for one in borders if one.width]
    faces, free = partition(scene, [one.line for one in borders if not one.width],
                            taken + farms + [copse for copse, _ in copses])
    ways = shapely.union_all(taken)
    fields, others = [], [(farm, "farm") for farm in farms]
    others += [(copse.difference(ways), kind) for copse, kind in copses]
    for face, is_free in zip(faces, free, strict=True):
        if not is_free:
            continue
        kind = sort_face(rng, face, style, area, max(3.5, 0.75 * step))
        if kind == "field":
            fields.append(face)
        else:
            others.append((face, kind))
    return Landscape(side, style, fields, others, borders)


def sort_face(
    rng: np.random.Generator, face: Polygon, style: Style, area: float, narrow: float
) -> str:
    """Say what a piece of free land is: a field, a wood, or rough land."""
    if face.area < max(0.02 * area, 150.0) or face.buffer(-narrow).is_empty:
        return "rough"
    solid = 4 * np.pi * face.area / face.length**2
    if solid < 0.12:
        return "rough"
    draw = rng.random()
    if draw < style.wood:
        return "wood"
    return "rough" if draw < style.wood * 1.3 else "field"


def partition(
    scene: Polygon, seams: list[LineString], taken: list[Polygon]
) -> tuple[list[Polygon], np.ndarray]:
    """Part the scene by all lines at once, so that neighbours share their corners.

    Returns:
        The faces, and True where a face is free of roads, hedges and the like.
    """
    ground = shapely.union_all(shapely.set_precision(taken, SNAP), grid_size=SNAP)
    lines = shapely.set_precision([*seams, ground.boundary, scene.exterior], SNAP)
    noded = shapely.union_all(lines, grid_size=SNAP)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    points = shapely.point_on_surface(faces)
    inside = shapely.contains_properly(scene, points)
    faces, points = shapely.coverage_simplify(faces[inside], 0.08), points[inside]
    shapely.prepare(ground)
    return list(faces), ~shapely.contains(ground, points)


def farm_sites(rng: np.random.Generator, borders: list[Border], side: float) -> list[Polygon]:
    """Choose places for farmyards along roads and tracks."""
    ways = [one for one in borders if one.kind in ("road", "track") and one.line.length > 120]
    inside = shapely.box(40, 40, side - 40, side - 40)
    count = max(1, round(side**2 / HECTARE / rng.uniform(25, 70)))
    sites: list[Polygon] = []
    for _ in range(count * 6):
        if not ways or len(sites) >= count:
            break
        way = ways[int(rng.integers(len(ways)))]
        place = rng.uniform(0.15, 0.85) * way.line.length
        here, there = (shapely.get_coordinates(way.line.interpolate(place + d))[0] for d in (0, 4))
        ahead = (there - here) / max(np.hypot(*(there - here)), 1e-9)
        away = np.array([-ahead[1], ahead[0]]) * rng.choice([-1.0, 1.0])
        wide, deep = rng.uniform(45, 85), rng.uniform(40, 70)
        base = here - ahead * wide / 2
        front = np.array([base, base + ahead * wide])
        site = Polygon(np.concatenate([front, front[::-1] + away * deep]))
        if inside.contains(site) and not any(site.distance(one) < 60 for one in sites):
            sites.append(site)
    return sites


def draw_copses(
    rng: np.random.Generator, side: float, style: Style, farms: list[Polygon]
) -> list[tuple[Polygon, str]]:
    """Draw rounded woods, rough hollows and ponds, at chance places away from farms."""
    copses = []
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    for _ in range(rng.poisson(side**2 / HECTARE / style.copse_ha)):
        reach = rng.lognormal(np.log(24), 0.5) * (1 + side / 4000)
        radius = reach * (1 + sum(
            rng.uniform(0, 0.55 / k) * np.sin(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 5)
        ))
        turn, flat = rng.uniform(0, 6.3), rng.uniform(0.45, 1.0)
        x, y = radius * np.cos(angle), flat * radius * np.sin(angle)
        centre = rng.uniform(0, side, 2)
        axes = np.array([turned(np.array(axis), turn) for axis in ((1, 0), (0, 1))])
        copse = Polygon(np.column_stack([x, y]) @ axes + centre).buffer(0)
        pond = reach < 22 and rng.random() < 0.4
        kind = "pond" if pond else "wood" if rng.random() < 0.75 else "rough"
        if copse.geom_type == "Polygon" and not any(copse.intersects(farm) for farm in farms):
            copses.append((copse, kind))
    return copses
