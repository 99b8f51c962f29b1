"""Evaluate a national layer: a million synthetic parcels against a million others.

    python tests/benchmarks/bench_evaluate.py [SIDE] [--work FOLDER]

SIDE x SIDE true parcels of about a hectare with bent borders; the predicted ones have corners moved
by up to 6 m, 6 % are merged in pairs and 7 % left out. Prints seconds, processor seconds and the
peak of memory; the layers are made once and kept in the folder.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import geopandas
import numpy as np
import shapely

import geoseg

CELL = 100.0
POINTS = 4
"""Points along each border."""


def borders(start: np.ndarray, stop: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """Give points along bent lines from start, without their end."""
    t = np.arange(POINTS) / POINTS
    line = start[..., None, :] * (1 - t)[:, None] + stop[..., None, :] * t[:, None]
    way = stop - start
    across = np.stack([-way[..., 1], way[..., 0]], axis=-1)
    return line + across[..., None, :] * (bend[..., None] * np.sin(np.pi * t))[..., None]


def parcels(side: int, *, seed: int, moved: float, merged: float, kept: float) -> np.ndarray:
    """Make a coverage of bent quadrilaterals; the same for every seed but for what is asked."""
    base, own = np.random.default_rng(1), np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1)), axis=-1) * CELL
    corners = corners + base.uniform(-25, 25, corners.shape)
    corners = corners + own.uniform(-moved, moved, corners.shape) + (400_000, 5_300_000)
    flat, steep = base.uniform(-0.08, 0.08, (2, side + 1, side))
    along = borders(corners[:, :-1], corners[:, 1:], flat)
    back = borders(corners[:, 1:], corners[:, :-1], -flat)
    up = borders(corners[:-1], corners[1:], steep.T)
    down = borders(corners[1:], corners[:-1], -steep.T)
    rings = np.concatenate([along[:-1], up[:, 1:], back[1:], down[:, :-1]], axis=2)
    shapes = shapely.polygons(rings.reshape(side * side, -1, 2)).reshape(side, side)
    left, right = shapes[:, 0:-1:2].copy(), shapes[:, 1::2].copy()
    pairs = own.random(left.shape) < merged
    left[pairs] = shapely.union(left[pairs], right[pairs])
    right[pairs] = None
    every = np.concatenate([left.ravel(), right.ravel()])
    every = every[shapely.is_geometry(every)]
    return every[own.random(len(every)) < kept]


def layers(side: int, work: Path) -> tuple[Path, Path]:
    paths = work / f"truth-{side}.gpkg", work / f"found-{side}.gpkg"
    asked = ({"seed": 2, "moved": 0.0, "merged": 0.0, "kept": 0.97},
             {"seed": 3, "moved": 6.0, "merged": 0.06, "kept": 0.93})
    for path, options in zip(paths, asked):
        if not path.exists():
            table = geopandas.GeoDataFrame(geometry=parcels(side, **options), crs=32633)
            table.to_file(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", nargs="?", type=int, default=1000)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "bench_evaluate")
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    truth, found = layers(chosen.side, chosen.work)
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    made = geoseg.evaluate(found, truth)
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    counts = made.parcels
    print(f"{counts.predicted:,} against {counts.truth:,}: {counts.matched:,} matched, "
          f"F1 {made.scores['parcel_f1']:.3f}, {len(made.tally.counts)} blocks")
    print(f"{seconds:.0f} s, {cpu:.0f} s of processor; peak {after.ru_maxrss / 1024:.0f} MiB, "
          f"{before.ru_maxrss / 1024:.0f} MiB before")


if __name__ == "__main__":
    main()
