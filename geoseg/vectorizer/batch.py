"""A batch of parcels as columns, and its geometries as well-known binary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.threads import join_offsets


@kernel
def _wkb_sizes(ring_offsets, polygon_offsets, parcel_offsets, out):
    for parcel in range(len(parcel_offsets) - 1):
        first, stop = parcel_offsets[parcel], parcel_offsets[parcel + 1]
        size = 9 * (stop - first) + (9 if stop - first > 1 else 0)
        one, two = polygon_offsets[first], polygon_offsets[stop]
        out[parcel + 1] = out[parcel] + size + 4 * (two - one) + 16 * (
            ring_offsets[two] - ring_offsets[one]
        )


@helper
def _put(out, at, value):
    for k in range(4):
        out[at + k] = (value >> (8 * k)) & 255
    return at + 4


@helper
def _copy(out, at, items):
    room = out[at : at + len(items)]
    for k in range(len(items)):
        room[k] = items[k]
    return at + len(items)


@kernel
def _write_wkb(raw, ring_offsets, polygon_offsets, parcel_offsets, out):
    at = 0
    for parcel in range(len(parcel_offsets) - 1):
        first, stop = parcel_offsets[parcel], parcel_offsets[parcel + 1]
        if stop - first > 1:
            out[at] = 1
            at = _put(out, _put(out, at + 1, 6), stop - first)
        for polygon in range(first, stop):
            out[at] = 1
            one, two = polygon_offsets[polygon], polygon_offsets[polygon + 1]
            at = _put(out, _put(out, at + 1, 3), two - one)
            for ring in range(one, two):
                low, high = ring_offsets[ring], ring_offsets[ring + 1]
                at = _put(out, at, high - low)
                at = _copy(out, at, raw[16 * low : 16 * high])


@dataclass(frozen=True, slots=True)
class ParcelBatch:
    """Some parcels, as columns; the order of parcels does not depend on the strips."""

    parcel_id: np.ndarray
    """(n,) int64, 1 + index of the first pixel in row-major order."""
    value: np.ndarray
    """(n,) int64, value in the raster."""
    area_m2: np.ndarray
    """(n,) float64, on the ground."""
    perimeter_m: np.ndarray
    """(n,) float64, on the ground, holes included."""
    confidence: np.ndarray
    """(n,) float64, mean parcel probability, 0 to 1; NaN where there is none."""
    boundary: np.ndarray
    """(n,) float64, mean boundary probability along the border, 0 to 1; NaN where there is none."""
    edge: np.ndarray
    """(n,) bool, touches the scene's edge or pixels without data."""
    coords: np.ndarray
    """(m, 2) float64, CRS coordinates of all rings."""
    ring_offsets: np.ndarray
    """(rings + 1,) int64, start of each ring in coords."""
    polygon_offsets: np.ndarray
    """(polygons + 1,) int64, start of each polygon in the rings: the shell, then its holes."""
    parcel_offsets: np.ndarray
    """(n + 1,) int64, start of each parcel in polygons; more than one only with connectivity 8."""
    classes: Mapping[int, str] | None = None
    """Names of values, if given."""

    def __len__(self) -> int:
        """Give the number of parcels."""
        return len(self.parcel_id)

    def wkb(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the geometries as well-known binary.

        Returns:
            (n + 1,) int64 offsets into the (bytes,) uint8 that follow: an Arrow large binary array.
        """
        offsets = np.zeros(len(self) + 1, np.int64)
        _wkb_sizes(self.ring_offsets, self.polygon_offsets, self.parcel_offsets, offsets)
        out = np.empty(offsets[-1], np.uint8)
        raw = np.ascontiguousarray(self.coords, "<f8").reshape(-1).view(np.uint8)
        _write_wkb(raw, self.ring_offsets, self.polygon_offsets, self.parcel_offsets, out)
        return offsets, out


_COLUMNS = ("parcel_id", "value", "area_m2", "perimeter_m", "confidence", "boundary", "edge")


def merge(batches: list[ParcelBatch], classes: Mapping[int, str] | None) -> ParcelBatch:
    """Put batches behind each other; one alone is not copied."""
    if len(batches) == 1:
        return replace(batches[0], classes=classes)
    columns = {name: np.concatenate([getattr(one, name) for one in batches]) for name in _COLUMNS}
    return ParcelBatch(
        **columns,
        coords=np.concatenate([one.coords for one in batches]),
        ring_offsets=join_offsets([one.ring_offsets for one in batches]),
        polygon_offsets=join_offsets([one.polygon_offsets for one in batches]),
        parcel_offsets=join_offsets([one.parcel_offsets for one in batches]),
        classes=classes,
    )


def _split(batch: ParcelBatch, size: int) -> list[ParcelBatch]:
    """Cut a batch into batches of a size; the last may be smaller, or empty."""
    return [_cut(batch, start, min(start + size, len(batch)))
            for start in range(0, len(batch) + 1, size)]


def rebatch(
    waiting: list[ParcelBatch], new: ParcelBatch, size: int
) -> tuple[list[ParcelBatch], list[ParcelBatch]]:
    """Cut batches of a size from what waits and what is new; give them, and what waits now.

    Only what waits is copied.
    """
    missing = size - sum(map(len, waiting))
    if len(new) < missing:
        return [], [*waiting, new]
    first = merge([*waiting, _cut(new, 0, missing)], new.classes)
    *whole, rest = _split(_cut(new, missing, len(new)), size)
    return [first, *whole], [rest]


def _cut(batch: ParcelBatch, start: int, stop: int) -> ParcelBatch:
    polygons = batch.parcel_offsets[start : stop + 1]
    rings = batch.polygon_offsets[polygons[0] : polygons[-1] + 1]
    points = batch.ring_offsets[rings[0] : rings[-1] + 1]
    return ParcelBatch(
        **{name: getattr(batch, name)[start:stop] for name in _COLUMNS},
        coords=batch.coords[points[0] : points[-1]],
        ring_offsets=points - points[0],
        polygon_offsets=rings - rings[0],
        parcel_offsets=polygons - polygons[0],
        classes=batch.classes,
    )
