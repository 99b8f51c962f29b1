"""Make docs/images/spurs.jpg: what --trim cuts off, on aerials that training never saw.

    python tests/benchmarks/show_spurs.py [PICTURE]

Red: cut off; yellow: the parcels. Prints how many spurs and parcels each aerial has.
"""

import argparse
import tempfile
from pathlib import Path

import bench_model
import numpy as np
import rasterio
import shapely
from PIL import Image, ImageDraw

import geoseg

SIDE, TIMES = 48, 5
"""Pixels of the scene that a picture shows, and pixels of the picture for each."""
EACH, ACROSS = 3, 6
"""Pictures of an aerial at most, and of a row."""
COLOURS = ("#ff3020", "#ffe000")


def lines(scene: Path, folder: Path) -> list[shapely.Geometry]:
    """Give all borders of a scene's parcels, kept and trimmed."""
    mask, out = folder / "mask.tif", folder / "parcels.gpkg"
    geoseg.predict(scene, mask, overwrite=True)
    drawn = [geoseg.polygonize(mask, out, trim=trim, overwrite=True).parcels for trim in (0, None)]
    print(f"{len(drawn[0])} parcels", end=", ")
    return [shapely.union_all(one.boundary.values) for one in drawn]


def spurs(kept: shapely.Geometry, trimmed: shapely.Geometry) -> list[shapely.Geometry]:
    """Find where borders went, the largest place first."""
    gone = shapely.get_parts(kept.difference(trimmed.buffer(0.01)))
    places = shapely.get_parts(shapely.union_all(gone[shapely.length(gone) > 2]).buffer(3))
    return sorted(places[~shapely.is_empty(places)], key=lambda one: -one.area)


def picture(image: np.ndarray, place: shapely.Geometry, borders) -> Image.Image:
    """Draw borders over the surroundings of a place; pixels are the scene's."""
    col, row = (int(at) - SIDE // 2 for at in place.centroid.coords[0])
    shown = Image.fromarray(image).crop((col, row, col + SIDE, row + SIDE))
    shown = shown.resize((SIDE * TIMES,) * 2, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(shown)
    for border, colour in zip(borders, COLOURS):
        for line in shapely.get_parts(border):
            pen.line([((x - col) * TIMES, (y - row) * TIMES) for x, y in line.coords], colour, 3)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = bench_model.ROOT / "docs" / "images" / "spurs.jpg"
    parser.add_argument("picture", nargs="?", type=Path, default=default)
    chosen, shown = parser.parse_args(), []
    (scenes,) = bench_model.pairs("naip").values()
    with tempfile.TemporaryDirectory() as folder:
        for scene, _ in scenes:
            borders = lines(scene, Path(folder))
            found = spurs(*borders)
            print(f"{len(found)} spurs: {scene.stem}", flush=True)
            with rasterio.open(scene) as source:
                image = source.read([1, 2, 3]).transpose(1, 2, 0)
            shown += [picture(image, one, borders) for one in found[:EACH]]
    step = SIDE * TIMES + 4
    sheet = Image.new("RGB", (ACROSS * step - 4, -(-len(shown) // ACROSS) * step - 4), "white")
    for number, one in enumerate(shown):
        sheet.paste(one, (number % ACROSS * step, number // ACROSS * step))
    sheet.save(chosen.picture, quality=85)


if __name__ == "__main__":
    main()
