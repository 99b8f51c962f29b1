"""Write how kernels of 3x3 become 36 points, and gradients of points those of kernels.

In LLVM's language; the convolutions that use the points are in `padded_code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce

from llvmlite import ir

from geoseg.learning.convolution.llvm_writer import NUMBER, Value, Writer
from geoseg.learning.convolution.winograd_code import PATCH, both_ways, square_at

TO_POINTS = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)
"""G of Lavin and Gray, 2016: a kernel's three weights as six points."""
SIDE = 3
"""Weights along a side of a kernel."""
TO_KERNEL = tuple(zip(*TO_POINTS))
"""Its transpose: what six points add to each of three weights' gradients."""
TURN, TURN_BACK = "geoseg_turn", "geoseg_turn_back"
"""The functions. Of their three arrays `TURN` has kernels,
(9, size), and points, (36, size), written; `TURN_BACK` has kernels, written, and sums of points,
(parts, 36, size). The others are not looked at."""
INTEGERS = "size stride parts none start stop"
"""stride: numbers from a weight of the kernels to the next, -size for kernels turned round, whose
address is that of the last weight; start and stop: of size, in multiples of 16."""


def write(name: str, lanes: int) -> str:
    """Write the module of a function.

    Args:
        name: `TURN` or `TURN_BACK`.
        lanes: numbers in a register, 8 or 16. The results are the same to the last bit.
    """
    vector = ir.VectorType(NUMBER, lanes)
    code = Writer(ir.Module(name), name, vector, "kernels points unused scratch", INTEGERS)
    code.function.linkage = ""
    (kernels, points), (size, stride, start, stop) = code["kernels points"], code[
        "size stride start stop"
    ]
    with code.loop(start, stop, lanes) as place:
        weights = square_at(code, code.at(kernels, place), stride, SIDE)
        values = square_at(code, code.at(points, place), size, PATCH)
        if name == TURN:
            _turn(code, weights, values, TO_POINTS)
        else:
            _add_parts(code, values)
            _turn(code, values, weights, TO_KERNEL)
    code.build.ret_void()
    return str(code.module)


def _add_parts(code: Writer, values: list[list[Value]]) -> None:
    """Add the sums of the other parts to those of the first."""
    parts, size = code["parts size"]
    with code.loop(1, parts) as part:
        offset = code.times(part, PATCH**2, size)
        for one in sum(values, []):
            added = code.build.fadd(code.load(one), code.load(code.at(one, offset)))
            code.store(added, one)


def _turn(
    code: Writer, sources: list[list[Value]], targets: list[list[Value]],
    matrix: Sequence[Sequence[float]],
) -> None:
    """Multiply a square by a matrix from the left, and by its transpose from the right."""
    for i, j, one in both_ways(code, partial(_times, matrix), sources):
        code.store(one, targets[i][j])


def _times(matrix: Sequence[Sequence[float]], code: Writer, values: Sequence[Value]) -> list[Value]:
    """Multiply some numbers by a matrix, added up in their order."""
    found = []
    for line in matrix:
        (factor, first), *rest = [pair for pair in zip(line, values) if pair[0]]
        start = code.build.fmul(code.spread(factor), first)
        found.append(reduce(lambda term, pair: code.plus_times(*pair, term), rest, start))
    return found
