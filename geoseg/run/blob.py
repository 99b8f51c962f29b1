"""Pack what a shard made into one object: named pieces, each with a checksum, and an index.

>>> blob = pack({"rows": [0, 2]}, {"a": np.arange(3, dtype=np.uint8)})
>>> index = read_index(lambda start, stop: blob[start:stop], "x")
>>> index.about, index.arrays(lambda start, stop: blob[start:stop], "a")
({'rows': [0, 2]}, (array([0, 1, 2], dtype=uint8),))
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import OutputError

HEAD = struct.Struct("<4sII")
"""Mark, bytes and checksum of the index; then both index and pieces follow."""
MARK = b"GSB2"
"""First bytes; the digit is the format's version."""
FIRST_READ = 1 << 16
"""Bytes that are asked for at once: most indices are shorter."""
LEVEL = 1
"""Of zlib: a third of the bytes for a hundredth of the time that the network took."""
NO_PIECE = (zlib.error, ValueError, KeyError, TypeError)
"""What reading a piece raises where its checksum was forged with it."""

Reader = Callable[[int, int], bytes]
"""Gives bytes [start, stop) of an object, fewer where it ends before."""


@dataclass(frozen=True, slots=True)
class Index:
    """What is in an object, and where."""

    name: str
    """Of the object."""
    about: dict[str, Any]
    """What `pack` was told."""
    pieces: dict[str, list[Any]]
    """Name -> first byte, bytes, checksum, and dtype and shape of each array."""
    start: int
    """First byte of the pieces."""

    def arrays(self, read: Reader, name: str) -> tuple[NDArray[Any], ...]:
        """Read the arrays of a piece.

        Raises:
            OutputError: the bytes are not those that were written.
        """
        try:
            first, size, checksum, kinds = self.pieces[name]
            data = read(self.start + first, self.start + first + size)
            if len(data) != size or zlib.crc32(data) != checksum:
                raise damaged(self.name)
            raw, arrays, place = zlib.decompress(data), [], 0
            for dtype, shape in kinds:
                count = int(np.prod(shape))
                arrays.append(np.frombuffer(raw, dtype, count, place).reshape(shape))
                place += count * np.dtype(dtype).itemsize
        except NO_PIECE as error:
            raise damaged(self.name) from error
        return tuple(arrays)


def pack(
    about: Mapping[str, Any], pieces: Mapping[str, NDArray[Any] | tuple[NDArray[Any], ...]]
) -> bytes:
    """Pack arrays, several of them as one piece where they are read together."""
    body, index, place = [], {}, 0
    for name, arrays in pieces.items():
        arrays = arrays if isinstance(arrays, tuple) else (arrays,)
        data = zlib.compress(b"".join(np.ascontiguousarray(one).tobytes() for one in arrays), LEVEL)
        kinds = [[one.dtype.str, list(one.shape)] for one in arrays]
        index[name] = [place, len(data), zlib.crc32(data), kinds]
        body.append(data)
        place += len(data)
    text = json.dumps({"about": dict(about), "pieces": index}).encode()
    return HEAD.pack(MARK, len(text), zlib.crc32(text)) + text + b"".join(body)


def read_index(read: Reader, name: str) -> Index:
    """Read what is in an object.

    Raises:
        OutputError: it was not written by `pack`, or is damaged.
    """
    head = read(0, FIRST_READ)
    if len(head) < HEAD.size or head[:4] != MARK:
        raise damaged(name)
    _, size, checksum = HEAD.unpack_from(head)
    stop = HEAD.size + size
    text = head[HEAD.size:stop]
    if len(text) < size:
        text += read(len(head), stop)
    if zlib.crc32(text) != checksum:
        raise damaged(name)
    values = json.loads(text)
    return Index(name, values["about"], values["pieces"], stop)


def damaged(name: str) -> OutputError:
    """Say that an object is not what was written, and what to do."""
    return OutputError(
        f"{name} is damaged, or no shard of geoseg; delete it and run its shard again"
    )
