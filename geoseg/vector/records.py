"""Rows as SQLite's records: a header of *varints* that say the types, then the values.

Source: sqlite.org/fileformat2.html, section 2.1. Departs: a REAL that is a whole number is not
stored as an integer; SQLite reads both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoseg.kernels.compiled import helper, instruction

INTEGER, REAL, TEXT, BLOB = range(4)
"""Kinds of columns."""
NULL = -1
"""Size of a value that is not there."""


class Rows(NamedTuple):
    """Values of n rows in k columns; the rowid, which is a table's first column, is not one."""

    kinds: NDArray[np.int64]
    """(k,) INTEGER, REAL, TEXT or BLOB."""
    words: NDArray[np.int64]
    """(k, n) numbers, the bits of REALs, or where text and blobs begin."""
    sizes: NDArray[np.int64]
    """(k, n) bytes of text and blobs; NULL where there is no value."""
    heads: NDArray[np.uint8]
    """(n, h) bytes that go before each blob."""
    head_sizes: NDArray[np.int64]
    """(n,) how many of them."""
    texts: NDArray[np.uint8]
    """Bytes of all text."""
    blobs: NDArray[np.uint8]
    """Bytes of all blobs."""


@instruction
def copy(context, target, at, source, start, size):
    """Copy bytes from one contiguous array to another; places are never checked."""
    from numba.core import cgutils, types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to, come = (
            builder.gep(
                make_array(signature.args[one])(context, builder, arguments[one]).data,
                [arguments[one + 1]],
            )
            for one in (0, 2)
        )
        cgutils.raw_memcpy(builder, to, come, arguments[4], 1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64, types.int64), code


@instruction
def clear(context, target, at, size):
    """Make bytes of a contiguous array 0; places are never checked."""
    from numba.core import cgutils, types
    from numba.np.arrayobj import make_array

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        cgutils.memset(builder, builder.gep(data, [arguments[1]]), arguments[2], 0)
        return context.get_dummy_value()

    return types.void(target, types.int64, types.int64), code


@helper
def put(target, at, value, width):
    """Write an integer, the highest byte first; give where it ends."""
    for place in range(at + width - 1, at - 1, -1):
        target[place] = value & 255
        value >>= 8
    return at + width


@helper
def varint_size(value):
    """Count the bytes of a varint below 2^56."""
    size = 1
    while value > 127:
        value >>= 7
        size += 1
    return size


@helper
def put_varint(target, at, value):
    """Write a varint below 2^56; give where it ends."""
    stop = at + varint_size(value)
    more = 0
    for place in range(stop - 1, at - 1, -1):
        target[place] = value & 127 | more
        value >>= 7
        more = 128
    return stop


@helper
def integer_type(value):
    """Give the serial type of an integer: the fewest bytes that hold it."""
    if 0 <= value <= 1:
        return 8 + value
    magnitude = value if value >= 0 else ~value
    if magnitude < 1 << 7:
        return 1
    if magnitude < 1 << 15:
        return 2
    if magnitude < 1 << 23:
        return 3
    if magnitude < 1 << 31:
        return 4
    return 5 if magnitude < 1 << 47 else 6


@helper
def width_of(serial):
    """Give the bytes of a value by its serial type."""
    if serial >= 12:
        return (serial - 12) >> 1
    if serial <= 4:
        return serial
    if serial == 5:
        return 6
    return 8 if serial <= 7 else 0


@helper
def find_types(row, rows, serials):
    """Find the serial type of each value of a row; give the bytes of header and payload."""
    header, body = 1, 0  # the rowid is a column, but its value is not stored again
    for k in range(len(rows.kinds)):
        size, kind = rows.sizes[k, row], rows.kinds[k]
        if size == NULL:
            serial = 0
        elif kind == INTEGER:
            serial = integer_type(rows.words[k, row])
        elif kind == REAL:
            serial = 7
        elif kind == TEXT:
            serial = 13 + 2 * size
        else:
            serial = 12 + 2 * (size + rows.head_sizes[row])
        serials[k] = serial
        header += varint_size(serial)
        body += width_of(serial)
    size = varint_size(header + 1)
    header += varint_size(header + size)
    return header, header + body


@helper
def put_record(target, at, row, rows, serials, header):
    """Write a row's record."""
    at = put_varint(target, at, header)
    at = put(target, at, 0, 1)
    for k in range(len(serials)):
        at = put_varint(target, at, serials[k])
    for k in range(len(serials)):
        word, size, kind = rows.words[k, row], rows.sizes[k, row], rows.kinds[k]
        if size == NULL:
            continue
        if kind == TEXT:
            copy(target, at, rows.texts, word, size)
            at += size
        elif kind == BLOB:
            head = rows.head_sizes[row]
            copy(target, at, rows.heads, row * rows.heads.shape[1], head)
            copy(target, at + head, rows.blobs, word, size)
            at += head + size
        elif kind == REAL:
            at = put(target, at, word, 8)
        else:
            at = put(target, at, word, width_of(serials[k]))
