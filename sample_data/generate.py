"""Make a scene of countryside from the air, with its true parcels.

    python sample_data/generate.py scene.tif parcels.gpkg --size 1024 --resolution 0.5 --seed 7

All is made of chance and geometry, nothing of a photo. The same options give the same pixels.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely import LineString, Polygon

from camera import draw_camera, photograph
from canopy import Roof, Trees, build, farm_yard, plant, raise_trees, shadows
from ground import CROPS, OTHERS, SEASONS, Noise, Plots, make_plots, shade
from landscape import STYLES, Border, Landscape, lay_out, long_axis, weighted

ORIGIN = (356_000.0, 5_412_000.0)
"""Upper left corner, in the CRS; a made-up place."""
STRIP = 192
"""Rows of the scene that are painted at once."""
FINER = 2
"""Painted pixels per side of a scene's pixel; their mean is what the camera sees."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and what is true of it."""

    pixels: np.ndarray
    """(3, rows, cols) uint8: red, green, blue."""
    transform: Affine
    """Pixel corner (column, row) -> (x, y)."""
    crs: str
    """Such as EPSG:32633."""
    parcels: list[Polygon]
    """Visible fields in the CRS: a valid coverage, within the scene."""
    crops: list[str]
    """What grows in each parcel."""

    def labels(self) -> np.ndarray:
        """Give the parcels as (rows, cols) int32: 1, 2, ... in their order, 0 elsewhere."""
        shapes = [(polygon, k + 1) for k, polygon in enumerate(self.parcels)]
        return rasterize(
            shapes, out_shape=self.pixels.shape[1:], transform=self.transform, dtype="int32"
        )


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


def make_scene(
    size: int = 1024,
    resolution: float = 0.5,
    *,
    seed: int = 7,
    landscape: str | None = None,
    crs: str = "EPSG:32633",
) -> Scene:
    """Make a square scene.

    Args:
        size: pixels per side, at least 32.
        resolution: metres per pixel, 0.2 to 5.
        seed: the same seed gives the same scene.
        landscape: one of STYLES; None draws one by the seed.
        crs: a projected CRS in metres.

    Raises:
        ValueError: size or resolution is outside its range.
    """
    if size < 32 or not 0.2 <= resolution <= 5:
        raise ValueError(
            f"cannot make {size} pixels of {resolution} m; use at least 32, of 0.2 to 5 m"
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    style = STYLES[landscape or list(STYLES)[int(rng.integers(len(STYLES)))]]
    side = size * resolution
    land = lay_out(rng, side=side, style=style, step=max(3.0, 2 * resolution))
    crops = sow(rng, land)
    painting = prepare(rng, land, crops)
    pixels = photograph(paint(painting, size, resolution), draw_camera(rng), rng)
    place = Affine(resolution, 0, ORIGIN[0], 0, -resolution, ORIGIN[1])
    parcels = [
        shapely.transform(field, lambda xy: xy * [1, -1] + ORIGIN) for field in land.fields
    ]
    return Scene(pixels, place, crs, [shapely.normalize(one) for one in parcels], crops)


def sow(rng: np.random.Generator, land: Landscape) -> list[str]:
    """Choose a crop for each field, by a season that holds for the scene."""
    weights = dict(SEASONS[list(SEASONS)[int(rng.integers(len(SEASONS)))]])
    weights = {crop: weight * float(rng.lognormal(0, 0.5)) for crop, weight in weights.items()}
    crops = []
    for _ in land.fields:
        planted = rng.random() < land.style.rows
        crops.append(str(rng.choice(["vine", "orchard"])) if planted else weighted(rng, weights))
    return crops


def prepare(rng: np.random.Generator, land: Landscape, crops: list[str]) -> Painting:
    """Choose the looks of all ground, plant the trees and set the sun."""
    azimuth, elevation = math.radians(rng.uniform(95, 265)), math.radians(rng.uniform(32, 58))
    sun = np.array([math.sin(azimuth), -math.cos(azimuth)])
    angles = [math.atan2(*long_axis(field)[0][::-1]) for field in land.fields]
    roofs = build(rng, land, sun)
    covers = cover_fields(rng, land, crops, angles)
    covers += cover_borders(rng, land) + cover_farms(land, roofs)
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
        noise=Noise(rng.uniform(-1, 1, (512, 512)).astype(np.float32)),
        sun=sun,
        slope=math.tan(elevation),
        leaf=np.array([66, 88, 50]) * rng.normal(1, [0.1, 0.06, 0.08]),
    )


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


def cover_borders(rng: np.random.Generator, land: Landscape) -> list[Cover]:
    """Cover all borders: thin lines first, then banks, water, tracks and roads."""
    layers = [part for border in land.borders for part in border_layers(rng, border)]
    layers.sort(key=lambda layer: layer[0])
    covers = []
    for _, border, half, surface in layers:
        covers.append(Cover(border.line.buffer(half, cap_style="flat"), surface))
    return covers


def border_layers(
    rng: np.random.Generator, border: Border
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
    if rng.random() < 0.3:
        return []
    return [(0, border, rng.uniform(0.2, 0.7), str(rng.choice(["furrow", "grass"])))]


def cover_farms(land: Landscape, roofs: list[Roof]) -> list[Cover]:
    """Cover farms with grass, and a yard about the houses."""
    farms = [one for one, kind in land.others if kind == "farm"]
    covers = [Cover(farm, "farm") for farm in farms]
    return covers + [Cover(farm_yard(farm, roofs), "yard") for farm in farms]


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
    halo = int(math.ceil(26 / painting.slope / pixel)) + 2
    cols, rows = np.arange(-halo, size * FINER + halo), np.arange(start * FINER - halo,
                                                                 stop * FINER + halo)
    x, y = ((one + 0.5).astype(np.float32) * np.float32(pixel) for one in (cols, rows))
    place = Affine(pixel, 0, -halo * pixel, 0, pixel, (start * FINER - halo) * pixel)
    trees = painting.trees.near(float(y[0]), float(y[-1]))
    height, tint = raise_trees(trees, x, y, painting.noise, pixel)
    roofs = [(roof.polygon, k + 1) for k, roof in enumerate(painting.roofs)]
    roof = rasterize(roofs, height.shape, transform=place, dtype="int32") if roofs else 0 * height
    height = np.maximum(height, np.array([0.0, *(one.height for one in painting.roofs)],
                                         np.float32)[np.asarray(roof, int)])
    dark = shadows(height, painting.sun, painting.slope, pixel)
    core = (slice(halo, -halo), slice(halo, -halo))
    light = slope_light(height, painting.sun, pixel)[core]
    ids = rasterize(painting.shapes, height.shape, transform=place, dtype="int32")[core]
    ground = shade(painting.plots, ids, x[core[1]], y[core[0]], painting.noise, pixel)
    ground = add_crowns(ground, height[core], tint[core], light, painting.leaf)
    roof = np.asarray(roof, int)[core]
    paints = np.array([(0, 0, 0), *(one.colour for one in painting.roofs)], np.float32)
    ground = np.where((roof > 0)[..., None], paints[roof], ground)
    ground *= 1 - dark[core][..., None] * np.array([0.58, 0.55, 0.47], np.float32)
    fine = ground.reshape(stop - start, FINER, size, FINER, 3)
    return fine.mean(axis=(1, 3), dtype=np.float32)


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


def write_scene(scene: Scene, path: Path) -> None:
    """Write the pixels as a tiled, compressed GeoTIFF."""
    bands, rows, cols = scene.pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=cols, height=rows, count=bands, dtype="uint8",
        crs=scene.crs, transform=scene.transform, photometric="RGB", tiled=True,
        blockxsize=256, blockysize=256, compress="DEFLATE", predictor=2, zlevel=9,
    ) as file:
        file.write(scene.pixels)


def write_parcels(scene: Scene, path: Path) -> None:
    """Write the parcels as a GeoPackage with the layer `parcels`."""
    columns = {
        "parcel_id": np.arange(1, len(scene.parcels) + 1),
        "crop": scene.crops,
        "area_m2": np.round(shapely.area(scene.parcels), 1),
    }
    frame = geopandas.GeoDataFrame(columns, geometry=scene.parcels, crs=scene.crs)
    path.unlink(missing_ok=True)
    frame.to_file(path, layer="parcels", driver="GPKG", engine="pyogrio")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path, help="GeoTIFF to write")
    parser.add_argument("parcels", type=Path, help="GeoPackage to write")
    parser.add_argument("--size", type=int, default=1024, help="pixels per side (%(default)s)")
    parser.add_argument("--resolution", type=float, default=0.5, help="metres (%(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="(%(default)s)")
    parser.add_argument("--landscape", choices=sorted(STYLES), help="drawn by the seed if left out")
    parser.add_argument("--crs", default="EPSG:32633", help="(%(default)s)")
    given = parser.parse_args()
    scene = make_scene(
        given.size, given.resolution, seed=given.seed, landscape=given.landscape, crs=given.crs
    )
    write_scene(scene, given.scene)
    write_parcels(scene, given.parcels)
    print(f"{len(scene.parcels)} parcels in {given.parcels}")


if __name__ == "__main__":
    main()
