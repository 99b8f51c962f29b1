"""Turn probabilities into a relief: low inside parcels and background, high along borders.

The *relief* of a pixel is an integer. Away from borders it falls with the distance to the nearest
pixel of another kind, up to a cap, so that a wide place is a deep one and a gap in a border is a
pass between two valleys. On a border it rises with the boundary probability and with the depth
inside the border, so that its crest is where the border is. All arithmetic is in integers: a
relief does not depend on how the scene was cut, if the strip has `halo(cap)` rows around it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from geoseg.spec import PROBABILITY_NODATA

NODATA, PARCEL, BACKGROUND, BORDER = 0, 1, 2, 3
"""The kinds of a pixel."""
DISTANCE_UNITS = 16
"""Relief units per pixel of distance."""
BORDER_SHIFT = 1
"""A boundary value of 254 weighs 254 >> 1 = 127 units, about 8 pixels of distance."""
MAX_CAP = 100
"""Largest distance cap, in pixels: the first smoothing pass must fit in int16."""
SMOOTHING = 2
"""Reach of the smoothing, in pixels."""


def halo(cap: int) -> int:
    """Rows around a row that decide its relief."""
    return cap + SMOOTHING


@njit(cache=True, nogil=True)
def pixel_kinds(parcel, boundary, parcel_level, boundary_level):
    """Say of each pixel what it is: no data, parcel, background or border.

    Args:
        parcel: (rows, cols) uint8 stored probabilities; `boundary` alike.
        parcel_level: smallest stored value of a parcel.
        boundary_level: smallest stored value of a border.

    Returns:
        (rows, cols) uint8 kinds.
    """
    rows, cols = parcel.shape
    kinds = np.empty((rows, cols), np.uint8)
    for row in range(rows):
        for col in range(cols):
            if boundary[row, col] == PROBABILITY_NODATA or parcel[row, col] == PROBABILITY_NODATA:
                kinds[row, col] = NODATA
            elif boundary[row, col] >= boundary_level:
                kinds[row, col] = BORDER
            elif parcel[row, col] >= parcel_level:
                kinds[row, col] = PARCEL
            else:
                kinds[row, col] = BACKGROUND
    return kinds


@njit(cache=True, nogil=True)
def _column_distances(kinds, cap):
    """Distance along the column to the nearest pixel of another kind, at most cap."""
    rows, cols = kinds.shape
    steps = np.empty((rows, cols), np.uint8)
    steps[0, :] = cap
    for row in range(1, rows):
        for col in range(cols):
            far = min(cap, steps[row - 1, col] + 1)
            steps[row, col] = far if kinds[row, col] == kinds[row - 1, col] else 1
    for row in range(rows - 2, -1, -1):
        for col in range(cols):
            if kinds[row, col] != kinds[row + 1, col]:
                steps[row, col] = 1
            elif steps[row + 1, col] + 1 < steps[row, col]:
                steps[row, col] = steps[row + 1, col] + 1
    return steps


@njit(cache=True, nogil=True)
def _squared_distance(steps, kinds, row, col, cap):
    """Exact squared distance to the nearest pixel of another kind, at most cap squared.

    The scan leaves the pixel along its row until another kind is met or nothing can be nearer.
    """
    cols = steps.shape[1]
    own = kinds[row, col]
    best = np.int64(steps[row, col]) ** 2
    for way in (-1, 1):
        away = 1
        while away * away < best:
            other = col + way * away
            if other < 0 or other >= cols:
                break
            if kinds[row, other] != own:
                best = away * away
                break
            best = min(best, away * away + np.int64(steps[row, other]) ** 2)
            away += 1
    return best


@njit(cache=True, nogil=True)
def _raw_relief(kinds, boundary, roots, cap):
    """Combine distance and boundary probability; also give the distance in relief units."""
    rows, cols = kinds.shape
    steps = _column_distances(kinds, cap)
    raw = np.empty((rows, cols), np.int16)
    depth = np.empty((rows, cols), np.uint16)
    for row in range(rows):
        for col in range(cols):
            away = roots[_squared_distance(steps, kinds, row, col, cap)]
            depth[row, col] = away
            raw[row, col] = -away
            if kinds[row, col] == BORDER:
                raw[row, col] = away + (boundary[row, col] >> BORDER_SHIFT)
                depth[row, col] = 0
    return raw, depth


@njit(cache=True, nogil=True)
def _smooth(raw):
    """Binomial smoothing (1 4 6 4 1) both ways, times 256; the edge pixel is repeated."""
    rows, cols = raw.shape
    across = np.empty((rows, cols), np.int16)
    for row in range(rows):
        for col in range(cols):
            near = raw[row, max(col - 1, 0)] + raw[row, min(col + 1, cols - 1)]
            far = raw[row, max(col - 2, 0)] + raw[row, min(col + 2, cols - 1)]
            across[row, col] = 6 * raw[row, col] + 4 * near + far
    relief = np.empty((rows, cols), np.int32)
    for row in range(rows):
        up, down = max(row - 1, 0), min(row + 1, rows - 1)
        above, below = max(row - 2, 0), min(row + 2, rows - 1)
        for col in range(cols):
            near = np.int32(across[up, col]) + across[down, col]
            far = np.int32(across[above, col]) + across[below, col]
            relief[row, col] = 6 * np.int32(across[row, col]) + 4 * near + far
    return relief


def shape_relief(
    kinds: np.ndarray, boundary: np.ndarray, *, cap: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shape the relief of a strip; rows nearer than `halo(cap)` to a cut are not final.

    Args:
        kinds: (rows, cols) uint8 from `pixel_kinds`.
        boundary: (rows, cols) uint8 stored boundary probabilities.
        cap: largest distance in pixels, 1 to 100.

    Returns:
        (rows, cols) int32 relief, and (rows, cols) uint16 distance to the nearest pixel of another
        kind in sixteenths of a pixel, 0 on borders.
    """
    squares = range(cap * cap + 1)
    roots = np.array([math.isqrt(DISTANCE_UNITS**2 * square) for square in squares], np.int16)
    raw, depth = _raw_relief(kinds, boundary, roots, cap)
    return _smooth(raw), depth
