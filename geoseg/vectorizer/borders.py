"""Measure the borders between labelled regions: sums over pairs of neighbouring pixels.

A *border* is all pairs of 4-neighbours with one pixel in each of two regions. Its statistics add
up (or take the smallest, the largest), so they can be gathered strip by strip in any order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.memory import drained

EMPTY = -1
"""Key of a free place in a hash table."""
HASH_FACTOR = 0x1E3779B97F4A7C15
"""Odd and large: spreads neighbouring keys over the table (Knuth's multiplicative hash)."""


class Borders(NamedTuple):
    """Borders of regions, sorted by (one, other), each pair once."""

    one: np.ndarray
    """(n,) int32, the smaller region."""
    other: np.ndarray
    """(n,) int32, the larger region."""
    total: np.ndarray
    """(n,) int64, sum over the pairs of the larger boundary value."""
    count: np.ndarray
    """(n,) int32, pairs."""
    low: np.ndarray
    """(n,) uint8, smallest over the pairs of the larger boundary value."""
    wide: np.ndarray
    """(n,) uint16, largest over the pairs of the smaller distance: half the width of the pass."""


DTYPES = (np.int32, np.int32, np.int64, np.int32, np.uint8, np.uint16)
"""Of its columns."""


@helper
def first_place(key, last):
    """Give the place of a hash table of last + 1 places at which a search for a key begins."""
    return ((key * HASH_FACTOR) >> 24) & last


@helper
def find_place(keys, key):
    """Give the place of the key in an open hash table, or the free place where it belongs."""
    last = keys.size - 1
    place = first_place(key, last)
    while keys[place] != EMPTY and keys[place] != key:
        place = (place + 1) & last
    return place


@helper
def pair_key(one, other):
    """Give the key of a border; it does not matter which region comes first."""
    return (np.int64(min(one, other)) << 32) | np.int64(max(one, other))


@helper
def _add_pair(keys, table, one, other, value, width):
    """Add a pair of pixels to its border; give 1 if the border is new."""
    key = pair_key(one, other)
    place = find_place(keys, key)
    new = keys[place] == EMPTY
    if new:
        keys[place] = key
        table[place, 0] = table[place, 1] = table[place, 3] = 0
        table[place, 2] = value
    table[place, 0] += value
    table[place, 1] += 1
    table[place, 2] = min(table[place, 2], value)
    table[place, 3] = max(table[place, 3], width)
    return np.int64(new)


@kernel
def _gather(labels, boundary, depth, above, keys, table):
    """Fill the hash table from the pairs of a strip; give False if it became too full."""
    rows, cols = labels.shape
    room = keys.size // 2
    for row in range(rows):
        for col in range(cols):
            own = labels[row, col]
            for down in (0, 1):
                below, right = row + down, col + 1 - down
                if own == 0 or below >= rows or right >= cols or (row < above and down == 0):
                    continue
                other = labels[below, right]
                if other == own or other == 0:
                    continue
                value = np.int64(max(boundary[row, col], boundary[below, right]))
                width = np.int64(min(depth[row, col], depth[below, right]))
                room -= _add_pair(keys, table, own, other, value, width)
        if room < 2 * cols:
            return False
    return True


def gather_borders(
    labels: np.ndarray, boundary: np.ndarray, depth: np.ndarray, *, above: int = 0
) -> Borders:
    """Gather the borders between the labels of a strip; label 0 has none.

    Args:
        labels: (rows, cols) int32.
        boundary: (rows, cols) uint8 stored boundary probabilities.
        depth: (rows, cols) uint16 distances to the nearest pixel of another kind.
        above: first rows that belong to the strip above: only their pairs downward count.
    """
    size = 1 << (8 * labels.shape[1] + labels.size // 64).bit_length()
    while True:
        keys, table = np.full(size, EMPTY, np.int64), np.empty((size, 4), np.int64)
        if _gather(labels, boundary, depth, above, keys, table):
            break
        size *= 2
    used = np.flatnonzero(keys != EMPTY)
    used = used[np.argsort(keys[used])]
    ends = (keys[used] >> 32, keys[used] & 0xFFFFFFFF)
    return Borders(*map(np.ndarray.astype, (*ends, *table[used].T), DTYPES))


def reduce_borders(parts: list[Borders], numbers: np.ndarray, *, first: int = 0) -> Borders:
    """Rename the regions and add up what became one border.

    Borders are most of the memory of a large scene. They come nearly in their new order, so the
    room of the result is taken up while that of the parts is given back.

    Args:
        parts: borders over old regions; the list is emptied.
        numbers: (old regions,) int32, the new region of each from `first` on.
        first: regions below this keep their numbers.
    """
    starts = np.zeros(first + int(numbers.max(initial=-1)) + 2, np.int64)
    for part in parts:
        _count(_renamed(part, numbers, first), starts[1:])
    np.cumsum(starts, out=starts)
    out = Borders(*(np.zeros(starts[-1], dtype) for dtype in DTYPES))
    free = starts[:-1].copy()
    for part in drained(parts):
        _place(_renamed(part, numbers, first), free, out)
    size = _tidy(out, starts)
    for column in out:
        column.resize(size, refcheck=False)
    return out


def renamed(regions: np.ndarray, numbers: np.ndarray, first: int) -> np.ndarray:
    """Give the new numbers of regions, of which those below `first` keep theirs."""
    if first == 0 or len(numbers) == 0:
        return numbers[regions] if first == 0 else regions
    return np.where(regions >= first, numbers[np.maximum(regions - first, 0)] + first, regions)


def _renamed(part: Borders, numbers: np.ndarray, first: int) -> Borders:
    one, other = (renamed(regions, numbers, first) for regions in (part.one, part.other))
    return part._replace(one=np.minimum(one, other), other=np.maximum(one, other))


@kernel
def _count(part, counts):
    """Count the borders of each smaller region; what became one region has none with itself."""
    for i in range(part.one.size):
        counts[part.one[i]] += part.one[i] != part.other[i]


@kernel
def _place(part, free, out):
    """Put borders in the places of their smaller regions, each in the next that is free there."""
    for i in range(part.one.size):
        if part.one[i] != part.other[i]:
            place = free[part.one[i]]
            free[part.one[i]] += 1
            _copy(part, i, out, place)


@helper
def _copy(borders, i, out, place):
    out.one[place], out.other[place] = borders.one[i], borders.other[i]
    out.total[place], out.count[place] = borders.total[i], borders.count[i]
    out.low[place], out.wide[place] = borders.low[i], borders.wide[i]


@kernel
def _tidy(out, starts):
    """Sort the borders of each smaller region, add up equal ones, close gaps; give how many."""
    size = np.int64(0)
    for region in range(starts.size - 1):
        start, stop = starts[region], starts[region + 1]
        _sort(out, start, stop)
        first = size
        for i in range(start, stop):
            if size == first or out.other[size - 1] != out.other[i]:
                _copy(out, i, out, size)
                size += 1
                continue
            out.total[size - 1] += out.total[i]
            out.count[size - 1] += out.count[i]
            out.low[size - 1] = min(out.low[size - 1], out.low[i])
            out.wide[size - 1] = max(out.wide[size - 1], out.wide[i])
    return size


@helper
def _sort(out, start, stop):
    """Sort borders of one region by the other: Shell's sort, quick where they nearly are."""
    gap = np.int64(1)
    while 3 * gap < stop - start:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(start + gap, stop):
            place = i
            while place - gap >= start and out.other[place - gap] > out.other[place]:
                _swap(out, place - gap, place)
                place -= gap
        gap //= 3


@helper
def _swap(out, i, j):
    out.other[i], out.other[j] = out.other[j], out.other[i]
    out.total[i], out.total[j] = out.total[j], out.total[i]
    out.count[i], out.count[j] = out.count[j], out.count[i]
    out.low[i], out.low[j] = out.low[j], out.low[i]
    out.wide[i], out.wide[j] = out.wide[j], out.wide[i]
