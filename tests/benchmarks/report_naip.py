"""Make docs/reports/naip.html: the bundled model on six aerials that training never saw.

    python tests/benchmarks/report_naip.py [REPORT] [--model MODEL] [--work FOLDER]

The aerials (USDA NAIP, public domain) have no place on Earth, so they are laid side by side on one
grid, with a gap that no distance of the evaluation bridges, and judged together; one aerial is one
block of the intervals.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import shapely
from bench_model import ROOT, pairs

import geoseg
from geoseg.vector import read_polygons

GAP = 32
"""Pixels between aerials."""
COLUMNS = 3


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read()


def write(path: Path, data: np.ndarray) -> None:
    options = {"driver": "GTiff", "count": len(data), "height": data.shape[1],
               "width": data.shape[2], "dtype": data.dtype, "compress": "deflate"}
    with rasterio.open(path, "w", **options) as target:
        target.write(data)


def lay_out(work: Path, model: str) -> tuple[Path, Path, Path]:
    """Write the aerials, their parcels and their truth as one scene each."""
    import geopandas

    places = pairs()["naip, 6 aerials"]
    side = read(places[0][0]).shape[1]
    step, rows = side + GAP, -(-len(places) // COLUMNS)
    shape = (rows * step - GAP, COLUMNS * step - GAP)
    scene, truth = np.full((3, *shape), 72, np.uint8), np.zeros((1, *shape), np.int32)
    found = []
    for number, (image, labels) in enumerate(places):
        row, col = number // COLUMNS * step, number % COLUMNS * step
        here = np.s_[:, row : row + side, col : col + side]
        scene[here] = read(image)[:3]
        own = read(labels).astype(np.int32)
        truth[here] = np.where(own > 0, own + truth.max(), 0)
        out = work / f"{image.stem}.gpkg"
        if not out.exists():
            geoseg.vectorize(image, out, model=model, threads=1)
        polygons = np.array(read_polygons(out, crs=None), object)
        found += list(shapely.transform(polygons, lambda xy, at=(col, row): xy + at))
    write(work / "six-aerials.tif", scene)
    write(work / "drawn-by-hand.tif", truth)
    table = geopandas.GeoDataFrame({"class": ["parcel"] * len(found)}, geometry=found)
    table.to_file(work / "parcels-aerial.gpkg")
    return work / "six-aerials.tif", work / "drawn-by-hand.tif", work / "parcels-aerial.gpkg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", nargs="?", type=Path, default=ROOT / "docs/reports/naip.html")
    parser.add_argument("--model", default="parcels-aerial")
    parser.add_argument("--work", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = chosen.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        chosen.report.parent.mkdir(parents=True, exist_ok=True)
        scene, truth, found = lay_out(work, chosen.model)
        made = geoseg.evaluate(
            found, truth, block=1024 + GAP, report=chosen.report, scene=scene, overwrite=True
        )
    for name in ("pixel_iou", "parcel_precision", "parcel_recall", "parcel_f1",
                 "panoptic_quality"):
        low, high = made.intervals_of()[name]
        print(f"{name:20} {made.scores[name]:.3f}   {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
