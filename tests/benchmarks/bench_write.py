"""Measure how fast parcels are written: CPU seconds, one thread, synthetic polygons.

    python tests/benchmarks/bench_write.py [PARCELS]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray

from geoseg.vector import write, write_parcels

VERTICES = 22
"""Per polygon, closing vertex included: as in the study that set the target."""
BATCH = 4096
ROUNDS = 7
SIDE = 400
"""Parcels per row of the synthetic map."""


@dataclass(frozen=True, slots=True)
class SyntheticBatch:
    """Parcels whose WKB is made beforehand, so that only writing is measured."""

    parcel_id: NDArray[np.int64]
    value: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    perimeter_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
    boundary: NDArray[np.float64]
    edge: NDArray[np.bool_]
    offsets: NDArray[np.int32]
    content: NDArray[np.uint8]
    classes: None = None

    def wkb(self) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Give offsets and bytes."""
        return self.offsets, self.content


def synthetic(n: int) -> Iterator[SyntheticBatch]:
    """Give n round parcels on a grid, in batches."""
    angle = np.linspace(0, 2 * np.pi, VERTICES)
    ring = 20 * np.column_stack([np.cos(angle), np.sin(angle)])
    ring[-1] = ring[0]
    kind = np.dtype(
        [("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("points", "<u4"),
         ("xy", "<f8", (VERTICES, 2))]
    )
    for start in range(0, n, BATCH):
        index = np.arange(start, min(start + BATCH, n))
        center = np.column_stack([5e5 + 50 * (index % SIDE), 5.4e6 - 50 * (index // SIDE)])
        shapes = np.empty(len(index), kind)
        shapes["order"], shapes["type"], shapes["rings"], shapes["points"] = 1, 3, 1, VERTICES
        shapes["xy"] = center[:, None, :] + ring
        ones = np.ones(len(index))
        yield SyntheticBatch(
            index + 1, ones.astype(np.int64), 1256.6 * ones, 125.6 * ones, 0.9 * ones, 0.1 * ones,
            ones == 0, np.arange(len(index) + 1, dtype=np.int32) * kind.itemsize,
            shapes.view(np.uint8),
        )


@contextmanager
def by_gdal() -> Iterator[None]:
    """Let GDAL write the rows of a GeoPackage too."""
    ours, write.column_kinds = write.column_kinds, lambda schema: None
    try:
        yield
    finally:
        write.column_kinds = ours


def main() -> None:
    """Print one line per format, written by turns: CPU time, the least and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parcels", nargs="?", type=int, default=160_000)
    n = parser.parse_args().parcels
    batches = list(synthetic(n))
    crs = pyproj.CRS(32633).to_wkt()
    plain = [(suffix, nullcontext) for suffix in (".gpkg", ".fgb", ".parquet")]
    ways = [(".gpkg", by_gdal), *plain]
    seconds = [[] for _ in ways]
    for _ in range(ROUNDS):
        for (suffix, way), taken in zip(ways, seconds, strict=True):
            with tempfile.TemporaryDirectory() as folder, way():
                start = time.process_time()
                write_parcels(Path(folder) / f"out{suffix}", batches, crs=crs)
                taken.append(time.process_time() - start)
    for (suffix, way), taken in zip(ways, seconds, strict=True):
        name = suffix + (" by GDAL" if way is by_gdal else "")
        least, median = n / min(taken), n / statistics.median(taken)
        print(f"{name:16}{least:10,.0f} parcels per CPU second, median {median:,.0f}")


if __name__ == "__main__":
    main()
