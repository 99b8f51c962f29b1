"""Turn probabilities into a relief: low inside parcels and background, high along borders.

The *relief* of a pixel is an integer. It rises with the boundary probability. Away from borders
it falls with the distance to the nearest pixel of another kind, up to a cap: a wide place is a deep
one, and a gap in a border is a pass between two valleys. Inside a border it rises a little with
that distance, so that the crest is in the middle. All arithmetic is in integers: a relief does not
depend on how the scene was cut, if the strip has `halo(cap)` rows around it.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE


NODATA, PARCEL, BACKGROUND, BORDER = 0, 1, 2, 3
"""The kinds of a pixel."""
DISTANCE_UNITS = 16
"""Relief units per pixel of distance."""
BORDER_SHIFT = 1
"""A boundary value of 254 weighs 254 >> 1 = 127 units, about 8 pixels of distance."""
CREST_SHIFT = 2
"""A pixel of depth inside a border weighs 16 >> 2 = 4 units: it finds the middle of a wide one."""
FAINT = 4
"""A trace of boundary is this part of the level of a border."""
MAX_CAP = 100
"""Largest distance cap, in pixels: the first smoothing pass must fit in int16."""
SMOOTHING = 2
"""Reach of the smoothing, in pixels."""


def halo(cap: int) -> int:
    """Rows around a row that decide its relief."""
    return cap + SMOOTHING


def pixel_kinds(
    parcel: np.ndarray, boundary: np.ndarray, *, parcel_level: int, boundary_level: int
) -> np.ndarray:
    """Say of each pixel what it is: no data, parcel, background or border.

    Between parcel and band, both fade: a pixel with a trace of boundary in it is background only if
    that is the most likely. Else slivers of background would lie inside of bands, and take them.

    Args:
        parcel: (rows, cols) uint8 stored probabilities; `boundary` alike.
        parcel_level: smallest stored value of a parcel.
        boundary_level: smallest stored value of a border.

    Returns:
        (rows, cols) uint8 kinds.
    """
    kinds = np.where(parcel >= parcel_level, np.uint8(PARCEL), np.uint8(BACKGROUND))
    rest = PROBABILITY_SCALE - parcel.astype(np.int16) - boundary
    doubtful = (boundary >= boundary_level // FAINT) & (rest <= np.maximum(parcel, boundary))
    kinds[doubtful & (kinds == BACKGROUND)] = BORDER
    kinds[boundary >= boundary_level] = BORDER
    kinds[(boundary == PROBABILITY_NODATA) | (parcel == PROBABILITY_NODATA)] = NODATA
    return kinds


def _column_distances(kinds: np.ndarray, cap: int) -> np.ndarray:
    """Distance along the column to the nearest pixel of another kind, at most cap; uint8."""
    same = kinds[1:] == kinds[:-1]
    steps = np.full(kinds.shape, cap, np.uint8)
    for row in range(1, len(kinds)):
        np.minimum(steps[row], steps[row - 1] * same[row - 1] + np.uint8(1), out=steps[row])
    for row in range(len(kinds) - 2, -1, -1):
        np.minimum(steps[row], steps[row + 1] * same[row] + np.uint8(1), out=steps[row])
    return steps


@helper
def _squared_distance(steps, kinds, row, col):
    """Exact squared distance to the nearest pixel of another kind, at most the cap squared.

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


@kernel
def _raw_relief(kinds, boundary, steps, roots, raw, depth):
    """Combine distance and boundary probability; also give the distance in relief units."""
    rows, cols = kinds.shape
    for row in range(rows):
        for col in range(cols):
            away = roots[_squared_distance(steps, kinds, row, col)]
            depth[row, col] = away
            rise = 0 if kinds[row, col] == NODATA else boundary[row, col] >> BORDER_SHIFT
            raw[row, col] = rise - away
            if kinds[row, col] == BORDER:
                raw[row, col] = rise + (away >> CREST_SHIFT)
                depth[row, col] = 0


def _smooth(raw: np.ndarray) -> np.ndarray:
    """Binomial smoothing (1 4 6 4 1) both ways, times 256, as int32; the edge pixel is repeated."""
    across = _binomial(np.pad(raw, ((0, 0), (SMOOTHING, SMOOTHING)), "edge").T).T
    across = np.ascontiguousarray(across, np.int32)
    return _binomial(np.pad(across, ((SMOOTHING, SMOOTHING), (0, 0)), "edge"))


def _binomial(values: np.ndarray) -> np.ndarray:
    """Smooth along the first axis, which loses two items at each end."""
    result = 6 * values[2:-2]
    result += 4 * (values[1:-3] + values[3:-1])
    result += values[:-4] + values[4:]
    return result


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
    raw, depth = np.empty(kinds.shape, np.int16), np.empty(kinds.shape, np.uint16)
    _raw_relief(kinds, boundary, _column_distances(kinds, cap), roots, raw, depth)
    return _smooth(raw), depth
