"""Write a 3x3 convolution and ReLU in LLVM's language, of no processor in particular.

Pixels are (rows, cols, channels) float32. A tile of 4 x 4 outputs comes from 6 x 6 pixels, which
are turned into 36 points. A block of tiles is turned at a time; then each point of all of them is
multiplied by its own matrix of (channels, filters), and all are turned back. What a block needs
stays in the second cache.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016, F(4 x 4, 3 x 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llvmlite import ir

from geoseg.learning.convolution.llvm_writer import INT, NUMBER, Value, Writer

NAME = "geoseg_winograd"
"""The function; it takes `ADDRESSES` and then `INTEGERS`."""
TILE, PATCH = 4, 6
"""Outputs of a tile, and pixels that they are made from, along a side."""
BLOCK = 24
"""Tiles; with 256 channels their points outgrow a cache of 1 MiB, with less the matrices would have
to be fetched too often."""
FILTERS = 16
"""Channels and filters are multiples of this: the sums of so many filters stay in registers."""
PADDING = 16
"""Numbers between the points of a block: without, they would share the same lines of the cache."""
ADDRESSES = {
    "pixels": "(rows, pixels_cols, channels)",
    "coarse": "(rows, coarse_cols, coarse_channels): each pixel counts as four",
    "out": "(rows, cols, filters), written",
    "matrices": "(36, filters / 16, channels + coarse_channels, 16)",
    "bias": "(filters,)",
    "scratch": "`scratch_size` numbers",
}
"""Arguments: where float32 numbers are."""
INTEGERS = {
    "pixels_cols": "columns of pixels",
    "pixels_offset": "row and column of pixels that is the first corner of the first patch",
    "channels": "a multiple of 16",
    "coarse_cols": "columns of coarse",
    "coarse_offset": "the same corner in coarse, in pixels of half the size",
    "coarse_channels": "a multiple of 16, or 0",
    "cols": "of out, a multiple of 4",
    "filters": "a multiple of 16",
    "start": "first row of tiles to make",
    "stop": "the row of tiles after the last one",
}
"""Arguments after those, int64."""


def scratch_size(channels: int, filters: int) -> int:
    """Count the float32 numbers of scratch space for a convolution, coarse channels included."""
    return PATCH**2 * (BLOCK * (channels + filters) + 2 * PADDING)


def write(lanes: int) -> str:
    """Write the module.

    Args:
        lanes: numbers in a register, 8 or 16. The results are the same to the last bit.
    """
    module = ir.Module("winograd")
    vector = ir.VectorType(NUMBER, lanes)
    parts = _take(module, vector), multiply(module, vector), _give(module, vector)
    _convolve(module, vector, *parts)
    return str(module)


def turned(code: Writer, pixels: Sequence[Value]) -> list[Value]:
    """Turn six pixels into six points: the paper's B^T."""
    add, subtract, fma = code.build.fadd, code.build.fsub, code.plus_times
    zero, one, two, three, four, five = pixels
    even, odd = fma(-4, two, four), fma(-4, one, three)
    near, far = subtract(four, two), subtract(three, one)
    return [
        fma(4, zero, fma(-5, two, four)),
        add(even, odd), subtract(even, odd),
        fma(2, far, near), fma(-2, far, near),
        fma(4, one, fma(-5, three, five)),
    ]


def turned_back(code: Writer, points: Sequence[Value]) -> list[Value]:
    """Turn six points into four outputs: the paper's A^T."""
    add, subtract, fma = code.build.fadd, code.build.fsub, code.plus_times
    first, one, two, three, four, last = points
    near, far = add(one, two), add(three, four)
    tilt, steep = subtract(one, two), subtract(three, four)
    return [
        add(add(first, near), far), fma(2, steep, tilt),
        fma(4, far, near), add(fma(8, steep, tilt), last),
    ]


def both_ways(
    code: Writer, turn: Callable[[Writer, Sequence[Value]], Sequence[Value]],
    square: Sequence[Sequence[Value]],
) -> Iterator[tuple[int, int, Value]]:
    """Turn each column of a square, then each row of what came of it.

    Args:
        code: that is written.
        turn: makes some vectors of some.
        square: rows of addresses of vectors.

    Yields:
        Row, column and vector.
    """
    columns = [turn(code, [code.load(one) for one in column]) for column in zip(*square)]
    for i, row in enumerate(zip(*columns)):
        for j, one in enumerate(turn(code, row)):
            yield i, j, one


def square_at(code: Writer, first: Value, step: Value, side: int) -> list[list[Value]]:
    """Give the addresses of a square whose vectors follow each other by a step."""
    return [
        [code.at(first, code.times(step, i * side + j)) for j in range(side)] for i in range(side)
    ]


def _take(module: ir.Module, vector: ir.VectorType) -> ir.Function:
    """Write the step from pixels to points, of some tiles of a row of tiles."""
    code = Writer(
        module, "take", vector, "pixels points",
        "cols offset channels shift row start stop tile plane",
    )
    build, times = code.build, code.times
    pixels, points, cols, offset, channels, shift = code[
        "pixels points cols offset channels shift"
    ]
    row, start, stop, tile, plane = code["row start stop tile plane"]

    def six(first: Value) -> list[Value]:
        corner = build.add(times(first, TILE), offset)
        return [build.ashr(build.add(corner, INT(i)), shift) for i in range(PATCH)]

    lines = [code.at(pixels, times(y, cols, channels)) for y in six(row)]
    with code.loop(start, stop) as col:
        places = [times(x, channels) for x in six(col)]
        target = code.at(points, times(build.sub(col, start), tile))
        with code.loop(0, channels, vector.count) as channel:
            square = [[code.at(line, place, channel) for place in places] for line in lines]
            for i, j, point in both_ways(code, turned, square):
                code.store(point, code.at(target, channel, times(plane, i * PATCH + j)))
    build.ret_void()
    return code.function


def multiply(module: ir.Module, vector: ir.VectorType) -> ir.Function:
    """Write the product of the points of some tiles with the matrices."""
    code = Writer(
        module, "multiply", vector, "points matrices products",
        "tiles channels filters plane filters_plane",
    )
    points, matrices, products, tiles, channels, filters = code[
        "points matrices products tiles channels filters"
    ]
    plane, filters_plane = code["plane filters_plane"]
    at, times = code.at, code.times
    at_once = 12 * vector.count // FILTERS  # twelve registers of sums: x86 has 16, and 32 of 16
    with code.loop(0, PATCH**2) as point:
        matrix = at(matrices, times(point, channels, filters))
        own, product = at(points, times(point, plane)), at(products, times(point, filters_plane))
        with code.loop(0, filters, FILTERS) as first, code.loop(0, tiles, at_once) as tile:
            column = at(matrix, times(first, channels))
            sums = _sums(code, at(own, times(tile, channels)), column, at_once)
            for i, line in enumerate(sums):
                target = at(product, times(code.build.add(tile, INT(i)), filters), first)
                for j, one in enumerate(line):
                    code.store(one, at(target, j * vector.count))
    code.build.ret_void()
    return code.function


def _sums(code: Writer, points: Value, column: Value, tiles: int) -> list[list[Value]]:
    """Sum over the channels, for some tiles and `FILTERS` filters, in the order of the channels."""
    (channels,), lanes = code["channels"], code.vector.count
    at, times, row = code.at, code.times, FILTERS // code.vector.count

    def added(channel: Value, sums: list[Value]) -> list[Value]:
        line = at(column, times(channel, FILTERS))
        weights = [code.load(at(line, j)) for j in range(0, FILTERS, lanes)]
        pairs = [
            (code.spread(code.build.load(at(points, channel, times(channels, i)))), weight)
            for i in range(tiles) for weight in weights
        ]
        return [code.plus_times(*pair, one) for pair, one in zip(pairs, sums)]

    sums = code.fold(0, channels, [code.spread(0)] * tiles * row, added)
    return [sums[i : i + row] for i in range(0, len(sums), row)]


def _give(module: ir.Module, vector: ir.VectorType) -> ir.Function:
    """Write the step from products to outputs, of some tiles of a row of tiles."""
    code = Writer(
        module, "give", vector, "products out bias",
        "cols filters row start stop plane",
    )
    build, at, times = code.build, code.at, code.times
    products, out, cols, filters, row = code["products out cols filters row"]
    start, stop, plane = code["start stop plane"]
    with code.loop(start, stop) as col:
        own = at(products, times(build.sub(col, start), filters))
        corner = build.add(times(row, TILE, cols), times(col, TILE))
        target = at(out, times(corner, filters))
        with code.loop(0, filters, vector.count) as first:
            bias = code.load(at(*code["bias"], first))
            square = square_at(code, at(own, first), plane, PATCH)
            for i, j, one in both_ways(code, turned_back, square):
                place = times(build.add(times(cols, i), INT(j)), filters)
                code.store(code.relu(build.fadd(one, bias)), at(target, place, first))
    build.ret_void()
    return code.function


def _convolve(
    module: ir.Module, vector: ir.VectorType, take: ir.Function, multiply: ir.Function,
    give: ir.Function,
) -> None:
    """Write the whole, over rows of tiles; see `ADDRESSES` and `INTEGERS`."""
    code = Writer(module, NAME, vector, " ".join(ADDRESSES), " ".join(INTEGERS))
    code.function.linkage = ""
    build, at, times = code.build, code.at, code.times
    pixels, coarse, out, points = code["pixels coarse out scratch"]
    channels, more, cols, filters = code["channels coarse_channels cols filters"]
    tile = build.add(channels, more)
    plane = build.add(times(tile, BLOCK), INT(PADDING))
    filters_plane = build.add(times(filters, BLOCK), INT(PADDING))
    products = at(points, times(plane, PATCH**2))
    across = build.sdiv(cols, INT(TILE))
    with code.loop(*code["start stop"]) as row, code.loop(0, across, BLOCK) as start:
        stop = build.add(start, INT(BLOCK))
        stop = build.select(build.icmp_signed("<", stop, across), stop, across)
        place = [row, start, stop]
        build.call(take, [
            pixels, points, *code["pixels_cols pixels_offset"], channels, INT(0), *place, tile,
            plane,
        ])
        build.call(take, [
            coarse, at(points, channels), *code["coarse_cols coarse_offset"], more, INT(1),
            *place, tile, plane,
        ])
        build.call(multiply, [
            points, *code["matrices"], products, build.sub(stop, start), tile, filters, plane,
            filters_plane,
        ])
        build.call(give, [
            products, out, *code["bias"], cols, filters, *place, filters_plane
        ])
    build.ret_void()
