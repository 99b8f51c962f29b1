"""Run pieces of machine code on the threads that torch has: threads of one's own would disturb.

After each operation torch's threads wait for the next one for a while, and keep the processors busy
with it. Where torch's OpenMP is not GNU's, as on macOS and Windows, there is a pool of threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from llvmlite import ir
from torch import Tensor

from geoseg import object_code

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
    calls = (
        (one.function, *(array.data_ptr() for array in one.arrays), *one.numbers) for one in pieces
    )
    table = torch.tensor([*head, *chain.from_iterable(calls)], dtype=torch.int64)
    address, at_once = _worker(), _openmp()
    work = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
    if threads <= 1:
        work(table.data_ptr())
    elif at_once is not None:
        at_once(address, table.data_ptr(), threads, 0)
    else:
        list(_pool(threads).map(work, [table.data_ptr()] * threads))


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
def _worker() -> int:
    return object_code.address("geoseg_work", VERSION, write)


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
