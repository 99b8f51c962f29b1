"""Cut a relief into basins: the pixels whose drop of water ends in the same pixel.

Each pixel points to the lowest of itself and its four neighbours; of two equal ones, to the first
in row-major order. That rule sees one pixel around, so a strip knows all its pointers; where one
leaves the strip, the basin is joined to the neighbouring strip's. Basins are 4-connected.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer.relief import BACKGROUND, BORDER, NODATA, PARCEL


AREA, PARCELS, BACKGROUNDS, PARCEL_SUM, BOUNDARY_SUM, PEAK = range(6)
"""Columns of the statistics: pixels, pixels of a kind, sums of stored values, largest distance."""
COLUMNS = 6
"""Number of columns."""


@helper
def _open(kind, other):
    """Tell whether a pixel may point to another: a border to any, the others to their own kind."""
    return other == kind or (kind == BORDER and other != NODATA)


@helper
def _point(relief, kinds, pointers, here, col, cols):
    """Point a pixel to the lowest around it; the neighbours come in row-major order."""
    kind, low, best = kinds[here], relief[here], here
    if here >= cols and relief[here - cols] <= low and _open(kind, kinds[here - cols]):
        low, best = relief[here - cols], here - cols
    if col > 0 and _open(kind, kinds[here - 1]):
        if relief[here - 1] < low or (relief[here - 1] == low and best == here):
            low, best = relief[here - 1], here - 1
    if col < cols - 1 and relief[here + 1] < low and _open(kind, kinds[here + 1]):
        low, best = relief[here + 1], here + 1
    if here + cols < relief.size and relief[here + cols] < low:
        if _open(kind, kinds[here + cols]):
            best = here + cols
    pointers[here] = best


def cut_basins(
    relief: np.ndarray, kinds: np.ndarray, cols: int, start: int, stop: int
) -> tuple[np.ndarray, int]:
    """Label the basins of a strip 1, 2, ... in the order of their first pixels.

    Args:
        relief: (pixels,) int32, flat, with one row around the strip where the scene has one.
        kinds: (pixels,) uint8.
        cols: pixels per row.
        start: flat index of the strip's first pixel; `stop` is one past its last.

    Returns:
        (pixels,) int32 labels, 0 at no data; outside the strip, what the strip calls the basin of
        a pixel, 0 where nothing points to it; and the next free label.
    """
    pointers, labels = np.arange(relief.size, dtype=np.int32), np.zeros(relief.size, np.int32)
    return labels, _cut(relief, kinds, cols, start, stop, pointers, labels)


@kernel
def _cut(relief, kinds, cols, start, stop, pointers, labels):
    """Cut basins; pointers are of each pixel to itself, labels 0, both written."""
    free = 1
    for row in range(start // cols, stop // cols):
        for col in range(cols):
            _point(relief, kinds, pointers, row * cols + col, col, cols)
    for here in range(start, stop):
        if labels[here] > 0 or kinds[here] == NODATA:
            continue
        end = here
        while labels[end] == 0 and pointers[end] != end:
            end = pointers[end]
        if labels[end] == 0:
            labels[end] = free
            free += 1
        while here != end:
            labels[here] = labels[end]
            here = pointers[here]
    return free


def measure_basins(
    labels: np.ndarray,
    kinds: np.ndarray,
    parcel: np.ndarray,
    boundary: np.ndarray,
    depth: np.ndarray,
    *,
    count: int,
) -> np.ndarray:
    """Count pixels and add up probabilities per label; the arrays are flat and of one strip.

    Returns:
        (count, COLUMNS) int64 statistics of labels 1 to count.
    """
    table = np.zeros((count, COLUMNS), np.int64)
    _measure(table, labels, kinds, parcel, boundary, depth)
    return table


@kernel
def _measure(table, labels, kinds, parcel, boundary, depth):
    for here in range(labels.size):
        if labels[here] == 0:
            continue
        row = table[labels[here] - 1]
        row[AREA] += 1
        row[PARCELS] += kinds[here] == PARCEL
        row[BACKGROUNDS] += kinds[here] == BACKGROUND
        row[PARCEL_SUM] += parcel[here]
        row[BOUNDARY_SUM] += boundary[here]
        row[PEAK] = max(row[PEAK], depth[here])


def add_up(tables: Iterable[np.ndarray], numbers: np.ndarray) -> np.ndarray:
    """Add up the statistics of basins that are one.

    Args:
        tables: statistics, one after another.
        numbers: new number of each of their rows, as `number_sets` gives.
    """
    total = np.empty((int(numbers.max(initial=-1)) + 1, COLUMNS), np.int64)
    row = known = 0
    for table in tables:
        known = _add_up(total, table, numbers[row : row + len(table)], known)
        row += len(table)
    return total


def fold(table: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Add up the statistics of basins that are one, as `add_up` does, in the table itself."""
    return table[: _add_up(table, table, numbers, 0)]


@kernel
def _add_up(total, table, numbers, known):
    """Add rows to those of their numbers, of which the first `known` have some already."""
    for i in range(numbers.size):
        row, to, new = table[i], total[numbers[i]], numbers[i] == known
        known += new
        peak = row[PEAK] if new else max(to[PEAK], row[PEAK])
        for column in range(COLUMNS):
            to[column] = row[column] if new else to[column] + row[column]
        to[PEAK] = peak
    return known


def is_background(table: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """Tell which basins are background; one all of border is what its pixels look more like.

    There, what is neither parcel nor boundary is taken for the probability of background. That is
    not said of an open one, which has more pixels in rows to come.
    """
    rest = PROBABILITY_SCALE * table[:, AREA] - table[:, PARCEL_SUM] - table[:, BOUNDARY_SUM]
    lost = (table[:, PARCELS] == 0) & (rest > table[:, PARCEL_SUM]) & ~is_open
    return (table[:, BACKGROUNDS] > 0) | lost
