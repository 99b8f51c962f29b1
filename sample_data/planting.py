"""Plant trees: hedges, woods, orchards, and single trees by roads, streams and farms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon

from landscape import Landscape
from roofs import Roof, farm_yard


@dataclass(frozen=True, slots=True)
class Trees:
    """Many crowns, as columns."""

    x: np.ndarray
    """Metres."""
    y: np.ndarray
    """Metres."""
    radius: np.ndarray
    """Metres."""
    height: np.ndarray
    """Metres above the ground."""

    def near(self, low: float, high: float) -> Trees:
        """Keep those that reach rows between two places, in metres."""
        kept = (self.y + self.radius > low) & (self.y - self.radius < high)
        return Trees(self.x[kept], self.y[kept], self.radius[kept], self.height[kept])


def plant(
    rng: np.random.Generator,
    land: Landscape,
    crops: list[str],
    angles: list[float],
    roofs: list[Roof],
) -> Trees:
    """Plant all trees of a scene."""
    planted = [np.zeros((0, 4))]
    for border in land.borders:
        if border.kind == "hedge":
            planted += hedge_trees(rng, border.line, border.width)
        elif border.kind == "stream":
            points = along(rng, border.line, rng.uniform(4, 14), border.width * 0.3)
            planted.append(crowns(rng, points, 1.2, 5.0))
        elif border.width and rng.random() < 0.15:
            planted.append(roadside_trees(rng, border.line, border.width))
    for polygon, kind in land.others:
        if kind == "wood":
            planted.append(wood_trees(rng, polygon))
        elif kind == "rough":
            points = scatter(rng, polygon.buffer(-2.0), rng.uniform(6, 14))
            planted.append(crowns(rng, points, 1.0, 4.2))
        elif kind == "farm":
            points = scatter(rng, polygon.buffer(-1.0), rng.uniform(6, 11))
            yard = farm_yard(polygon, roofs)
            shapely.prepare(yard)
            points = points[~shapely.contains_xy(yard, points)]
            planted.append(crowns(rng, points[rng.random(len(points)) < 0.6], 1.2, 4.6))
    for polygon, crop, angle in zip(land.fields, crops, angles, strict=True):
        if crop == "orchard":
            planted.append(orchard_trees(rng, polygon, angle))
        elif crop == "meadow" and rng.random() < 0.5:
            points = scatter(rng, polygon.buffer(-5), rng.uniform(45, 110))
            planted.append(crowns(rng, points, 1.2, 4.5))
    return Trees(*np.concatenate(planted).T)


def crowns(rng: np.random.Generator, points: np.ndarray, low: float, high: float) -> np.ndarray:
    """Give (n, 4) trees at points: x, y, radius of low to high, height."""
    radius = low + (high - low) * rng.beta(1.6, 2.2, len(points))
    height = radius * rng.uniform(1.6, 2.6, len(points)) + 0.8
    return np.column_stack([points, radius, height])


def scatter(rng: np.random.Generator, land: Polygon, spacing: float) -> np.ndarray:
    """Give points in a polygon on a shaken grid."""
    if land.is_empty:
        return np.zeros((0, 2))
    low_x, low_y, high_x, high_y = land.bounds
    x, y = np.meshgrid(np.arange(low_x, high_x, spacing), np.arange(low_y, high_y, spacing))
    points = np.column_stack([x.ravel(), y.ravel()])
    points = points + rng.uniform(-0.55, 0.55, points.shape) * spacing
    shapely.prepare(land)
    return points[shapely.contains_xy(land, points)]


def along(rng: np.random.Generator, line: LineString, spacing: float, sway: float) -> np.ndarray:
    """Give shaken points along a line."""
    places = np.arange(0, line.length, spacing)
    places = places + rng.uniform(-0.4, 0.4, len(places)) * spacing
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, places))
    return points + rng.normal(0, sway, points.shape)


def hedge_trees(rng: np.random.Generator, line: LineString, width: float) -> list[np.ndarray]:
    """Plant a hedge with gaps and some large trees."""
    bushes = along(rng, line, 1.7, width * 0.12)
    gaps = np.sin(np.linspace(0, line.length / 17, len(bushes)) + rng.uniform(0, 6.3))
    bushes = bushes[gaps > rng.uniform(-1.3, -0.2)]
    tall = along(rng, line, rng.uniform(10, 60), 0.5)
    return [crowns(rng, bushes, 0.9, width * 0.42), crowns(rng, tall, 2.0, width * 0.5 + 1.2)]


def roadside_trees(rng: np.random.Generator, line: LineString, width: float) -> np.ndarray:
    """Plant single trees on both sides of a way."""
    sides = [line.offset_curve(side * 0.42 * width) for side in (-1, 1)]
    points = [along(rng, side, rng.uniform(15, 60), 0.4) for side in sides if not side.is_empty]
    return crowns(rng, np.concatenate([np.zeros((0, 2)), *points]), 1.2, 3.4)


def wood_trees(rng: np.random.Generator, land: Polygon) -> np.ndarray:
    """Plant a wood with ragged edges and clearings."""
    points = scatter(rng, land.buffer(-1.5), rng.uniform(3.6, 5.6))
    waves = rng.uniform(0.02, 0.12, (2, 5)) * rng.choice([-1, 1], (2, 5))
    rough = np.sin(points @ waves + rng.uniform(0, 6.3, 5)).sum(axis=1)
    depth = shapely.distance(shapely.points(points), land.boundary)
    kept = (depth > 2 + 2.2 * rough) & (rough < rng.uniform(2.2, 4.5))
    return crowns(rng, points[kept], 1.5, rng.uniform(4.0, 5.6))


def orchard_trees(rng: np.random.Generator, land: Polygon, angle: float) -> np.ndarray:
    """Plant an orchard: trees in straight rows, some missing."""
    inner = land.buffer(-3.5)
    row, step = rng.uniform(4.5, 7.5), rng.uniform(3.5, 6.0)
    centre = shapely.get_coordinates(land.centroid)[0]
    reach = land.length / 2
    places, rows = np.arange(-reach, reach, step), np.arange(-reach, reach, row)
    if inner.is_empty or len(places) * len(rows) > 4_000_000:
        return np.zeros((0, 4))
    u, v = (one.ravel() for one in np.meshgrid(places, rows))
    x, y = u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
    points = np.column_stack([x, y]) + centre
    shapely.prepare(inner)
    points = points[shapely.contains_xy(inner, points)]
    points = points[rng.random(len(points)) > rng.uniform(0.01, 0.12)]
    trees = crowns(rng, points + rng.normal(0, 0.15, points.shape), 0.9, 0.5)
    trees[:, 2] = min(row, step) * rng.uniform(0.3, 0.42) * rng.normal(1, 0.1, len(trees))
    trees[:, 3] = trees[:, 2] * 1.5 + 0.6
    return trees
