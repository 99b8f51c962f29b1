"""Run pieces of machine code on the threads that torch has: threads of one's own would disturb.

After each operation torch's threads wait for the next one for a while, and keep the processors busy
with it. Where torch's OpenMP is not GNU's, as on macOS and Windows, there is a pool of threads.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import ModuleType

import torch
from llvmlite import ir
from torch import Tensor

from geoseg import object_code
from geoseg.learning.convolution import llvm_writer, winograd, winograd_code

ARRAYS, NUMBERS = 3, 6
"""Arguments of a piece: so many addresses of float32, one of scratch space, so many int64."""
HEAD = 5
"""int64 before the pieces: the next one, their count, the next thread, scratch space, its size."""
PIECE = 1 + ARRAYS + NUMBERS
"""int64 of a piece: the function and its arguments."""
VERSION = "1"
"""Of what `write` gives."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A call that may be made in any thread and in any order."""

    function: int
    """Its address; it takes `ARRAYS` addresses, scratch space and `NUMBERS` integers."""
    arrays: Sequence[Tensor]
    """float32; they live until it is done."""
    numbers: Sequence[int]
    """int64."""


def run(pieces: Sequence[Piece], scratch: int = 0) -> None:
    """Do all pieces, each in the first thread that is free.

    Args:
        pieces: that do not write the same numbers.
        scratch: float32 numbers of scratch space for a thread.
    """
    threads = min(torch.get_num_threads(), len(pieces))
    room = torch.empty(threads * scratch)
    head = [0, len(pieces), 0, room.data_ptr(), scratch * room.element_size()]
    calls = [(one.function, *map(Tensor.data_ptr, one.arrays), *one.numbers) for one in pieces]
    table = array("q", chain(head, *calls))
    place, _ = table.buffer_info()
    (address, work), at_once = _worker(), _openmp()
    if threads <= 1:
        work(place)
    elif at_once is not None:
        at_once(address, place, threads, 0)
    else:
        list(_pool(threads).map(work, [place] * threads))


def pieces(
    source: ModuleType, name: str, arrays: Sequence[Tensor], numbers: Sequence[int],
    parts: Iterable[tuple[int, int]],
) -> list[Piece]:
    """Cut the work of a function into pieces.

    Args:
        source: the module whose `write` writes it.
        name: of the function.
        arrays: at most `ARRAYS`.
        numbers: all but the last two.
        parts: these, the start and the stop of each piece.
    """
    function = _function(source, name, winograd.lanes())
    arrays = [*arrays, *[arrays[0]] * (ARRAYS - len(arrays))]
    return [Piece(function, arrays, (*numbers, *part)) for part in parts]


def parted(count: int, grain: int = 1, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Part a number among torch's threads, in multiples of grain and at most so many at a time."""
    step = -(-count // (torch.get_num_threads() * grain)) * grain
    step = step if most is None else min(step, most)
    for start in range(0, count, step):
        yield start, min(start + step, count)


@functools.cache
def _function(source: ModuleType, name: str, lanes: int) -> int:
    files = [Path(one.__file__) for one in (source, winograd_code, llvm_writer)]
    digest = hashlib.sha256(b"".join(one.read_bytes() for one in files)).hexdigest()[:16]
    return object_code.address(name, f"{digest}.{lanes}", lambda: source.write(name, lanes))


@functools.cache
def _openmp() -> Callable[[int, int, int, int], None] | None:
    """Find what starts GNU's OpenMP threads, in the library that torch has loaded."""
    folder = Path(torch.__file__).parent
    for place in (folder / "lib", folder.with_name("torch.libs")):
        for path in sorted(place.glob("libgomp*.so*")):
            try:
                library = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD | os.RTLD_NOW)
            except OSError:
                continue
            start = library.GOMP_parallel
            start.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
            start.restype = None
            return start
    return None


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "team")


@functools.cache
def _worker() -> tuple[int, Callable[[int], None]]:
    address = object_code.address("geoseg_work", VERSION, write)
    return address, ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)


def write() -> str:
    """Write the function that a thread runs: one piece of a table after another."""
    module, number = ir.Module("team"), ir.IntType(64)
    address = number.as_pointer()
    work = ir.Function(module, ir.FunctionType(ir.VoidType(), [address]), "geoseg_work")
    table, = work.args
    blocks = [work.append_basic_block() for _ in range(4)]
    build = ir.IRBuilder(blocks[0])

    def item(base: ir.Value, index: int) -> ir.Value:
        return build.gep(base, [number(index)])

    thread = build.atomic_rmw("add", item(table, 2), number(1), "monotonic")
    room = build.mul(thread, build.load(item(table, 4)))
    room = build.add(build.load(item(table, 3)), room)
    count = build.load(item(table, 1))
    build.branch(blocks[1])
    build.position_at_end(blocks[1])
    piece = build.atomic_rmw("add", table, number(1), "monotonic")
    build.cbranch(build.icmp_signed("<", piece, count), blocks[2], blocks[3])
    build.position_at_end(blocks[2])
    first = build.gep(item(table, HEAD), [build.mul(piece, number(PIECE))])
    function, *values = [build.load(item(first, i)) for i in range(PIECE)]
    kind = ir.FunctionType(ir.VoidType(), [number] * PIECE).as_pointer()
    arguments = [*values[:ARRAYS], room, *values[ARRAYS:]]
    build.call(build.inttoptr(function, kind), arguments)
    build.branch(blocks[1])
    build.position_at_end(blocks[3])
    build.ret_void()
    return str(module)
