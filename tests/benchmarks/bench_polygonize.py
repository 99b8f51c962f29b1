"""Time labels -> polygons against GDAL, rasterio and shapely, side by side in CPU seconds.

    python tests/benchmarks/bench_polygonize.py --size 2000 --parcels 4000
    python tests/benchmarks/bench_polygonize.py --size 10000 --parcels 100000
    python tests/benchmarks/bench_polygonize.py --rough 2000
    python tests/benchmarks/bench_polygonize.py --geos 1900 3800 7000
    python tests/benchmarks/bench_polygonize.py --threads 10000
    python tests/benchmarks/bench_polygonize.py --memory 20000
    python tests/benchmarks/bench_polygonize.py --compile

The raster is a map of fields with roads between their blocks and borders rough by a pixel or two,
as a network draws them: `field_map`, or `rough_map` of that many rows. A line is the least and the
median of the runs, which take turns; --geos compares simplifying alone, once, on square maps of
these sides.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from label_maps import field_map, rough_map

import geoseg
from geoseg.grid import GeoBox
from geoseg.vectorizer import LineOptions, ParcelBatch, parcels

RAW = LineOptions(method="none", smooth="none", skip=(0,))


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


def draw(labels: np.ndarray, options: LineOptions, threads: int = 1) -> Iterator[ParcelBatch]:
    """Vectorize an array."""
    grid = GeoBox(*labels.shape, Affine.identity(), None)
    return parcels(Strips(labels), grid, options=options, threads=threads)


def geoseg_shapes(labels: np.ndarray, options: LineOptions) -> np.ndarray:
    """Vectorize with geoseg, to shapely geometries."""
    found = [
        shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, one.coords, (one.ring_offsets, one.polygon_offsets)
        )
        for one in draw(labels, options)
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


def seconds_of(job: Callable[[], object], clock: Callable[[], float]) -> float:
    """Run a job; give its seconds by a clock."""
    start = clock()
    job()
    return clock() - start


def compare(labels: np.ndarray, runs: int, only: list[str]) -> None:
    """Print the table of a map; of all lines, or of those whose names hold one of these words."""
    for options in (RAW, *map(LineOptions, (1.0, 1.0), ("dp", "vw"))):
        geoseg_shapes(labels[:300, :300].copy(), options)
    shapes = geoseg_shapes(labels, RAW)
    corners = int(shapely.get_num_coordinates(shapes).sum())
    height, width = labels.shape
    print(f"{height} x {width}, {len(shapes):,} parcels, {corners:,} points")
    del shapes
    jobs = {
        "read the array once": lambda: labels.sum(),
        "geoseg, arrays": lambda: list(draw(labels, RAW)),
        "geoseg, WKB": lambda: deque((one.wkb() for one in draw(labels, RAW)), maxlen=0),
        "geoseg, WKB kept": lambda: [one.wkb() for one in draw(labels, RAW)],
        "geoseg, shapely": lambda: geoseg_shapes(labels, RAW),
        "geoseg, cut stairs": lambda: geoseg_shapes(labels, LineOptions(method="none")),
        "geoseg, default lines": lambda: geoseg_shapes(labels, LineOptions()),
        "geoseg, trimmed": lambda: geoseg_shapes(labels, LineOptions(trim=4)),
        "geoseg, vw": lambda: geoseg_shapes(labels, LineOptions(method="vw", smooth="none")),
        "GDALPolygonize, C++": lambda: gdal_polygonize(labels),
        "rasterio + shapely": lambda: rasterio_shapes(labels),
    }
    if only:
        jobs = {name: job for name, job in jobs.items() if any(one in name for one in only)}
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(runs):
        for name, job in jobs.items():
            seconds[name].append(seconds_of(job, time.process_time))
    for name, one in seconds.items():
        print(f"{name:24} {min(one):8.3f} s, median {np.median(one):8.3f} s", flush=True)


def simplifying(side: int) -> None:
    """Print what simplifying alone takes, with geoseg and with GEOS, on a rough map."""
    labels, seconds = rough_map(side, side), {}
    vw = LineOptions(method="vw", smooth="none", skip=(0,))
    geoseg_shapes(labels[:300, :300].copy(), vw)
    for name, options in (("nothing", RAW), ("geoseg", vw)):
        runs = [seconds_of(lambda: list(draw(labels, options)), time.process_time)
                for _ in range(2)]
        seconds[name] = min(runs)
    shapes = geoseg_shapes(labels, RAW)
    geos = seconds_of(lambda: shapely.coverage_simplify(shapes, 1.0), time.process_time)
    own = seconds["geoseg"] - seconds["nothing"]
    points = int(shapely.get_num_coordinates(shapes).sum())
    print(f"{len(shapes):,} parcels, {points:,} points: geoseg {own:.2f} s (whole with, less whole "
          f"without), coverage_simplify {geos:.1f} s, {geos / own:.0f} times", flush=True)


def threads(size: int) -> None:
    """Print wall time with one thread and with two, by turns; the least and the median of five.

    And the share of the CPU time that is the calling thread's own: what no second thread takes.
    """
    labels = rough_map(size, size)
    for name, options in (("all points", RAW), ("default lines", LineOptions())):
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(5):
            for count, runs in seconds.items():
                job = partial(list, draw(labels, options, count))
                runs.append(seconds_of(job, time.perf_counter))
        for title, of in (("least", min), ("median", np.median)):
            one, two = (of(runs) for runs in seconds.values())
            print(f"{name:14} {title:6} one thread {one:.2f} s, two {two:.2f} s of wall time: "
                  f"{one / two:.2f} times as fast", flush=True)
        own, whole = time.thread_time(), time.process_time()
        list(draw(labels, options, 2))
        own, whole = time.thread_time() - own, time.process_time() - whole
        print(f"{name:14} the calling thread does {own / whole:.0%} of the work", flush=True)


def memory(width: int) -> None:
    """Print the peak memory for rasters of growing height, each in its own process."""
    for height in (10_000, 40_000, 200_000):
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
    """Print the CPU and wall seconds of the first run of an installation, and of the second."""
    code = (
        "import time, numpy as np; from affine import Affine\n"
        "from geoseg.grid import GeoBox\n"
        "from geoseg.vectorizer import LineOptions, label, parcels\n"
        "class A:\n    shape = (9, 9)\n"
        "    def read(self, a, b): return np.eye(9, dtype=np.int32)[a:b]\n"
        "class P(A):\n"
        "    def read(self, a, b): return np.zeros((2, b - a, 9), np.uint8)\n"
        "start = time.process_time(), time.perf_counter()\n"
        "label(P())\n"
        "for one in parcels(A(), GeoBox(9, 9, Affine.identity(), None), options=LineOptions(),"
        " probabilities=P()): one.wkb()\n"
        "print(f'{time.process_time() - start[0]:.2f} s of CPU, "
        "{time.perf_counter() - start[1]:.2f} s', 'numba' in __import__('sys').modules)"
    )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(geoseg.__file__).parent
        shutil.copytree(source, f"{folder}/geoseg", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("first run", "second run", "without bitcode, first", "and second"):
            if name.startswith("without"):
                Path(folder, "geoseg/kernels/kernels.zip").unlink()
            done = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": folder, "XDG_CACHE_HOME": folder},
            )
            print(f"{name:24} {done.stdout.strip()}", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2000, help="pixels of a side")
    parser.add_argument("--parcels", type=int, default=4000, help="about how many")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="lines with a word")
    parser.add_argument("--rough", type=int, metavar="ROWS", help="10,000 wide, rough, instead")
    parser.add_argument("--geos", type=int, nargs="+", metavar="SIDE", help="simplifying (slow)")
    parser.add_argument("--threads", type=int, metavar="SIZE", help="two threads instead")
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
    elif given.geos:
        for side in given.geos:
            simplifying(side)
    elif given.threads:
        threads(given.threads)
    elif given.rough:
        compare(rough_map(given.rough, 10_000), given.runs, given.only)
    else:
        compare(field_map(given.size, given.parcels), given.runs, given.only)


if __name__ == "__main__":
    main()
