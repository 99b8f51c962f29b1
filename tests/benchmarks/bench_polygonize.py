"""Time labels -> polygons against GDAL, rasterio and shapely, side by side in CPU seconds.

    python tests/benchmarks/bench_polygonize.py --size 2000 --parcels 4000
    python tests/benchmarks/bench_polygonize.py --size 10000 --parcels 100000
    python tests/benchmarks/bench_polygonize.py --memory 20000
    python tests/benchmarks/bench_polygonize.py --compile

The raster is a map of fields with roads between their blocks and borders rough by a pixel or two,
as a network draws them. A line is the median of the runs; GEOS' coverage_simplify runs once.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numba import njit

from geoseg.grid import GeoBox
from geoseg.vectorizer import LineOptions, parcels

RAW = LineOptions(method="none", smooth="none", skip=(0,))


@njit(cache=True)
def _noise(x, y):
    """Give a smooth random value of -0.5 to 0.5 around a point."""
    col, row = int(np.floor(x)), int(np.floor(y))
    u, v = x - col, y - row
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    corners = np.empty(4)
    for k in range(4):
        seed = np.uint32((col + k % 2) * 73856093) ^ np.uint32((row + k // 2) * 19349663)
        seed = np.uint32((seed ^ (seed >> np.uint32(15))) * np.uint32(0x2C1B3C6D))
        seed = np.uint32((seed ^ (seed >> np.uint32(12))) * np.uint32(0x297A2D39))
        corners[k] = (seed ^ (seed >> np.uint32(15))) / 2**32 - 0.5
    top = corners[0] * (1 - u) + corners[1] * u
    return top * (1 - v) + (corners[2] * (1 - u) + corners[3] * u) * v


@njit(cache=True)
def _fields(labels, side):
    """Draw blocks of strip fields around jittered points; each field has a label of its own."""
    height, width = labels.shape
    block = side * 4
    blocks = int(width / block) + 3
    for row in range(height):
        for col in range(width):
            across, down = col / block, row / block
            x = col + 1.6 * _noise(col / 4, row / 4) + 0.3 * block * _noise(across, down)
            y = row + 1.6 * _noise(col / 4 + 99, row / 4) + 0.3 * block * _noise(down, across)
            here, best, second = 0, 1e30, 1e30
            middle_x = middle_y = 0.0
            for k in range(9):
                i, j = int(np.floor(x / block)) + k % 3 - 1, int(np.floor(y / block)) + k // 3 - 1
                px = (i + 0.5 + 0.7 * _noise(i * 7.31, j * 3.17)) * block
                py = (j + 0.5 + 0.7 * _noise(i * 2.77, j * 9.13)) * block
                away = (x - px) ** 2 + (y - py) ** 2
                if away < best:
                    here, second, best = (j + 1) * blocks + i + 1, best, away
                    middle_x, middle_y = px, py
                elif away < second:
                    second = away
            if np.sqrt(second) - np.sqrt(best) < 0.25 * side:
                continue
            angle = 6.3 * _noise(here * 1.7, 0.5)
            u = (x - middle_x) * np.cos(angle) + (y - middle_y) * np.sin(angle)
            v = (y - middle_y) * np.cos(angle) - (x - middle_x) * np.sin(angle)
            strip = int(np.floor(u / (0.7 * side)))
            part = int(np.floor(v / (1.5 * side) + _noise(strip * 1.3, here * 0.7)))
            labels[row, col] = here * 1024 + (strip & 31) * 32 + (part & 31) + 1


def field_map(size: int, count: int) -> np.ndarray:
    """Draw a square map of about `count` fields."""
    labels = np.zeros((size, size), np.int32)
    _fields(labels, size / count**0.5 * 0.93)
    return labels


class Strips:
    """An array as a source of strips, repeated downward to a height."""

    def __init__(self, data: np.ndarray, height: int | None = None) -> None:
        self.data = data
        self.shape = (height or len(data), data.shape[1])

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows [row_start, row_stop)."""
        if row_stop <= len(self.data):
            return self.data[row_start:row_stop]
        return self.data[np.arange(row_start, row_stop) % len(self.data)]


def geoseg_shapes(labels: np.ndarray, options: LineOptions) -> np.ndarray:
    """Vectorize with geoseg, to shapely geometries."""
    grid = GeoBox(*labels.shape, Affine.identity(), None)
    found = [
        shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, one.coords, (one.ring_offsets, one.polygon_offsets)
        )
        for one in parcels(Strips(labels), grid, options=options)
    ]
    return np.concatenate(found)


def rasterio_shapes(labels: np.ndarray) -> np.ndarray:
    """Vectorize with rasterio and shapely."""
    found = rasterio.features.shapes(labels, mask=labels != 0)
    return np.array([shapely.geometry.shape(shape) for shape, _ in found])


def gdal_polygonize(labels: np.ndarray) -> int:
    """Vectorize with GDAL's own C++ into a layer in memory; return the number of polygons."""
    folder = Path(rasterio.__file__).parents[1] / "rasterio.libs"
    gdal = ctypes.CDLL(str(next(folder.glob("libgdal*"))))
    pointer, number = ctypes.c_void_p, ctypes.c_int

    def call(name: str, *arguments: object, result: type = pointer) -> object:
        function = getattr(gdal, name)
        function.restype = result
        return function(*arguments)

    call("GDALAllRegister", result=None)
    height, width = labels.shape
    driver = pointer(call("GDALGetDriverByName", b"MEM"))
    raster = pointer(call("GDALCreate", driver, b"", width, height, 1, 5, None))
    band = pointer(call("GDALGetRasterBand", raster, 1))
    data = labels.ctypes.data_as(pointer)
    call("GDALRasterIO", band, 1, 0, 0, width, height, data, width, height, 5, 0, 0, result=number)
    call("GDALSetRasterNoDataValue", band, ctypes.c_double(0), result=number)
    mask = pointer(call("GDALGetMaskBand", band))
    memory = call("GDALGetDriverByName", b"Memory") or driver.value  # MEM makes layers from 3.11 on
    vector = pointer(call("GDALCreate", pointer(memory), b"", 0, 0, 0, 0, None))
    layer = pointer(call("GDALDatasetCreateLayer", vector, b"p", None, 3, None))
    column = pointer(call("OGR_Fld_Create", b"v", 0))
    call("OGR_L_CreateField", layer, column, 1, result=number)
    call("GDALPolygonize", band, mask, layer, 0, None, None, None, result=number)
    count = call("OGR_L_GetFeatureCount", layer, 1, result=ctypes.c_longlong)
    call("GDALClose", vector, result=None)
    call("GDALClose", raster, result=None)
    return int(count)


def cpu_seconds(job: Callable[[], object], runs: int) -> float:
    """Run a job some times; give the median of its CPU seconds."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        job()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def compare(size: int, count: int, runs: int, *, geos: bool) -> None:
    """Print the table."""
    labels = field_map(size, count)
    geoseg_shapes(labels[:300, :300].copy(), RAW)
    shapes = geoseg_shapes(labels, RAW)
    corners = int(shapely.get_num_coordinates(shapes).sum())
    print(f"{size} x {size}, {len(shapes):,} parcels, {corners:,} points")
    grid = GeoBox(*labels.shape, Affine.identity(), None)
    jobs = {
        "read the array once": lambda: labels.sum(),
        "geoseg, arrays": lambda: list(parcels(Strips(labels), grid, options=RAW)),
        "geoseg, shapely": lambda: geoseg_shapes(labels, RAW),
        "geoseg, cut stairs": lambda: geoseg_shapes(labels, LineOptions(method="none")),
        "geoseg, default lines": lambda: geoseg_shapes(labels, LineOptions()),
        "geoseg, vw": lambda: geoseg_shapes(labels, LineOptions(method="vw", smooth="none")),
        "GDALPolygonize, C++": lambda: gdal_polygonize(labels),
        "rasterio + shapely": lambda: rasterio_shapes(labels),
    }
    for name, job in jobs.items():
        print(f"{name:24} {cpu_seconds(job, runs):8.3f} s", flush=True)
    if geos:
        seconds = cpu_seconds(lambda: shapely.coverage_simplify(shapes, 1.0), 1)
        print(f"{'coverage_simplify':24} {seconds:8.3f} s (of geoseg's polygons)")


def memory(width: int) -> None:
    """Print the peak memory for rasters of growing height, each in its own process."""
    for height in (10_000, 40_000):
        command = [sys.executable, __file__, "--peak", str(width), str(height)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def peak(width: int, height: int) -> None:
    """Vectorize one tall raster and print this process's peak memory."""
    labels = np.tile(field_map(2000, 2000), (1, width // 2000))
    grid = GeoBox(height, labels.shape[1], Affine.identity(), None)
    start = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    count = sum(map(len, parcels(Strips(labels, height), grid, options=LineOptions(), strip=512)))
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{width} x {height}: {count:,} parcels, {seconds:.1f} s, ", end="")
    print(f"{before:.0f} MiB before, {after:.0f} MiB at the peak")


def compile_once() -> None:
    """Print the CPU seconds of the first run of an installation, and of the second."""
    code = (
        "import time, numpy as np; from affine import Affine\n"
        "from geoseg.grid import GeoBox\n"
        "from geoseg.vectorizer import LineOptions, parcels\n"
        "class A:\n    shape = (9, 9)\n"
        "    def read(self, a, b): return np.eye(9, dtype=np.int32)[a:b]\n"
        "class P(A):\n"
        "    def read(self, a, b): return np.zeros((2, b - a, 9), np.uint8)\n"
        "start = time.process_time()\n"
        "for one in parcels(A(), GeoBox(9, 9, Affine.identity(), None), options=LineOptions(),"
        " probabilities=P()): one.wkb()\n"
        "print(f'{time.process_time() - start:.2f} s')"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first run", "second run"):
            done = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True,
                env=os.environ | {"NUMBA_CACHE_DIR": folder},
            )
            print(f"{name:24} {done.stdout.strip()}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2000, help="pixels of a side")
    parser.add_argument("--parcels", type=int, default=4000, help="about how many")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--geos", action="store_true", help="time coverage_simplify too (slow)")
    parser.add_argument("--memory", type=int, metavar="WIDTH", help="peak memory instead")
    parser.add_argument("--peak", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--compile", action="store_true", help="compile time instead")
    given = parser.parse_args()
    if given.peak:
        peak(*given.peak)
    elif given.memory:
        memory(given.memory)
    elif given.compile:
        compile_once()
    else:
        compare(given.size, given.parcels, given.runs, geos=given.geos)


if __name__ == "__main__":
    main()
