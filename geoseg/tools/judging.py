"""Read two layers tile by tile and compare them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geoseg.cpus import usable_cpus
from geoseg.evaluation import Comparison, Distances, Parcels, compare, together
from geoseg.evaluation.blocks import Blocks, Bounds
from geoseg.evaluation.compare import first_points
from geoseg.evaluation.tables import sorted_comparison
from geoseg.run.progress import Progress, stage
from geoseg.tools.layers import Layer, taken
from geoseg.vector import Numbered

MOST_WORKERS = 4
"""Tiles compared at once, each with its polygons in memory; geometry runs outside Python's lock."""
AROUND = 0.05
"""Ground around a tile that is read with it, as a share of its side: few of its parcels reach
farther, and where one does the tile is read again."""


@dataclass(frozen=True, slots=True)
class Task:
    """Two layers on one ground, and how they are compared."""

    truth: Layer
    """True parcels."""
    predicted: Layer
    """Parcels to judge."""
    blocks: Blocks
    """How the ground is cut."""
    distances: Distances
    """What counts as near."""
    aoi: BaseGeometry | None
    """Only this is known; None: everything."""
    ignore: Layer | None
    """Ground that is not known."""

    def run(self, progress: Progress) -> tuple[Comparison, tuple[str, ...]]:
        """Compare every tile; give the tables, and the names of the classes by code.

        Memory holds the polygons of a few tiles, and a row per parcel and overlap.
        """
        rows, cols = self.blocks.shape
        step = stage(progress, "compare", rows * cols)
        codes: dict[str, int] = {}
        parts = []
        pool = ThreadPoolExecutor(self._workers())
        try:
            for part in pool.map(lambda one: self._tile(*one, codes), self.blocks.tiles()):
                if part is not None:
                    parts.append(part)
                step(1)
        finally:
            pool.shutdown(cancel_futures=True)
        return sorted_comparison(together(parts or [self._nothing()])), tuple(codes)

    def _workers(self) -> int:
        """Choose how many tiles are compared at once; a raster is read by one thread only."""
        layers = (self.truth, self.predicted, self.ignore)
        alone = any(one is not None and one.is_raster for one in layers)
        return 1 if alone else min(MOST_WORKERS, usable_cpus())

    def _tile(self, number: int, bounds: Bounds, codes: dict[str, int]) -> Comparison | None:
        layers = (self.truth, self.predicted)
        reach = max(*self.distances.near, self.distances.band) + AROUND * self.blocks.tile
        seen = _wider(bounds, reach)
        around = [layer.read(seen) for layer in layers]
        here = [_touching(one, bounds) for one in around]
        if not any(len(one.number) for one in here):
            return None
        region = self._region(number, bounds, here)
        if not _holds(seen, region):
            around = [layer.read(region) for layer in layers]
        truth, predicted = (
            self._parcels(_touching(one, region), number, codes) for one in around
        )
        return compare(
            truth, predicted, shapely.box(*bounds), self.distances, void=self._void(region)
        )

    def _region(self, number: int, bounds: Bounds, here: list[Numbered]) -> Bounds:
        """Widen a tile so that it holds its own parcels and what is near them."""
        own = [
            one.shapes[self.blocks.tile_of(first_points(one.shapes)) == number] for one in here
        ]
        boxes = np.array([bounds, *(shapely.total_bounds(one) for one in own if len(one))])
        reach = max(*self.distances.near, self.distances.band)
        (xmin, ymin), (xmax, ymax) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        return float(xmin - reach), float(ymin - reach), float(xmax + reach), float(ymax + reach)

    def _parcels(self, found: Numbered, number: int, codes: dict[str, int]) -> Parcels:
        names = found.classes if found.classes is not None else [""] * len(found.number)
        kind = np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)
        owned = self.blocks.tile_of(first_points(found.shapes)) == number
        return Parcels(found.number, found.shapes, kind, owned)

    def _void(self, region: Bounds) -> BaseGeometry | None:
        unknown = self.truth.unknown(region)
        if self.ignore is not None:
            unknown += list(self.ignore.read(region).shapes)
        box = shapely.box(*region)
        if self.aoi is not None and not shapely.contains_properly(self.aoi, box):
            unknown.append(shapely.difference(box, self.aoi))
        return shapely.union_all(unknown) if unknown else None

    def _nothing(self) -> Comparison:
        nobody = Parcels(*(np.zeros(0, kind) for kind in (np.int64, object, np.int64, np.bool_)))
        return compare(nobody, nobody, shapely.box(0, 0, 1, 1), self.distances)


def _wider(bounds: Bounds, by: float) -> Bounds:
    xmin, ymin, xmax, ymax = bounds
    return xmin - by, ymin - by, xmax + by, ymax + by


def _holds(outer: Bounds, inner: Bounds) -> bool:
    return (
        outer[0] <= inner[0] and outer[1] <= inner[1]
        and outer[2] >= inner[2] and outer[3] >= inner[3]
    )


def _touching(found: Numbered, bounds: Bounds) -> Numbered:
    """Take the parcels whose box touches bounds."""
    xmin, ymin, xmax, ymax = shapely.bounds(found.shapes).reshape(-1, 4).T
    left, low, right, high = bounds
    return taken(found, np.flatnonzero(
        (xmin <= right) & (xmax >= left) & (ymin <= high) & (ymax >= low)
    ))
