"""Show that polygons are right to the pixel, and the same however the raster is cut.

    python tests/benchmarks/bench_coverage.py --masks FOLDER     every raster burns back to itself
    python tests/benchmarks/bench_coverage.py --strips 10000     one map, six heights of strips
    python tests/benchmarks/bench_coverage.py --random 10000     small random rasters
    python tests/benchmarks/bench_coverage.py --areas FOLDER     areas at the default lines

A polygon is burned by its vertical edges alone: each adds its value from there to the right on the
way down, and takes it away on the way up. So nothing of GDAL, GEOS or geoseg judges itself.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from bench_polygonize import RAW, Strips
from label_maps import field_map
from numba import njit

from geoseg.grid import GeoBox
from geoseg.vectorizer import LineOptions, ParcelBatch, parcels

ALL = LineOptions(method="none", smooth="none", skip=(), nodata=-(1 << 40))
WAYS = (
    ALL, LineOptions(skip=()), LineOptions(skip=(), method="vw", tolerance=3),
    LineOptions(skip=(), trim=4), LineOptions(skip=(), method="vw", trim=10),
)
"""In which random rasters are drawn."""


@njit(cache=True)
def burn(coords, ring_offsets, polygon_offsets, values, changes):
    """Add what each vertical edge changes to (height, width + 1) int64."""
    for polygon in range(len(polygon_offsets) - 1):
        for ring in range(polygon_offsets[polygon], polygon_offsets[polygon + 1]):
            for k in range(ring_offsets[ring], ring_offsets[ring + 1] - 1):
                x, y, stop = int(coords[k, 0]), int(coords[k, 1]), int(coords[k + 1, 1])
                for row in range(y, stop):
                    changes[row, x] -= values[polygon]
                for row in range(stop, y):
                    changes[row, x] += values[polygon]


def burned(batches: list[ParcelBatch], shape: tuple[int, int]) -> np.ndarray:
    """Make the raster of unsimplified polygons in pixel coordinates."""
    changes = np.zeros((shape[0], shape[1] + 1), np.int64)
    for one in batches:
        burn(one.coords, one.ring_offsets, one.polygon_offsets, one.value, changes)
    np.cumsum(changes, axis=1, out=changes)
    return changes[:, :-1]


def draw(labels: np.ndarray, options: LineOptions, strip: int = 1024) -> list[ParcelBatch]:
    """Vectorize an array."""
    grid = GeoBox(*labels.shape, Affine.identity(), None)
    return list(parcels(Strips(labels), grid, options=options, strip=strip, threads=1))


def shapes(batches: list[ParcelBatch]) -> np.ndarray:
    """Give the polygons as shapely geometries."""
    return np.concatenate([
        shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, one.coords, (one.ring_offsets, one.polygon_offsets)
        )
        for one in batches
    ])


def digest(batches: list[ParcelBatch]) -> str:
    """Hash all columns and coordinates, in their order."""
    content = hashlib.sha256()
    for one in batches:
        for name in ("parcel_id", "value", "area_m2", "perimeter_m", "edge"):
            content.update(np.ascontiguousarray(getattr(one, name)).tobytes())
        content.update(one.wkb()[1].tobytes())
    return content.hexdigest()[:16]


def masks(folder: Path, rows: int) -> None:
    """Burn every raster of a folder back, in parts of some rows where it is large."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".tif", ".grd"):
            continue
        with rasterio.open(path) as source:
            if not np.issubdtype(np.dtype(source.dtypes[0]), np.integer):
                print(f"{path.name:44} {source.dtypes[0]}, no class raster")
                continue
            wrong = count = 0
            started = time.process_time()
            for row in range(0, source.height, rows):
                height = min(rows, source.height - row)
                labels = source.read(1, window=((row, row + height), (0, source.width)))
                found = draw(labels, ALL)
                wrong += int((burned(found, labels.shape) != labels).sum())
                count += sum(map(len, found))
            print(
                f"{path.name:44} {source.width * source.height / 1e6:8.2f} Mpx {count:10,} polygons"
                f" {wrong} pixels differ {time.process_time() - started:7.1f} s", flush=True,
            )


def strips(size: int) -> None:
    """Draw one map with strips of six heights."""
    labels = field_map(size, size * size // 1000)
    for name, options in (("all points", RAW), ("default lines", LineOptions())):
        for height in (1, 64, 100, 256, 1000, size):
            started = time.process_time()
            found = draw(labels, options, height)
            print(
                f"{name:14} strips of {height:6}: {sum(map(len, found)):,} parcels, "
                f"sha256 {digest(found)}, {time.process_time() - started:.1f} s", flush=True,
            )


def small(count: int) -> None:
    """Check random rasters: right, valid, a coverage, nothing lost."""
    random = np.random.default_rng(0)
    polygons = 0
    for _ in range(count):
        height, width = random.integers(1, 33, 2)
        labels = random.integers(0, random.integers(1, 6) + 1, (height, width)).astype(np.int32)
        for _ in range(random.integers(0, 3)):
            labels = np.repeat(np.repeat(labels, 2, 0), 2, 1)[:height, :width]
        raw = draw(labels, ALL)
        assert (burned(raw, labels.shape) == labels).all()
        polygons += sum(map(len, raw))
        for options in WAYS:
            found = draw(labels, options, int(random.integers(1, 33)))
            drawn = shapes(found)
            assert len(drawn) == sum(map(len, raw))
            assert shapely.is_valid(drawn).all()
            assert shapely.coverage_is_valid(drawn)
    print(f"{count:,} rasters, {polygons:,} polygons, each in {len(WAYS)} ways: right, valid, a "
          "coverage")


def areas(folder: Path) -> None:
    """Compare the areas of default lines with the pixels, over all label images of a folder."""
    images, pixels, drawn, points = 0, [], [], 0
    for path in sorted(folder.glob("*.png")):
        with rasterio.open(path) as source:
            labels = source.read(1).astype(np.int32)
        for options, found in ((RAW, pixels), (LineOptions(), drawn)):
            batches = draw(labels, options)
            found += [one.area_m2 for one in batches]
        points += sum(len(one.coords) for one in batches)
        images += 1
    size = np.concatenate(pixels)
    error = np.concatenate(drawn) / size - 1
    print(f"{images} images, {points:,} points")
    for least, most in ((200, 1000), (1000, 5000), (5000, np.inf)):
        some = error[(size >= least) & (size < most)]
        print(f"{least} to {most} pixels: {len(some)} parcels, {np.mean(abs(some) > 0.005):.2%} "
              f"are off by more than 0.5 %, {some.mean():+.3%} on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masks", type=Path, help="folder of class rasters")
    parser.add_argument("--rows", type=int, default=9000, help="rows of a mask at once")
    parser.add_argument("--strips", type=int, metavar="SIZE")
    parser.add_argument("--random", type=int, metavar="COUNT")
    parser.add_argument("--areas", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.masks:
        masks(given.masks, given.rows)
    if given.strips:
        strips(given.strips)
    if given.random:
        small(given.random)
    if given.areas:
        areas(given.areas)


if __name__ == "__main__":
    main()
