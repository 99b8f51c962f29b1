"""Time geoseg against `raster_to_vector` of geoai and of samgeo, in CPU seconds, one thread.

    pip download --no-deps geoai-py==0.40.1 segment-geospatial==1.4.2    then unpack both wheels
    python tests/benchmarks/bench_raster_to_vector.py FOLDER [--size 4000]

FOLDER holds what was unpacked. Their functions are taken out of their files as they are and given
what they import: the packages import torch and far more. The raster is the rough map.

Twice: raster file -> GeoPackage; and labels -> GeoDataFrame of polygons, where nothing is written
and the time of reading the raster, which theirs do themselves, is taken off.
"""

from __future__ import annotations

import argparse
import ast
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
import shapely
from bench_polygonize import RAW, Strips, seconds_of
from label_maps import rough_map
from rasterio import features
from rasterio.transform import from_origin

import geoseg
from geoseg.grid import GeoBox
from geoseg.vectorizer import parcels

FILES = {"geoai": "geoai/utils/raster.py", "samgeo": "samgeo/common.py"}


def taken(path: Path) -> Callable[..., object]:
    """Take `raster_to_vector` out of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [one for one in tree.body if getattr(one, "name", "") == "raster_to_vector"]
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    tree.body.insert(0, ast.fix_missing_locations(ast.copy_location(future, tree.body[0])))
    known = {
        "rasterio": rasterio, "features": features, "np": np, "gpd": gpd, "shapely": shapely,
        "shape": shapely.geometry.shape, "os": os, "logger": logging.getLogger("peer"),
    }
    exec(compile(tree, str(path), "exec"), known)
    return known["raster_to_vector"]


def table_of(raster: Path) -> gpd.GeoDataFrame:
    """Read a label raster; give its regions as a table, by geoseg."""
    with rasterio.open(raster) as source:
        labels, transform, crs = source.read(1), source.transform, source.crs
    grid = GeoBox(*labels.shape, transform, crs.to_wkt())
    batches = list(parcels(Strips(labels), grid, options=RAW, threads=1))
    shapes = [
        shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, one.coords, (one.ring_offsets, one.polygon_offsets)
        )
        for one in batches
    ]
    values = np.concatenate([one.value for one in batches])
    return gpd.GeoDataFrame({"class": values}, geometry=np.concatenate(shapes), crs=crs)


def read(raster: Path) -> np.ndarray:
    """Read a label raster, and no more."""
    with rasterio.open(raster) as source:
        return source.read(1)


def least_of(jobs: dict[str, Callable[[int], object]], runs: int = 3) -> dict[str, float]:
    """Run jobs by turns, the slow ones less often; give the least CPU seconds of each."""
    least: dict[str, float] = {}
    for run in range(runs):
        for name, job in jobs.items():
            if run < 3 or least[name] < 2:
                seconds = seconds_of(lambda: job(run), time.process_time)
                least[name] = min(least.get(name, seconds), seconds)
    return least


def main() -> None:
    """Print the least of the runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where both wheels were unpacked")
    parser.add_argument("--size", type=int, default=4000, help="pixels of a side")
    given = parser.parse_args()
    geoai, samgeo = (taken(given.folder / FILES[name]) for name in ("geoai", "samgeo"))
    with TemporaryDirectory() as work:
        raster = Path(work, "labels.tif")
        profile = {
            "driver": "GTiff", "height": given.size, "width": given.size, "count": 1,
            "dtype": "int32", "nodata": 0, "crs": "EPSG:32633",
            "transform": from_origin(5e5, 5e6, 2, 2),
        }
        with rasterio.open(raster, "w", **profile) as out:
            out.write(rough_map(given.size, given.size), 1)

        def file(name: str, run: int) -> str:
            return str(Path(work, f"{name}{run}.gpkg"))

        files = least_of({
            "geoseg": lambda run: geoseg.polygonize(raster, file("geoseg", run), threads=1),
            "geoai": lambda run: geoai(str(raster), file("geoai", run), min_area=0),
            "samgeo": lambda run: samgeo(str(raster), file("samgeo", run)),
        })
        with patch.object(gpd.GeoDataFrame, "to_file"):  # samgeo always writes
            tables = least_of({
                "geoseg": lambda _: table_of(raster),
                "geoai": lambda _: geoai(str(raster), min_area=0),
                "samgeo": lambda _: samgeo(str(raster), ""),
                "read": lambda _: read(raster),
            }, runs=5)
        for name in FILES | {"geoseg": ""}:
            count = pyogrio.read_info(file(name, 0), layer=0)["features"]
            print(f"{name:8} {count:9,} polygons", flush=True)
        reading = tables.pop("read")
        tables = {name: seconds - reading for name, seconds in tables.items()}
        for title, table in (("file to file", files), ("labels to table", tables)):
            for name, seconds in table.items():
                print(f"{title:16} {name:8} {seconds:7.2f} s "
                      f"{seconds / table['geoseg']:6.1f} times", flush=True)


if __name__ == "__main__":
    main()
