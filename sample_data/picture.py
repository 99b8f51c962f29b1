"""Paint a scene strip by strip: the ground, then crowns and roofs, then shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.features import rasterize
from shapely import Polygon

from borders import long_axis
from canopy import raise_trees, shadows
from covers import cover_borders, cover_farms, cover_fields
from ground import Plots, make_plots, shade
from landscape import Landscape
from noise import LATTICE, Noise
from planting import Trees, plant
from roofs import Roof, build
from surfaces import CROPS, OTHERS

STRIP = 256
"""Rows of the scene that are painted at once."""
FINER = 2
"""Painted pixels per side of a scene's pixel; their mean is what the camera sees."""
TALLEST = 17.0
"""No tree is higher, in metres; says how far a shadow can reach."""
SHADOW = np.array([0.58, 0.55, 0.47], np.float32)
"""Light lost in full shadow: red, green, blue; the sky still lends some blue."""


@dataclass(frozen=True, slots=True)
class Painting:
    """All that a strip of the picture is painted from."""

    shapes: list[tuple[Polygon, int]]
    """What covers the ground, later over earlier, and its plot."""
    plots: Plots
    """Looks of the plots."""
    trees: Trees
    """All crowns."""
    roofs: list[Roof]
    """All roofs."""
    noise: Noise
    """Source of variation."""
    sun: np.ndarray
    """Unit vector toward the sun, (x, y), y down."""
    slope: float
    """Tangent of the sun's elevation."""
    leaf: np.ndarray
    """Colour of leaves."""


def prepare(
    rng: np.random.Generator, land: Landscape, crops: list[str], resolution: float
) -> Painting:
    """Choose the looks of all ground, plant the trees and set the sun."""
    azimuth, elevation = math.radians(rng.uniform(95, 265)), math.radians(rng.uniform(32, 58))
    sun = np.array([math.sin(azimuth), -math.cos(azimuth)])
    angles = [math.atan2(*long_axis(field)[0][::-1]) for field in land.fields]
    roofs = build(rng, land, sun)
    covers = cover_fields(rng, land, crops, angles)
    covers += cover_borders(rng, land, 0.2 * resolution) + cover_farms(land, roofs)
    covers = [cover for cover in covers if not cover.polygon.is_empty]
    plots = make_plots(
        rng,
        [OTHERS.get(one.surface) or CROPS[one.surface] for one in covers],
        [one.angle for one in covers],
        [len(covers) + k if one.field is None else one.field for k, one in enumerate(covers)],
    )
    return Painting(
        shapes=[(one.polygon, k) for k, one in enumerate(covers)],
        plots=plots,
        trees=plant(rng, land, crops, angles, roofs),
        roofs=roofs,
        noise=Noise(rng.uniform(-1, 1, (LATTICE, LATTICE)).astype(np.float32)),
        sun=sun,
        slope=math.tan(elevation),
        leaf=np.array([66, 88, 50]) * rng.normal(1, [0.1, 0.06, 0.08]),
    )


def paint(painting: Painting, size: int, resolution: float) -> np.ndarray:
    """Paint the scene strip by strip: (size, size, 3) float32."""
    picture = np.empty((size, size, 3), np.float32)
    for start in range(0, size, STRIP):
        stop = min(start + STRIP, size)
        picture[start:stop] = paint_strip(painting, start, stop, size, resolution)
    return picture


def paint_strip(
    painting: Painting, start: int, stop: int, size: int, resolution: float
) -> np.ndarray:
    """Paint rows [start, stop) finely, with a halo for shadows, and take the mean."""
    pixel = resolution / FINER
    halo = int(math.ceil(TALLEST / painting.slope / pixel)) + 2
    cols = np.arange(-halo, size * FINER + halo)
    rows = np.arange(start * FINER - halo, stop * FINER + halo)
    x, y = ((one + 0.5).astype(np.float32) * np.float32(pixel) for one in (cols, rows))
    place = Affine(pixel, 0, -halo * pixel, 0, pixel, (start * FINER - halo) * pixel)
    trees = painting.trees.near(float(y[0]), float(y[-1]))
    height, tint = raise_trees(trees, x, y, painting.noise, pixel)
    roof, roof_height, paints = raise_roofs(painting.roofs, height.shape, place)
    height = np.maximum(height, roof_height)
    dark = shadows(height, painting.sun, painting.slope, pixel)
    core = (slice(halo, -halo), slice(halo, -halo))
    light = slope_light(height, painting.sun, pixel)[core]
    ids = rasterize(painting.shapes, height.shape, transform=place, dtype="int32")[core]
    ground = shade(painting.plots, ids, x[core[1]], y[core[0]], painting.noise, pixel)
    ground = add_crowns(ground, height[core], tint[core], light, painting.leaf)
    ground = np.where((roof[core] > 0)[..., None], paints[roof[core]], ground)
    ground *= 1 - dark[core][..., None] * SHADOW
    fine = ground.reshape(stop - start, FINER, size, FINER, 3)
    return fine.mean(axis=(1, 3), dtype=np.float32)


def raise_roofs(
    roofs: list[Roof], shape: tuple[int, int], place: Affine
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each pixel's roof (0 for none), its height in metres, and the colours of all roofs."""
    numbers = np.zeros(shape, np.int32)
    for number, roof in enumerate(roofs, start=1):
        rasterize([(roof.polygon, number)], out=numbers, transform=place)
    heights = np.array([0.0, *(roof.height for roof in roofs)], np.float32)
    paints = np.array([(0, 0, 0), *(roof.colour for roof in roofs)], np.float32)
    return numbers, heights[numbers], paints


def slope_light(height: np.ndarray, sun: np.ndarray, pixel: float) -> np.ndarray:
    """Give how much more light a slope toward the sun gets, -1 to 1."""
    down, right = np.gradient(height, np.float32(max(pixel, 0.5)))
    return np.clip(-(right * np.float32(sun[0]) + down * np.float32(sun[1])) * 0.35, -1, 1)


def add_crowns(
    ground: np.ndarray, height: np.ndarray, tint: np.ndarray, light: np.ndarray, leaf: np.ndarray
) -> np.ndarray:
    """Lay the crowns over the ground, lit from one side."""
    leaf = leaf.astype(np.float32) * (1 + 0.45 * light + 0.16 * tint)[..., None]
    leaf = leaf + tint[..., None] * np.array([9, 2, 1], np.float32)
    return ground + (leaf - ground) * np.clip(height / 0.8, 0, 1)[..., None]
