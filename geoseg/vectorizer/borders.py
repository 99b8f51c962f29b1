"""Measure the borders between labelled regions: sums over pairs of neighbouring pixels.

A *border* is all pairs of 4-neighbours with one pixel in each of two regions. Its statistics add
up (or take the smallest, the largest), so they can be gathered strip by strip in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer.compiled import helper, kernel

EMPTY = -1
"""Key of a free place in a hash table."""
HASH_FACTOR = 0x1E3779B97F4A7C15
"""Odd and large: spreads neighbouring keys over the table (Knuth's multiplicative hash)."""


@dataclass(frozen=True, slots=True)
class Borders:
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
    """(n,) int32, smallest over the pairs of the larger boundary value."""
    wide: np.ndarray
    """(n,) int32, largest over the pairs of the smaller distance: half the width of the pass."""


@helper
def find_place(keys, key):
    """Give the place of the key in an open hash table, or the free place where it belongs."""
    last = keys.size - 1
    place = ((key * HASH_FACTOR) >> 24) & last
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
    total, *small = table[used].T
    return Borders(*_split(keys[used]), total.copy(), *(one.astype(np.int32) for one in small))


def _split(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the two regions of each key."""
    return (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)


def reduce_borders(parts: list[Borders], numbers: np.ndarray, *, first: int = 0) -> Borders:
    """Rename the regions and add up what became one border.

    Args:
        parts: borders over old regions; the list is emptied, since the parts are many.
        numbers: (old regions,) int32, the new region of each from `first` on.
        first: regions below this keep their numbers.
    """
    fields = [_joined([getattr(part, name) for part in parts]) for name in Borders.__slots__]
    parts.clear()
    # Borders are most of the memory of a large scene: each column goes when it has been used.
    one, other = (renamed(fields.pop(0), numbers, first) for _ in range(2))
    keys = (np.minimum(one, other).astype(np.int64) << 32) | np.maximum(one, other)
    apart = one != other
    del one, other
    order = np.argsort(keys, kind="stable")
    order = order[apart[order]]
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: keys.size])
    keys = keys[starts]
    ways = (np.add, np.add, np.minimum, np.maximum)
    merged = [_reduce(way, fields.pop(0)[order], starts) for way in ways]
    return Borders(*_split(keys), *merged)


def _joined(columns: list[np.ndarray]) -> np.ndarray:
    """Join columns; one alone is not copied."""
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def renamed(regions: np.ndarray, numbers: np.ndarray, first: int) -> np.ndarray:
    """Give the new numbers of regions, of which those below `first` keep theirs."""
    if first == 0 or len(numbers) == 0:
        return numbers[regions] if first == 0 else regions
    return np.where(regions >= first, numbers[np.maximum(regions - first, 0)] + first, regions)


def _reduce(way: np.ufunc, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return way.reduceat(values, starts) if starts.size else values[:0]
