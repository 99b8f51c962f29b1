"""Bring a square of raw pixels and labels to the size of a chip: scaled, resampled, turned.

Pixels are means of raw ones, with weights that fall off linearly; labels are those of the nearest.
Source: `torch.nn.functional.interpolate(mode="bilinear", antialias=True)`, whose results these are
but for the rounding.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoseg.kernels.compiled import helper, kernel
from geoseg.learning.scaling import GREY, scaled_pixel

UPSIDE_DOWN, LEFT_RIGHT, TRANSPOSED = 1, 2, 4
"""Bits of a turn: rows in the other order, columns in the other order, then columns as rows."""
TURNS = 8
"""Turns and mirrorings of a square (the group D4)."""
BLOCK = 16
"""Rows that become columns at once: as many float32 numbers as a line of the cache holds."""
f4 = np.float32
"""In a kernel a plain number would make all it meets float64."""


class Room(NamedTuple):
    """Memory in which a square is resampled."""

    first: NDArray[np.int64]
    """(size,) first raw pixel, of a row or column, that a pixel of the chip is made of."""
    weights: NDArray[np.float32]
    """(size, taps) of it and the next ones."""
    rows: NDArray[np.float32]
    """(taps, side) scaled; the next row takes the place of the oldest."""
    block: NDArray[np.float32]
    """(BLOCK, the larger of side and size)."""
    columns: NDArray[np.float32]
    """(side, size) the square's columns as rows, each as long as a chip's."""


def room_for(side: int, size: int) -> Room:
    """Make room for a square of `side` raw pixels that becomes a chip of `size`."""
    taps = 1 if side == size else min(side, math.ceil(2 * max(side / size, 1.0)))
    shapes = (size, taps), (taps, side), (BLOCK, max(side, size)), (side, size)
    return Room(np.empty(size, np.int64), *(np.empty(one, np.float32) for one in shapes))


@helper
def find_weights(side, room):
    """Find for each pixel of the chip the first raw one under it, and the weights from there on."""
    size, taps = room.weights.shape
    ratio = side / size
    reach = max(ratio, 1.0)
    for i in range(size):
        middle = (i + 0.5) * ratio
        first = max(0, min(side - taps, int(math.floor(middle - reach + 0.5))))
        room.first[i] = first
        total = 0.0
        for k in range(taps):
            total += max(0.0, 1.0 - abs(first + k + 0.5 - middle) / reach)
        for k in range(taps):
            weight = max(0.0, 1.0 - abs(first + k + 0.5 - middle) / reach)
            room.weights[i, k] = f4(weight / total)


@helper
def scale_row(raw, valid, span, row):
    """Scale a row of raw pixels, as `scaled` does."""
    low, high = span
    for x in range(len(raw)):
        value = scaled_pixel(f4(raw[x]), low, high)
        row[x] = value if valid[x] else f4(GREY)


@helper
def add_rows(rows, first, weights, mean):
    """Sum up rows by their weights, from a first one on; after the last one comes number 0."""
    n, width = rows.shape
    taps = len(weights)
    one, weight = rows[first % n], weights[0]
    if taps % 2:
        for x in range(width):
            mean[x] = weight * one[x]
    else:
        two, other = rows[(first + 1) % n], weights[1]
        for x in range(width):
            mean[x] = weight * one[x] + other * two[x]
    for k in range(2 - taps % 2, taps, 2):  # two at a time: half the ways to memory
        one, weight = rows[(first + k) % n], weights[k]
        two, other = rows[(first + k + 1) % n], weights[k + 1]
        for x in range(width):
            mean[x] += weight * one[x] + other * two[x]


@helper
def transpose(block, n, at, columns):
    """Write `n` rows of a block as columns, from the column `at` on."""
    for x in range(len(columns)):
        if n == BLOCK:
            column = columns[x, at:at + BLOCK]
            for k in range(BLOCK):
                column[k] = block[k, x]
        else:
            for k in range(n):
                columns[x, at + k] = block[k, x]


@helper
def make_columns(raw, valid, span, flip, room):
    """Scale the rows of a square, resample them to those of the chip, and make them columns."""
    size, taps = room.weights.shape
    done = 0
    for start in range(0, size, BLOCK):
        n = min(BLOCK, size - start)
        for k in range(n):
            first = room.first[start + k]
            while done < first + taps:
                scale_row(raw[done], valid[done], span, room.rows[done % taps])
                done += 1
            to = n - 1 - k if flip else k
            add_rows(room.rows, first, room.weights[start + k], room.block[to])
        transpose(room.block, n, size - start - n if flip else start, room.columns)


@helper
def make_chip(flip, is_transposed, room, chip):
    """Resample the columns, and write them as the chip's columns or as its rows."""
    size = len(chip)
    for start in range(0, size, BLOCK):
        n = min(BLOCK, size - start)
        at = size - start - n if flip else start
        for k in range(n):
            first, weights = room.first[start + k], room.weights[start + k]
            to = n - 1 - k if flip else k
            target = chip[at + to] if is_transposed else room.block[to]
            add_rows(room.columns, first, weights, target)
        if not is_transposed:
            transpose(room.block, n, at, chip)


@kernel
def resample(raw, valid, ranges, turn, room, chip):
    """Scale, resample and turn the pixels of a chip.

    Args:
        raw: (bands, side, side).
        valid: (side, side) bool.
        ranges: (bands, 2) float32, the raw values that become 0 and 1.
        turn: 0 to 7, bits of UPSIDE_DOWN, LEFT_RIGHT and TRANSPOSED.
        room: for this side.
        chip: (bands, size, size) float32; is filled.
    """
    find_weights(len(valid), room)
    for band in range(len(raw)):
        span = ranges[band, 0], ranges[band, 1]
        make_columns(raw[band], valid, span, turn & UPSIDE_DOWN > 0, room)
        make_chip(turn & LEFT_RIGHT > 0, turn & TRANSPOSED > 0, room, chip[band])


@kernel
def nearest(labels, valid, turn, first, seen, known):
    """Take the nearest label of each pixel of a chip, turned, and whether there is data.

    Args:
        labels: (side, side) int32.
        valid: (side, side) bool.
        turn: as in `resample`.
        first: (2, size) uint32, room.
        seen: (size + 2, size + 2) int32; is filled but for a frame of one pixel.
        known: (size, size) bool; is filled.
    """
    side, size = len(labels), len(known)
    for i in range(size):
        at = np.uint32((i + 0.5) * side / size)
        first[0, size - 1 - i if turn & UPSIDE_DOWN else i] = at
        first[1, size - 1 - i if turn & LEFT_RIGHT else i] = at
    rows, cols = first[0], first[1]
    for y in range(size):
        line, there = seen[y + 1, 1:], known[y]
        if turn & TRANSPOSED:
            col = cols[y]
            for x in range(size):
                line[x] = labels[rows[x], col]
                there[x] = valid[rows[x], col]
        else:
            label, data = labels[rows[y]], valid[rows[y]]
            for x in range(size):
                line[x] = label[cols[x]]
                there[x] = data[cols[x]]
