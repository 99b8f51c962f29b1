"""Lay out a piece of countryside: fields and all that lies between them, in metres.

Coordinates are local: x to the right, y down, (0, 0) at the scene's upper left corner.
A *border* is a line with a kind and a width: a seam (width 0) lets two fields touch; a road, track,
hedge, ditch or stream takes ground of its own, so it is no part of any field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.ops import split

HECTARE = 10_000.0
"""Square metres."""
SNAP = 0.01
"""Grid of all corners, in metres; makes borders meet exactly."""
OVERSHOOT = 0.4
"""A border runs on past its end by this many metres, so that bent borders still meet."""
WIDTHS = {
    "road": (8.5, 13.0),
    "track": (4.0, 6.5),
    "hedge": (4.0, 6.5),
    "ditch": (2.5, 4.5),
    "margin": (1.2, 3.0),
    "seam": (0.0, 0.0),
}
"""Least and largest width by kind, in metres, verges included."""


@dataclass(frozen=True, slots=True)
class Style:
    """What makes one kind of countryside."""

    field_ha: tuple[float, float]
    """Smallest and largest usual field."""
    block: float
    """Fields in a block, about."""
    skew: float
    """Spread of the angle of cuts, in radians."""
    uneven: float
    """Spread of the place of cuts, 0 for halves."""
    bend: float
    """How far borders are bent, in metres."""
    strips: float
    """Share of blocks that are cut into parallel strips."""
    outer: dict[str, float]
    """Weights of the kinds of border between blocks."""
    inner: dict[str, float]
    """Weights of the kinds of border between fields of a block."""
    wood: float
    """Share of fields that are woods."""
    rows: float
    """Share of fields with orchard or vine."""
    copse_ha: float
    """Land for each pond or rounded wood that cuts into fields."""
    pivot: float = 0.0
    """Share of squarish blocks that are watered in a circle."""


STYLES = {
    "plains": Style(
        (4.0, 15.0), 3.0, 0.01, 0.02, 1.5, 0.25,
        {"road": 3, "track": 1, "hedge": 2, "margin": 2},
        {"seam": 5, "margin": 3, "ditch": 1, "hedge": 1}, 0.05, 0.01, 45, 0.12,
    ),
    "strips": Style(
        (0.35, 2.5), 9.0, 0.12, 0.12, 6.0, 0.85,
        {"track": 6, "ditch": 2, "hedge": 2, "margin": 1},
        {"seam": 8, "margin": 1}, 0.03, 0.03, 60,
    ),
    "bocage": Style(
        (0.4, 3.5), 3.0, 0.3, 0.14, 14.0, 0.12,
        {"hedge": 7, "track": 3, "ditch": 1},
        {"hedge": 6, "seam": 2, "margin": 2}, 0.07, 0.03, 50,
    ),
    "orchard": Style(
        (0.4, 3.0), 5.0, 0.08, 0.1, 5.0, 0.5,
        {"track": 6, "hedge": 3, "ditch": 1},
        {"seam": 4, "margin": 3, "track": 2, "hedge": 1}, 0.03, 0.55, 80,
    ),
    "mixed": Style(
        (0.3, 3.0), 6.0, 0.2, 0.13, 9.0, 0.5,
        {"track": 5, "hedge": 4, "ditch": 1},
        {"seam": 6, "margin": 2, "hedge": 2}, 0.05, 0.08, 60,
    ),
}
"""The kinds of countryside, by name."""


@dataclass(frozen=True, slots=True)
class Border:
    """A line that parts two pieces of land."""

    line: LineString
    """Centre line, in metres."""
    kind: str
    """One of WIDTHS, or `stream`."""
    width: float
    """Full width on the ground, in metres; 0 where the fields touch."""


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


def weighted(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """Draw one key by its weight."""
    shares = np.array(list(weights.values()), dtype=float)
    return list(weights)[int(rng.choice(len(shares), p=shares / shares.sum()))]


def long_axis(piece: Polygon) -> tuple[np.ndarray, float, float]:
    """Give the unit vector of a polygon's long side, its length and its width, in metres."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(piece))
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    if np.hypot(*first) < np.hypot(*second):
        first, second = second, first
    length = float(np.hypot(*first))
    return first / length, length, float(np.hypot(*second))


def cut(piece: Polygon, point: np.ndarray, direction: np.ndarray) -> tuple[list, LineString]:
    """Cut a convex polygon by a straight line; give the parts and the cut."""
    reach = direction * 1e5
    knife = LineString([point - reach, point + reach])
    return list(split(piece, knife).geoms), shapely.intersection(knife, piece)


def turned(vector: np.ndarray, angle: float) -> np.ndarray:
    """Turn a vector by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1]])


def new_border(rng: np.random.Generator, line: LineString, kind: str) -> Border:
    """Give a border a width, and let it run a little past both ends."""
    corners = shapely.get_coordinates(line)
    ahead = (corners[-1] - corners[0]) / max(line.length, 1e-9) * OVERSHOOT
    longer = LineString([corners[0] - ahead, *corners[1:-1], corners[-1] + ahead])
    return Border(longer, kind, float(rng.uniform(*WIDTHS[kind])))


def halve(
    rng: np.random.Generator, piece: Polygon, style: Style, kind: str
) -> tuple[list[Polygon], Border | None]:
    """Cut a polygon across its long side, near the middle."""
    axis, length, _ = long_axis(piece)
    centre = shapely.get_coordinates(piece.centroid)[0]
    offset = np.clip(rng.normal(0.0, style.uneven), -0.2, 0.2) * length
    direction = turned(np.array([-axis[1], axis[0]]), rng.normal(0.0, style.skew))
    parts, line = cut(piece, centre + offset * axis, direction)
    if len(parts) < 2:
        return [piece], None
    return parts, new_border(rng, line, kind)


def divide(
    rng: np.random.Generator, land: Polygon, style: Style, area: float, road_area: float
) -> tuple[list[Polygon], list[Border]]:
    """Halve land until each piece is near `area`; cuts of large pieces are roads."""
    whole, done, borders = [land], [], []
    while whole:
        piece = whole.pop()
        if piece.area < area * rng.uniform(1.1, 2.0):
            done.append(piece)
            continue
        kind = "road" if piece.area > road_area else weighted(rng, style.outer)
        parts, border = halve(rng, piece, style, kind)
        if border is None:
            done.append(piece)
            continue
        borders.append(border)
        whole.extend(parts)
    return done, borders


def cut_strips(
    rng: np.random.Generator, block: Polygon, style: Style, area: float
) -> tuple[list[Polygon], list[Border]]:
    """Cut a block into parallel strips of uneven widths."""
    axis, length, width = long_axis(block)
    if rng.random() < 0.35:
        axis, length, width = np.array([-axis[1], axis[0]]), width, length
    across = np.array([-axis[1], axis[0]])
    usual = max(area / length, 14.0)
    place = shapely.get_coordinates(block.centroid)[0] - across * width / 2
    pieces, borders, rest, gone = [], [], block, 0.0
    while gone < width - usual * 1.2:
        step = usual * float(rng.lognormal(-0.1, 0.4))
        gone += step
        place = place + across * step
        parts, line = cut(rest, place, turned(axis, rng.normal(0.0, 0.012)))
        if len(parts) < 2 or gone > width - usual * 0.4:
            break
        parts.sort(key=lambda part: float(shapely.get_coordinates(part.centroid)[0] @ across))
        pieces.append(parts[0])
        borders.append(new_border(rng, line, weighted(rng, style.inner)))
        rest = parts[1]
    return [*pieces, rest], borders


def cut_pieces(
    rng: np.random.Generator, block: Polygon, style: Style, area: float
) -> list[Border]:
    """Cut a block into fields; only the borders are needed."""
    stack, borders = [block], []
    if rng.random() < style.strips:
        stack, borders = cut_strips(rng, block, style, area)
        if rng.random() < 0.7:
            return borders
    while stack:
        piece = stack.pop()
        if piece.area < area * rng.uniform(1.2, 2.6):
            continue
        parts, border = halve(rng, piece, style, weighted(rng, style.inner))
        if border is not None:
            borders.append(border)
            stack.extend(parts)
    return borders


def bender(rng: np.random.Generator, bend: float):
    """Make a smooth displacement of the plane: long bends, and a wobble of a hand's breadth."""
    lengths = np.concatenate([rng.uniform(180, 700, 5), rng.uniform(14, 45, 6)])
    sizes = np.concatenate([bend * rng.uniform(0.1, 0.5, 5), np.full(6, 0.12)])
    turns = rng.uniform(0, 2 * np.pi, (3, 11))

    def bent(points: np.ndarray) -> np.ndarray:
        along = np.outer(points[:, 0], np.cos(turns[0])) + np.outer(points[:, 1], np.sin(turns[0]))
        phase = 2 * np.pi * along / lengths
        first, second = np.sin(phase + turns[1]), np.sin(phase + turns[2])
        return points + np.stack([first @ sizes, second @ sizes], axis=1)

    return bent


def stream_line(rng: np.random.Generator, land: Polygon) -> LineString:
    """Draw a stream that winds across the land."""
    low_x, low_y, high_x, _ = land.bounds
    side = high_x - low_x
    steps = np.linspace(0, side, int(side / 3) + 2)
    sway = sum(
        rng.uniform(0.15, 0.3) * length * np.sin(2 * np.pi * steps / length + rng.uniform(0, 6.3))
        for length in (rng.uniform(0.7, 1.4) * side * 0.5, 160.0 * rng.uniform(0.7, 1.3))
    ) + 5.0 * np.sin(2 * np.pi * steps / rng.uniform(28, 45) + 2 * np.sin(steps / 90))
    points = np.stack([steps, side * rng.uniform(0.3, 0.7) + sway * 0.5], axis=1)
    if rng.random() < 0.5:
        points = points[:, ::-1]
    return LineString(points + [low_x, low_y])


def plan_borders(
    rng: np.random.Generator, side: float, style: Style, step: float
) -> tuple[list[Border], float]:
    """Draw all borders of a scene, bent; give also the usual field's area."""
    area = np.clip(
        side**2 / rng.uniform(28, 60), style.field_ha[0] * HECTARE, style.field_ha[1] * HECTARE
    )
    margin = 0.12 * side + 60
    land = shapely.box(-margin, -margin, side + margin, side + margin)
    turn = rng.normal(0, 1.5) if style.skew < 0.05 else rng.uniform(-45, 45)
    land = shapely.affinity.rotate(land.buffer(0.25 * side, join_style="mitre"), turn)
    road_area = max(area * style.block * 2.5, land.area / 2.2)
    if side > 1200:
        road_area = min(road_area, 70 * HECTARE)
    blocks, borders = divide(rng, land, style, area * style.block, road_area)
    for block in blocks:
        if rng.random() < style.pivot:
            borders.append(pivot(block))
        borders.extend(cut_pieces(rng, block, style, area))
    bent = bender(rng, style.bend)
    bent_borders = [
        Border(shapely.transform(shapely.segmentize(one.line, step), bent), one.kind, one.width)
        for one in borders
    ]
    return bent_borders, float(area)


def pivot(block: Polygon) -> Border:
    """Draw the circle that a watering arm reaches in a block."""
    _, _, width = long_axis(block)
    ring = block.centroid.buffer(width * 0.48, quad_segs=32).exterior
    return Border(LineString(ring.coords), "seam", 0.0)


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
        site = Polygon([base, base + ahead * wide, base + ahead * wide + away * deep,
                        base + away * deep])
        if inside.contains(site) and not any(site.distance(one) < 60 for one in sites):
            sites.append(site)
    return sites


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
        points = np.column_stack([x, y]) @ [turned(np.array([1, 0]), turn),
                                            turned(np.array([0, 1]), turn)] + centre
        copse = Polygon(points).buffer(0)
        kind = "pond" if reach < 22 and rng.random() < 0.4 else str(rng.choice(["wood", "rough"]))
        if copse.geom_type == "Polygon" and not any(copse.intersects(farm) for farm in farms):
            copses.append((copse, kind))
    return copses


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
