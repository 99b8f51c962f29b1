"""How near the borders of two layers lie: lengths within a distance, and PoLiS.

Everything is exact: the part of a straight piece that is within a distance of another straight
piece is one interval, because a line and a capsule are both convex; intervals are united.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from geoseg.cache import numba_cache

FULL = 1e-12
"""An interval this near to [0, 1] is all of a segment."""
SCRATCH = 512
"""Intervals kept before they are united."""

Segments = tuple[NDArray[np.float64], NDArray[np.int64]]
"""(m, 4) x0, y0, x1, y1 of the straight pieces of n lines, and (n + 1,) where each line starts."""


def _loop(function: FunctionType) -> Callable[..., Any]:
    """Compile a function by numba on its first call, and keep its code."""
    with numba_cache():
        return njit(cache=True, nogil=True)(function)


def segments(lines: NDArray[np.object_]) -> Segments:
    """Cut lines (one geometry each, with any number of parts) into straight pieces."""
    parts, line = shapely.get_parts(lines, return_index=True)
    points, part = shapely.get_coordinates(parts, return_index=True)
    joined = part[1:] == part[:-1]
    pieces = np.hstack([points[:-1], points[1:]])[joined]
    owner = line[part[:-1][joined]]
    return pieces, np.searchsorted(owner, np.arange(len(lines) + 1))


def near_lengths(
    lines: Segments, others: Segments, distances: Sequence[float]
) -> NDArray[np.float64]:
    """Measure how much of each line lies within distances of any other line.

    Args:
        lines: n lines.
        others: what they are compared with.
        distances: k distances, ascending, above 0, in units of the coordinates.

    Returns:
        (n, k) lengths. O(pieces) where pieces are about as long as their distance apart.
    """
    pieces, starts = lines
    reach = np.asarray(distances, np.float64)
    if not len(pieces) or not len(others[0]):
        return np.zeros((len(starts) - 1, len(reach)))
    x0, y0, cell, shape = _grid_of(others[0], reach[-1])
    first, members = _fill_grid(others[0], reach[-1], x0, y0, cell, *shape)
    return _near(pieces, starts, others[0], reach, first, members, x0, y0, cell, *shape)


def polis(one: Segments, other: Segments, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the PoLiS distance of pairs of lines.

    Args:
        one: lines.
        other: lines.
        pairs: (k, 2) line of `one` and line of `other`.

    Returns:
        (k,) in units of the coordinates.

    Source: Avbelj, Müller and Bamler, A Metric for Polygon Comparison and Building Extraction
    Evaluation, 2015, equation 1: half the mean distance of one's vertices to the other's border,
    and half that of the other's vertices to its border.
    """
    return _polis(*one, *other, np.ascontiguousarray(pairs, np.int64))


def _grid_of(
    pieces: NDArray[np.float64], reach: float
) -> tuple[float, float, float, tuple[int, int]]:
    """Choose the origin, cell size and (columns, rows) of a grid that finds pieces by place."""
    x, y = pieces[:, ::2], pieces[:, 1::2]
    x0, y0 = x.min() - reach, y.min() - reach
    width, height = x.max() + reach - x0, y.max() + reach - y0
    length = np.hypot(x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]).mean()
    cell = max(2 * reach, length, np.sqrt(width * height / len(pieces)))
    return x0, y0, cell, (int(width / cell) + 1, int(height / cell) + 1)


@_loop
def _cells(lo, hi, origin, cell, n):
    first = max(0, int(np.floor((lo - origin) / cell)))
    last = min(n - 1, int(np.floor((hi - origin) / cell)))
    return first, last


@_loop
def _fill_grid(pieces, reach, x0, y0, cell, nx, ny):
    """Give for each cell the pieces that may be near something in it."""
    counts = np.zeros(nx * ny + 1, np.int64)
    members = np.empty(0, np.int64)
    for filling in range(2):
        if filling == 1:
            counts = np.cumsum(counts)
            members = np.empty(counts[-1], np.int64)
            at = counts[:-1].copy()
        for i in range(len(pieces)):
            xa, ya, xb, yb = pieces[i]
            c0, c1 = _cells(min(xa, xb) - reach, max(xa, xb) + reach, x0, cell, nx)
            r0, r1 = _cells(min(ya, yb) - reach, max(ya, yb) + reach, y0, cell, ny)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    if filling == 0:
                        counts[r * nx + c + 1] += 1
                    else:
                        members[at[r * nx + c]] = i
                        at[r * nx + c] += 1
    return counts, members


@_loop
def _in_disk(ax, ay, ux, uy, px, py, d):
    """Where a + t u is within d of a point: (low, high), low > high if nowhere."""
    wx, wy = ax - px, ay - py
    uu, wu, ww = ux * ux + uy * uy, wx * ux + wy * uy, wx * wx + wy * wy - d * d
    root = wu * wu - uu * ww
    if uu == 0.0 or root < 0.0:
        return 1.0, 0.0
    root = np.sqrt(root)
    return (-wu - root) / uu, (-wu + root) / uu


@_loop
def _in_band(start, slope, low, high):
    """Where low <= start + t slope <= high."""
    if slope == 0.0:
        return (-np.inf, np.inf) if low <= start <= high else (1.0, 0.0)
    one, two = (low - start) / slope, (high - start) / slope
    return min(one, two), max(one, two)


@_loop
def _in_capsule(ax, ay, ux, uy, px, py, qx, qy, d):
    """Where a + t u is within d of the piece p q, cut to 0..1."""
    low, high = _in_disk(ax, ay, ux, uy, px, py, d)
    low2, high2 = _in_disk(ax, ay, ux, uy, qx, qy, d)
    if low2 <= high2:
        if low > high:
            low, high = low2, high2
        else:
            low, high = min(low, low2), max(high, high2)
    vx, vy = qx - px, qy - py
    length = np.hypot(vx, vy)
    if length > 0.0:
        wx, wy = ax - px, ay - py
        along = _in_band((wx * vx + wy * vy) / length, (ux * vx + uy * vy) / length, 0.0, length)
        across = _in_band((wx * vy - wy * vx) / length, (ux * vy - uy * vx) / length, -d, d)
        low2, high2 = max(along[0], across[0]), min(along[1], across[1])
        if low2 <= high2:
            if low > high:
                low, high = low2, high2
            else:
                low, high = min(low, low2), max(high, high2)
    return max(0.0, low), min(1.0, high)


@_loop
def _unite(intervals, n):
    """Sort and join the first n intervals in place; give how many are left."""
    if n == 0:
        return 0
    order = np.argsort(intervals[:n, 0])
    kept = intervals[:n][order]
    intervals[0] = kept[0]
    last = 0
    for i in range(1, n):
        if kept[i, 0] <= intervals[last, 1]:
            intervals[last, 1] = max(intervals[last, 1], kept[i, 1])
        else:
            last += 1
            intervals[last] = kept[i]
    return last + 1


@_loop
def _share_near(piece, others, d, first, members, x0, y0, cell, nx, ny, intervals):
    """Give the share of one piece that is within d of the others."""
    ax, ay, bx, by = piece
    c0, c1 = _cells(min(ax, bx), max(ax, bx), x0, cell, nx)
    r0, r1 = _cells(min(ay, by), max(ay, by), y0, cell, ny)
    n = 0
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            for k in range(first[r * nx + c], first[r * nx + c + 1]):
                px, py, qx, qy = others[members[k]]
                low, high = _in_capsule(ax, ay, bx - ax, by - ay, px, py, qx, qy, d)
                if low >= high:
                    continue
                if high - low >= 1.0 - FULL:
                    return 1.0
                intervals[n, 0], intervals[n, 1] = low, high
                n += 1
                if n == len(intervals):
                    n = _unite(intervals, n)
                    if n == len(intervals):
                        intervals = np.vstack((intervals, np.empty_like(intervals)))
    n = _unite(intervals, n)
    share = 0.0
    for i in range(n):
        share += intervals[i, 1] - intervals[i, 0]
    return share


@_loop
def _near(pieces, starts, others, reach, first, members, x0, y0, cell, nx, ny):
    near = np.zeros((len(starts) - 1, len(reach)))
    intervals = np.empty((SCRATCH, 2))
    for line in range(len(starts) - 1):
        for i in range(starts[line], starts[line + 1]):
            length = np.hypot(pieces[i, 2] - pieces[i, 0], pieces[i, 3] - pieces[i, 1])
            share = 0.0
            for k in range(len(reach)):
                if share < 1.0:
                    share = _share_near(
                        pieces[i], others, reach[k], first, members, x0, y0, cell, nx, ny,
                        intervals,
                    )
                near[line, k] += share * length
    return near


@_loop
def _mean_distance(pieces, start, stop, others, other_start, other_stop):
    """Give the mean distance of a line's vertices to another line."""
    total = 0.0
    for i in range(start, stop):
        x, y = pieces[i, 0], pieces[i, 1]
        least = np.inf
        for j in range(other_start, other_stop):
            px, py, qx, qy = others[j]
            vx, vy = qx - px, qy - py
            length = vx * vx + vy * vy
            t = 0.0
            if length > 0.0:
                t = min(1.0, max(0.0, ((x - px) * vx + (y - py) * vy) / length))
            dx, dy = px + t * vx - x, py + t * vy - y
            least = min(least, dx * dx + dy * dy)
        total += np.sqrt(least)
    return total / (stop - start)


@_loop
def _polis(pieces, starts, others, other_starts, pairs):
    out = np.full(len(pairs), np.nan)
    for k in range(len(pairs)):
        a, b = starts[pairs[k, 0]], starts[pairs[k, 0] + 1]
        c, d = other_starts[pairs[k, 1]], other_starts[pairs[k, 1] + 1]
        if b > a and d > c:
            there = _mean_distance(pieces, a, b, others, c, d)
            back = _mean_distance(others, c, d, pieces, a, b)
            out[k] = (there + back) / 2
    return out
