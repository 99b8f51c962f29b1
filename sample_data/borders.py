"""Cut land into fields: blocks by halving, then strips or pieces; the cuts are borders.

A *border* is a line with a kind and a width: a seam (width 0) lets two fields touch; a road, track,
hedge, ditch or stream takes ground of its own, so it is no part of any field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon, affinity
from shapely.ops import split

from styles import HECTARE, WIDTHS, Style

OVERSHOOT = 0.4
"""A border runs on past its end by this many metres, so that bent borders still meet."""


@dataclass(frozen=True, slots=True)
class Border:
    """A line that parts two pieces of land."""

    line: LineString
    """Centre line, in metres."""
    kind: str
    """One of WIDTHS, or `stream`."""
    width: float
    """Full width on the ground, in metres; 0 where the fields touch."""


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


def turned(vector: np.ndarray, angle: float) -> np.ndarray:
    """Turn a vector by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1]])


def cut(piece: Polygon, point: np.ndarray, direction: np.ndarray) -> tuple[list, LineString]:
    """Cut a convex polygon by a straight line; give the parts and the cut."""
    reach = direction * 1e5
    knife = LineString([point - reach, point + reach])
    return list(split(piece, knife).geoms), shapely.intersection(knife, piece)


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


def pivot(block: Polygon) -> Border:
    """Draw the circle that a watering arm reaches in a block."""
    _, _, width = long_axis(block)
    ring = block.centroid.buffer(width * 0.48, quad_segs=32).exterior
    return Border(LineString(ring.coords), "seam", 0.0)


def bender(
    rng: np.random.Generator, bend: float
) -> Callable[[np.ndarray], np.ndarray]:
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
    land = affinity.rotate(land.buffer(0.25 * side, join_style="mitre"), turn)
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
