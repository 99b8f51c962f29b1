"""Time raster file -> GeoPackage against `raster_to_vector` of geoai and of samgeo, in CPU seconds.

    pip download --no-deps geoai-py==0.40.1 segment-geospatial==1.4.2    then unpack both wheels
    python tests/benchmarks/bench_raster_to_vector.py FOLDER [--size 4000]

FOLDER holds what was unpacked. Their functions are taken out of their files as they are and given
what they import: the packages import torch and far more. The raster is the rough map.
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

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
import shapely
from label_maps import rough_map
from rasterio import features
from rasterio.transform import from_origin

import geoseg

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


def main() -> None:
    """Run each twice, by turns; print the least."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where both wheels were unpacked")
    parser.add_argument("--size", type=int, default=4000, help="pixels of a side")
    given = parser.parse_args()
    with TemporaryDirectory() as work:
        raster = Path(work, "labels.tif")
        profile = {
            "driver": "GTiff", "height": given.size, "width": given.size, "count": 1,
            "dtype": "int32", "nodata": 0, "crs": "EPSG:32633",
            "transform": from_origin(5e5, 5e6, 2, 2),
        }
        with rasterio.open(raster, "w", **profile) as out:
            out.write(rough_map(given.size, given.size), 1)
        geoai, samgeo = (taken(given.folder / FILES[name]) for name in ("geoai", "samgeo"))
        jobs = {
            "geoseg": lambda out: geoseg.polygonize(raster, out, threads=1),
            "geoai": lambda out: geoai(str(raster), out, min_area=0),
            "samgeo": lambda out: samgeo(str(raster), out),
        }
        least: dict[str, float] = {}
        for run in range(3):
            for name, job in jobs.items():
                if run < 2 or name == "geoseg":
                    path = str(Path(work, f"{name}{run}.gpkg"))
                    start = time.process_time()
                    job(path)
                    seconds = time.process_time() - start
                    least[name] = min(least.get(name, seconds), seconds)
        for name, seconds in least.items():
            count = pyogrio.read_info(Path(work, f"{name}0.gpkg"), layer=0)["features"]
            print(f"{name:8} {count:9,} polygons {seconds:7.2f} s "
                  f"{seconds / least['geoseg']:6.1f} times", flush=True)


if __name__ == "__main__":
    main()
