"""Words of 64 bits, one for each of as many columns, that kernels count, walk and fill.

What Python has no word for is one instruction here, or a few.
"""

from __future__ import annotations

from typing import Any

from geoseg.kernels.compiled import helper, instruction

SPARE = 8
"""Items that `write_ones` may write beyond those that there are."""


@instruction
def count_ones(context, word):
    """Count the bits of a word that are set."""
    from numba.core import types

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), code


@instruction
def first_one(context, word):
    """Give the number of the lowest bit that is set; 64 where there is none."""
    from llvmlite import ir
    from numba.core import types

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), code


@instruction
def differing(context, one, start, other, other_start):
    """Compare 64 items of two arrays, from a start on in each; a bit is set where they differ."""
    from llvmlite import ir
    from numba.core import types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def items(place: int) -> Any:
            kind = signature.args[place]
            lanes = ir.VectorType(context.get_data_type(kind.dtype), 64)
            data = make_array(kind)(context, builder, arguments[place]).data
            first = builder.gep(data, [arguments[place + 1]])
            size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
            return builder.load(builder.bitcast(first, lanes.as_pointer()), align=size)

        return builder.bitcast(builder.icmp_unsigned("!=", items(0), items(2)), ir.IntType(64))

    return types.int64(one, types.int64, other, types.int64), code


@instruction
def load(context, array, index):
    """Give an item of a contiguous array by its place among all: never checked, nor below 0."""
    from numba.core import types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))

    return array.dtype(array, types.int64), code


@instruction
def store(context, array, index, value):
    """Write an item of a contiguous array, by its place as for `load`."""
    from numba.core import types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, _, given = signature.args
        data = make_array(kind)(context, builder, arguments[0]).data
        item = context.cast(builder, arguments[2], given, kind.dtype)
        builder.store(item, builder.gep(data, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(array, types.int64, value), code


@instruction
def prefetch(context, array, index):
    """Bring an item into the cache, by its place as for `load`; there need not be one."""
    from llvmlite import ir
    from numba.core import types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(call, [place, *(ir.Constant(number, one) for one in (0, 3, 1))])  # to read
        return context.get_dummy_value()

    return types.void(array, types.int64), code


@helper
def up_to(bit):
    """Give a word with all bits up to one, that included."""
    return (2 << bit) - 1


@helper
def write_ones(word, first, places, n):
    """Write the numbers of the bits that are set, counted from `first`; give where they stop.

    Eight at a time are written, whether there are as many or not: how often a loop runs that ends
    with each word is not to be guessed, and a wrong guess costs more.
    """
    if word == 0:
        return n
    stop = n + count_ones(word)
    while True:
        for k in range(SPARE):
            store(places, n + k, first + first_one(word))
            word &= word - 1
        n += SPARE
        if n >= stop:
            return stop
