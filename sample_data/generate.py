"""Make a scene of countryside from the air, with its true parcels.

    python sample_data/generate.py scene.tif parcels.gpkg --size 1024 --resolution 0.5 --seed 7

All is made of chance and geometry, nothing of a photo. The same options give the same pixels.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely import Polygon

from borders import weighted
from camera import draw_camera, photograph
from landscape import Landscape, lay_out
from picture import paint, prepare
from styles import STYLES
from surfaces import SEASONS

ORIGIN = (356_000.0, 5_412_000.0)
"""Upper left corner, in the CRS; a made-up place."""


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
        ValueError: size or resolution is outside its range, or there is no such landscape.
    """
    if size < 32 or not 0.2 <= resolution <= 5:
        raise ValueError(
            f"cannot make {size} pixels of {resolution} m; use at least 32, of 0.2 to 5 m"
        )
    if landscape is not None and landscape not in STYLES:
        known = ", ".join(sorted(STYLES))
        raise ValueError(f"there is no landscape {landscape!r}; use one of {known}")
    rng = np.random.Generator(np.random.PCG64(seed))
    style = STYLES[landscape or list(STYLES)[int(rng.integers(len(STYLES)))]]
    side = size * resolution
    land = lay_out(rng, side=side, style=style, step=max(3.0, 2 * resolution))
    crops = sow(rng, land)
    painting = prepare(rng, land, crops, resolution)
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
