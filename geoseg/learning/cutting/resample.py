"""Bring a square of raw pixels and labels to the size of a chip: scaled, resampled, turned.

Pixels are means of raw ones, with weights that fall off linearly; labels are those of the nearest.
Source: `torch.nn.functional.interpolate(mode="bilinear", antialias=True)`, whose results these are
but for the rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from geoseg.kernels.compiled import helper, instruction
from geoseg.learning.cutting.numbers import f4
from geoseg.learning.cutting.rasters import BOOL, INT16, INT32, UINT8, UINT16, item, row_of
from geoseg.learning.scaling import GREY, scaled_pixel

UPSIDE_DOWN, LEFT_RIGHT, TRANSPOSED = 1, 2, 4
"""Bits of a turn: rows in the other order, columns in the other order, then columns as rows."""
TURNS = 8
"""Turns and mirrorings of a square (the group D4)."""
BLOCK = 16
"""Rows that become columns at once: as many float32 numbers as a line of the cache holds."""
ALL = -1
"""The ring of rows that are all there; other rings are a power of 2, less 1."""
LANES = 32
"""Numbers that a loop over a row does at once; where there are fewer left, it is slow."""
TILE = 8
"""Rows and columns that are transposed in registers."""


@helper
def most_taps(side, size):
    """Count the raw pixels, of a row or column, that one of the chip is the mean of at most."""
    return int(math.ceil(2 * max(side / size, 1.0)))


@helper
def whole(side):
    """Round up to whole LANES."""
    return (side + LANES - 1) // LANES * LANES


@helper
def find_weights(side, taps, first, weights):
    """Find for each pixel of the chip the first raw one under it, and the weights from there on."""
    size = len(first)
    ratio = side / size
    reach = max(ratio, 1.0)
    for i in range(size):
        middle = (i + 0.5) * ratio
        start = max(0, min(side - taps, int(math.floor(middle - reach + 0.5))))
        first[i] = start
        total = 0.0
        for k in range(taps):
            total += max(0.0, 1.0 - abs(start + k + 0.5 - middle) / reach)
        for k in range(taps):
            weight = max(0.0, 1.0 - abs(start + k + 0.5 - middle) / reach)
            weights[i, k] = f4(weight / total)


@helper
def scale_row(raw, like, valid, span, row):
    """Scale a row of raw pixels of the kind of `like`, as `scaled` does."""
    low, high = span
    for x in range(len(row)):
        value = scaled_pixel(f4(item(raw, x, like)), low, high)
        row[x] = value if item(valid, x, np.uint8(0)) else f4(GREY)


@helper
def scale_any_row(raw, kind, valid, span, row):
    """Scale a row of raw pixels."""
    if kind == UINT8 or kind == BOOL:
        scale_row(raw, np.uint8(0), valid, span, row)
    elif kind == UINT16:
        scale_row(raw, np.uint16(0), valid, span, row)
    elif kind == INT16:
        scale_row(raw, np.int16(0), valid, span, row)
    elif kind == INT32:
        scale_row(raw, np.int32(0), valid, span, row)
    else:
        scale_row(raw, f4(0), valid, span, row)


@helper
def add_rows(rows, ring, first, weights, mean):
    """Sum up rows by their weights, from a first one on; their numbers are taken modulo a ring."""
    taps, width = len(weights), len(mean)
    for k in range(0, taps, 4):  # four at a time: a quarter of the ways to memory
        a, u = rows[(first + k) & ring], weights[k]
        b, v = tap(rows, ring, first, weights, k + 1)
        c, w = tap(rows, ring, first, weights, k + 2)
        d, z = tap(rows, ring, first, weights, k + 3)
        if k > 0:
            for x in range(width):
                mean[x] += (u * a[x] + v * b[x]) + (w * c[x] + z * d[x])
        elif taps > 2:
            for x in range(width):
                mean[x] = (u * a[x] + v * b[x]) + (w * c[x] + z * d[x])
        else:
            for x in range(width):
                mean[x] = u * a[x] + v * b[x]


@helper
def tap(rows, ring, first, weights, k):
    """Give a row of a sum and its weight; beyond the last, that one again, without weight."""
    last = len(weights) - 1
    weight = weights[k] if k <= last else f4(0)
    return rows[(first + min(k, last)) & ring], weight


@instruction
def transpose_tile(context, source, at, pitch, target, to, target_pitch):
    """Transpose TILE x TILE numbers, from one place on to another one, in registers.

    Source: Eklundh, A fast computer method for matrix transposing, 1972: quarters change places,
    then quarters of these.
    """
    from llvmlite import ir
    from numba.core import types
    from numba.np.arrayobj import make_array

    index = ir.VectorType(ir.IntType(32), TILE)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(context.get_data_type(source.dtype), TILE)

        def place(number: int, row: int) -> Any:
            data = make_array(signature.args[number])(context, builder, arguments[number]).data
            rows = builder.mul(arguments[number + 2], ir.Constant(ir.IntType(64), row))
            first = builder.gep(data, [builder.add(arguments[number + 1], rows)])
            return builder.bitcast(first, kind.as_pointer())

        rows = [builder.load(place(0, row), align=4) for row in range(TILE)]
        for step in (4, 2, 1):
            for one in range(TILE):
                if not one & step:
                    pair = rows[one], rows[one + step]
                    for row, shift in ((one, 0), (one + step, step)):
                        lanes = [
                            TILE + j - step + shift if j & step else j + shift for j in range(TILE)
                        ]
                        rows[row] = builder.shuffle_vector(*pair, ir.Constant(index, lanes))
        for row in range(TILE):
            builder.store(rows[row], place(3, row), align=4)
        return context.get_dummy_value()

    number = types.int64
    return types.void(source, number, number, target, number, number), code


@helper
def transpose(block, n, at, columns):
    """Write `n` rows of a block as columns, from the column `at` on."""
    width, pitch, size = len(columns), block.shape[1], columns.shape[1]
    done = 0
    if n == BLOCK:
        done = width - width % TILE
        for x in range(0, done, TILE):
            for k in range(0, BLOCK, TILE):
                transpose_tile(block, k * pitch + x, pitch, columns, x * size + at + k, size)
    for x in range(done, width):
        for k in range(n):
            columns[x, at + k] = block[k, x]


@helper
def make_columns(image, band, valid, side, flip, taps, ranges, room):
    """Scale the rows of a square, resample them to those of the chip, and make them columns."""
    size, wide = len(room.first), whole(side)
    span = ranges[band, 0], ranges[band, 1]
    ring, done = len(room.rows) - 1, 0
    for start in range(0, size, BLOCK):
        n = min(BLOCK, size - start)
        for k in range(n):
            first = room.first[start + k]
            while done < first + taps:
                raw, good = row_of(image, band, done), row_of(valid, 0, done)
                scale_any_row(raw, image.kind, good, span, room.rows[done & ring, :side])
                done += 1
            to = n - 1 - k if flip else k
            weights = room.weights[start + k, :taps]
            add_rows(room.rows, ring, first, weights, room.block[to, :wide])
        at = size - start - n if flip else start
        transpose(room.block, n, at, room.columns[:side])


@helper
def make_band(flip, is_transposed, taps, room, chip):
    """Resample the columns, and write them as the chip's columns or as its rows."""
    size = len(chip)
    for start in range(0, size, BLOCK):
        n = min(BLOCK, size - start)
        at = size - start - n if flip else start
        for k in range(n):
            first, weights = room.first[start + k], room.weights[start + k, :taps]
            to = n - 1 - k if flip else k
            target = chip[at + to] if is_transposed else room.block[to, :size]
            add_rows(room.columns, ALL, first, weights, target)
        if not is_transposed:
            transpose(room.block, n, at, chip)


@helper
def resample(image, valid, side, ranges, turn, number, room):
    """Scale, resample and turn the pixels of a chip.

    Args:
        image: raster of (bands, side, side).
        valid: raster of (side, side) bool.
        side: of the square.
        ranges: (bands, 2) float32, the raw values that become 0 and 1.
        turn: 0 to 7, bits of UPSIDE_DOWN, LEFT_RIGHT and TRANSPOSED.
        number: of the chip in the batch.
        room: that is filled.
    """
    size = len(room.first)
    taps = 1 if side == size else min(side, most_taps(side, size))
    find_weights(side, taps, room.first, room.weights)
    for band in range(len(ranges)):
        make_columns(image, band, valid, side, turn & UPSIDE_DOWN > 0, taps, ranges, room)
        chip = room.pixels[number, band]
        make_band(turn & LEFT_RIGHT > 0, turn & TRANSPOSED > 0, taps, room, chip)


@helper
def gather(raster, like, places, is_transposed, block, frame, target):
    """Take numbers of the kind of `like` by rows and columns, into a target that has a frame."""
    rows, cols = places[0], places[1]
    size = len(rows)
    for start in range(0, size, BLOCK):
        n = min(BLOCK, size - start)
        for k in range(n):
            here = row_of(raster, 0, rows[start + k])
            there = block[k] if is_transposed else target[start + k, frame:]
            for x in range(size):
                there[x] = item(here, cols[x], like)
        if is_transposed:
            transpose(block, n, start + frame, target)


@helper
def take_nearest(labels, valid, side, turn, room):
    """Take the nearest label of each pixel of a chip, turned, and whether there is data.

    Args:
        labels: raster of (side, side) int32.
        valid: raster of (side, side) bool.
        side: of the square.
        turn: as in `resample`.
        room: that is filled.
    """
    size = len(room.known)
    for i in range(size):
        at = int((i + 0.5) * side / size)
        room.places[0, size - 1 - i if turn & UPSIDE_DOWN else i] = at
        room.places[1, size - 1 - i if turn & LEFT_RIGHT else i] = at
    is_transposed = turn & TRANSPOSED > 0
    gather(labels, np.int32(0), room.places, is_transposed, room.few, 1, room.labels[1:-1])
    gather(valid, np.uint8(0), room.places, is_transposed, room.few, 0, room.known)
