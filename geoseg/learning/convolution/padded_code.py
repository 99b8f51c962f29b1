"""Write a 3x3 convolution with zeros around its input, and its gradients, in LLVM's language.

Pixels are (n, rows, cols, channels) float32, of any number of rows and columns. Tiles of 4 x 4
outputs are counted over all images, row by row; the last ones may stand out at the right and below.
A block of them goes through the steps of `winograd_code` at a time. The gradient of the pixels is
the same convolution with the kernels turned round. That of the kernels takes the steps backwards:
gradients of 4 x 4 outputs become 36 points, each is multiplied by the same point of the pixels, and
the products of all tiles are summed.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, F(4 x 4, 3 x 3).
Departs: for the gradient of the kernels they have F(3 x 3, 4 x 4), with points of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from geoseg.learning.convolution.llvm_writer import INT, NUMBER, Value, Writer
from geoseg.learning.convolution.winograd_code import (
    BLOCK,
    FILTERS,
    PADDING,
    PATCH,
    TILE,
    both_ways,
    multiply,
    square_at,
    turned,
    turned_back,
)

CHANNELS = 4
"""Whose products with `FILTERS` filters are summed at a time: they stay in registers."""
CONVOLVE, COMPARE = "geoseg_convolve", "geoseg_compare"
"""The functions: outputs of pixels, and sums of products of pixels and gradients."""
ADDRESSES = {
    "pixels": "(n, rows, cols, channels)",
    "filtered": "(n, rows, cols, filters): outputs, written, or their gradients",
    "matrices": "(36, filters / 16, channels, 16): of the kernels, or sums, written",
    "scratch": "`scratch_size` numbers",
}
"""Arguments: where float32 numbers are."""
INTEGERS = "rows cols channels filters start stop"
"""Arguments after those, int64: the sides of an image; multiples of 16; tiles."""

Turn = Callable[[Writer, Sequence[Value]], list[Value]]


def scratch_size(channels: int, filters: int) -> int:
    """Count the float32 numbers of scratch space."""
    return PATCH**2 * (BLOCK * (channels + filters) + 2 * PADDING + max(channels, filters))


def write(name: str, lanes: int) -> str:
    """Write the module of a function.

    Args:
        name: `CONVOLVE` or `COMPARE`.
        lanes: numbers in a register, 8 or 16. The results are the same to the last bit.
    """
    module, vector = ir.Module(name), ir.VectorType(NUMBER, lanes)
    take = _take(module, vector, PATCH, turned)
    if name == CONVOLVE:
        steps = [take, multiply(module, vector), _give(module, vector)]
    else:
        steps = [take, _take(module, vector, TILE, _spread), _collect(module, vector)]
    code = Writer(module, name, vector, " ".join(ADDRESSES), INTEGERS)
    code.function.linkage = ""
    build, at, times = code.build, code.at, code.times
    pixels, filtered, matrices, points = code["pixels filtered matrices scratch"]
    channels, filters, start, stop = code["channels filters start stop"]
    plane, filters_plane = (
        build.add(times(one, BLOCK), INT(PADDING)) for one in (channels, filters)
    )
    products = at(points, times(plane, PATCH**2))
    patch = at(products, times(filters_plane, PATCH**2))
    with code.loop(start, stop, BLOCK) as first:
        last = code.least(build.add(first, INT(BLOCK)), stop)
        place = [patch, *code["rows cols"], first, last]
        left = [pixels, points, *place, channels, plane]
        right = [filtered, products, *place, filters, filters_plane]
        middle = [points, matrices, products, build.sub(last, first), channels, filters]
        middle += [plane, filters_plane]
        if name == CONVOLVE:
            calls = left, middle, right
        else:
            is_first = build.icmp_signed("==", first, start)
            calls = left, right, [*middle, build.zext(is_first, INT)]
        for step, arguments in zip(steps, calls):
            build.call(step, arguments)
    build.ret_void()
    return str(module)


def _spread(code: Writer, four: Sequence[Value]) -> list[Value]:
    """Turn the gradients of four outputs into those of six points: A, where A^T is the paper's."""
    add, subtract, fma = code.build.fadd, code.build.fsub, code.plus_times
    zero, one, two, three = four
    even, odd = add(zero, two), add(one, three)
    far, steep = fma(4, two, zero), fma(4, three, one)
    return [
        zero, add(even, odd), subtract(even, odd), fma(2, steep, far), fma(-2, steep, far), three,
    ]


def _corner(code: Writer, tile: Value) -> tuple[Value, Value, Value]:
    """Give the image of a tile, and the row and column of its first output."""
    build, (rows, cols) = code.build, code["rows cols"]
    down, across = (
        build.sdiv(build.add(side, INT(TILE - 1)), INT(TILE)) for side in (rows, cols)
    )
    line = build.sdiv(tile, across)
    row, col = build.srem(line, down), build.srem(tile, across)
    return build.sdiv(line, down), code.times(row, TILE), code.times(col, TILE)


def _take(module: ir.Module, vector: ir.VectorType, size: int, turn: Turn) -> ir.Function:
    """Write the step from pixels to points: squares of some size, a tile in their middle."""
    code = Writer(
        module, f"take_{size}", vector, "pixels points patch", "rows cols start stop channels plane"
    )
    build, times, at = code.build, code.times, code.at
    pixels, points, patch, rows, cols = code["pixels points patch rows cols"]
    start, stop, channels, plane = code["start stop channels plane"]
    border = INT((size - TILE) // 2)
    with code.loop(start, stop) as tile:
        image, row, col = _corner(code, tile)
        y, x = build.sub(row, border), build.sub(col, border)
        is_inside = build.and_(_fits(code, y, size, rows), _fits(code, x, size, cols))
        whole = at(pixels, times(image, rows, cols, channels))
        with code.loop(0, build.select(is_inside, INT(0), INT(size))) as i:
            _copy_row(code, whole, (build.add(y, i), x), at(patch, times(i, size, channels)), size)
        inside = at(whole, times(build.add(times(y, cols), x), channels))
        corner = build.select(is_inside, inside, patch)
        stride = times(build.select(is_inside, cols, INT(size)), channels)
        lines = [at(corner, times(stride, i)) for i in range(size)]
        target = at(points, times(build.sub(tile, start), channels))
        with code.loop(0, channels, vector.count) as channel:
            square = [
                [at(line, times(channels, j), channel) for j in range(size)] for line in lines
            ]
            for i, j, point in both_ways(code, turn, square):
                code.store(point, at(target, channel, times(plane, i * PATCH + j)))
    build.ret_void()
    return code.function


def _fits(code: Writer, first: Value, size: int, side: Value) -> Value:
    """Tell whether places from the first on lie between 0 and a side."""
    build = code.build
    last = build.add(first, INT(size))
    return build.and_(
        build.icmp_signed(">=", first, INT(0)), build.icmp_signed("<=", last, side)
    )


def _copy_row(
    code: Writer, image: Value, corner: tuple[Value, Value], target: Value, size: int
) -> None:
    """Copy a row of a square that stands out of the image; zeros are outside."""
    build, (rows, cols, channels) = code.build, code["rows cols channels"]
    y, first = corner
    with code.loop(0, size) as j:
        x = build.add(first, j)
        is_real = build.and_(_fits(code, y, 1, rows), _fits(code, x, 1, cols))
        place = build.select(is_real, build.add(code.times(y, cols), x), INT(0))
        source, goal = code.at(image, code.times(place, channels)), code.times(j, channels)
        with code.loop(0, channels, code.vector.count) as channel:
            value = build.select(is_real, code.load(code.at(source, channel)), code.spread(0))
            code.store(value, code.at(target, goal, channel))


def _give(module: ir.Module, vector: ir.VectorType) -> ir.Function:
    """Write the step from products to outputs; of a tile that stands out, those inside."""
    code = Writer(
        module, "give", vector, "out products patch", "rows cols start stop filters plane"
    )
    build, times, at = code.build, code.times, code.at
    out, products, patch, rows, cols = code["out products patch rows cols"]
    start, stop, filters, plane = code["start stop filters plane"]
    with code.loop(start, stop) as tile:
        image, row, col = _corner(code, tile)
        line = build.add(times(image, rows), row)
        corner = at(out, times(build.add(times(line, cols), col), filters))
        is_inside = build.and_(_fits(code, row, TILE, rows), _fits(code, col, TILE, cols))
        target = build.select(is_inside, corner, patch)
        stride = times(build.select(is_inside, cols, INT(TILE)), filters)
        own = at(products, times(build.sub(tile, start), filters))
        with code.loop(0, filters, vector.count) as first:
            square = square_at(code, at(own, first), plane, PATCH)
            for i, j, one in both_ways(code, turned_back, square):
                code.store(one, at(target, times(stride, i), times(filters, j), first))
        high = code.least(build.sub(rows, row), INT(TILE))
        wide = code.least(build.sub(cols, col), INT(TILE))
        with code.loop(0, build.select(is_inside, INT(0), high)) as i, code.loop(0, wide) as j:
            source = at(patch, times(build.add(times(i, TILE), j), filters))
            target = at(corner, times(build.add(times(i, cols), j), filters))
            with code.loop(0, filters, vector.count) as first:
                code.store(code.load(at(source, first)), at(target, first))
    build.ret_void()
    return code.function


def _collect(module: ir.Module, vector: ir.VectorType) -> ir.Function:
    """Write the sums over tiles of the products of points with points; added to those before."""
    code = Writer(
        module, "collect", vector, "points sums others",
        "tiles channels filters plane filters_plane is_first",
    )
    points, all_sums, others, tiles, channels, filters = code[
        "points sums others tiles channels filters"
    ]
    plane, filters_plane, is_first = code["plane filters_plane is_first"]
    at, times, lanes = code.at, code.times, vector.count
    is_first = code.build.trunc(is_first, ir.IntType(1))
    with code.loop(0, PATCH**2) as point:
        own, other = at(points, times(point, plane)), at(others, times(point, filters_plane))
        place = at(all_sums, times(point, channels, filters))
        with code.loop(0, filters, FILTERS) as first, code.loop(0, channels, CHANNELS) as channel:
            target = at(place, times(channels, first), times(channel, FILTERS))
            places = [at(target, i * lanes) for i in range(CHANNELS * FILTERS // lanes)]
            before = [
                code.build.select(is_first, code.spread(0), code.load(one)) for one in places
            ]
            sums = _products(code, at(own, channel), at(other, first), before)
            for one, where in zip(sums, places):
                code.store(one, where)
    code.build.ret_void()
    return code.function


def _products(code: Writer, own: Value, other: Value, before: list[Value]) -> list[Value]:
    """Add the products of `CHANNELS` numbers with `FILTERS` numbers, in the order of the tiles."""
    tiles, channels, filters = code["tiles channels filters"]

    def added(tile: Value, sums: list[Value]) -> list[Value]:
        line = code.at(other, code.times(tile, filters))
        factors = [code.load(code.at(line, j)) for j in range(0, FILTERS, code.vector.count)]
        numbers = code.at(own, code.times(tile, channels))
        spread = [code.spread(code.build.load(code.at(numbers, i))) for i in range(CHANNELS)]
        pairs = [(number, factor) for number in spread for factor in factors]
        return [code.plus_times(*pair, one) for pair, one in zip(pairs, sums)]

    return code.fold(0, tiles, before, added)
