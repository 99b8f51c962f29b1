"""Put houses and barns on farms, and worn ground about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon

from landscape import Landscape


@dataclass(frozen=True, slots=True)
class Roof:
    """One side of a roof."""

    polygon: Polygon
    """Outline in metres."""
    colour: tuple[float, float, float]
    """0 to 255, as lit."""
    height: float
    """Metres."""


def build(rng: np.random.Generator, land: Landscape, sun: np.ndarray) -> list[Roof]:
    """Put a few houses and barns on each farm."""
    paints = [(150, 92, 76), (196, 196, 196), (128, 116, 108), (224, 224, 220), (166, 110, 88)]
    roofs: list[Roof] = []
    for polygon, kind in land.others:
        if kind != "farm":
            continue
        corners = shapely.get_coordinates(polygon)[:4]
        origin, wide, deep = corners[0], corners[1] - corners[0], corners[3] - corners[0]
        for spot in ((0.22, 0.3), (0.55, 0.25), (0.3, 0.7), (0.72, 0.62), (0.86, 0.24)):
            if rng.random() < 0.2:
                continue
            place = np.array(spot) + rng.uniform(-0.06, 0.06, 2)
            size = rng.uniform(9, 26), rng.uniform(7, 12)
            axis = wide if rng.random() < 0.6 else deep
            paint = paints[int(rng.integers(len(paints)))]
            centre = origin + place[0] * wide + place[1] * deep
            roofs += gable(centre, axis / np.hypot(*axis), size, paint, rng.uniform(4, 7), sun)
    return roofs


def gable(
    centre: np.ndarray, axis: np.ndarray, size: tuple, paint: tuple, height: float, sun: np.ndarray
) -> list[Roof]:
    """Give the two sides of a roof, lit by the sun."""
    across = np.array([-axis[1], axis[0]])
    ends = [centre - axis * size[0] / 2, centre + axis * size[0] / 2]
    sides = []
    for side in (-1.0, 1.0):
        eaves = across * side * size[1] / 2
        light = 0.92 + 0.2 * side * float(across @ sun)
        outline = Polygon([ends[0], ends[1], ends[1] + eaves, ends[0] + eaves])
        sides.append(Roof(outline, tuple(light * part for part in paint), height))
    return sides


def farm_yard(farm: Polygon, roofs: list[Roof]) -> Polygon:
    """Give the worn ground about a farm's houses, and the drive to the road."""
    near = [one.polygon for one in roofs if farm.intersects(one.polygon)]
    corners = shapely.get_coordinates(farm)
    drive = LineString([corners[:2].mean(axis=0), farm.centroid.coords[0]]).buffer(2.2)
    worn = shapely.union_all([one.buffer(6.5) for one in near]).buffer(-3.0)
    return shapely.union_all([worn, drive]).buffer(2.0).intersection(farm)
