"""Directories of TIFF files: read those that GDAL made, and lay out new ones with their blocks.

Sources: TIFF 6.0 (Adobe, 1992), pages 13 to 16; its BigTIFF form (Aware Systems, 2007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

import numpy as np
from numpy.typing import NDArray

BLOCK_OFFSETS, BLOCK_SIZES = 324, 325
"""Tags of where blocks begin, and of their bytes."""
SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8,
    18: 8,
}
"""Bytes of a value of each type."""
INTEGERS = {3: "<u2", 4: "<u4", 16: "<u8"}
"""Types of unsigned integers that lists of blocks have."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a directory says about one tag."""

    kind: int
    """TIFF's code of the values' type."""
    data: bytes
    """The values, little-endian."""

    @classmethod
    def of(cls, kind: int, *values: int) -> Field:
        """Make a field of unsigned integers."""
        return cls(kind, np.array(values, INTEGERS[kind]).tobytes())

    def integers(self) -> NDArray[np.unsignedinteger]:
        """Give the values of a field of unsigned integers."""
        return np.frombuffer(self.data, INTEGERS[self.kind])


Directory = Mapping[int, Field]
"""The fields of an image, by their tags."""


@dataclass(frozen=True, slots=True)
class Form:
    """Classic TIFF or BigTIFF: how wide its numbers are."""

    mark: bytes
    """First bytes of the file; the place of its first directory follows."""
    count: Struct
    """How many fields a directory has."""
    entry: Struct
    """Tag, type and count of a field; its values follow, or their place."""
    pointer: Struct
    """A place in the file."""
    integer: int
    """Type of a place in a list of them."""

    @property
    def first(self) -> int:
        """Bytes of the file's header."""
        return len(self.mark) + self.pointer.size

    def size(self, directory: Directory) -> int:
        """Count the bytes of a directory with its values."""
        slot = self.pointer.size
        fields = self.count.size + len(directory) * (self.entry.size + slot) + slot
        apart = (len(one.data) for one in directory.values() if len(one.data) > slot)
        return _even(fields) + sum(map(_even, apart))

    def write(self, directory: Directory, start: int, following: int) -> bytes:
        """Lay out a directory.

        Args:
            directory: its fields.
            start: where it will lie, an even number.
            following: where the next one will; 0 for none.
        """
        slot = self.pointer.size
        fields, apart = [self.count.pack(len(directory))], []
        place = start + self.size({tag: Field(one.kind, b"") for tag, one in directory.items()})
        for tag, one in sorted(directory.items()):
            value = one.data
            if len(value) > slot:
                apart.append(value + bytes(len(value) % 2))
                value = self.pointer.pack(place)
                place += len(apart[-1])
            count = len(one.data) // SIZES[one.kind]
            fields += [self.entry.pack(tag, one.kind, count), value.ljust(slot, b"\0")]
        head = b"".join([*fields, self.pointer.pack(following)])
        return b"".join([head, bytes(len(head) % 2), *apart])


CLASSIC = Form(b"II*\0", Struct("<H"), Struct("<HHI"), Struct("<I"), 4)
"""Up to 4 GiB."""
BIG = Form(b"II+\0\10\0\0\0", Struct("<Q"), Struct("<HHQ"), Struct("<Q"), 16)
"""Of any size."""


def read_directory(file: memoryview) -> dict[int, Field]:
    """Read the first directory of a little-endian BigTIFF file."""
    if file[: len(BIG.mark)] != BIG.mark:
        raise ValueError("not a little-endian BigTIFF file")
    (start,) = BIG.pointer.unpack_from(file, len(BIG.mark))
    (count,) = BIG.count.unpack_from(file, start)
    fields, entry = {}, start + BIG.count.size
    for _ in range(count):
        tag, kind, values = BIG.entry.unpack_from(file, entry)
        place, size = entry + BIG.entry.size, values * SIZES[kind]
        if size > BIG.pointer.size:
            (place,) = BIG.pointer.unpack_from(file, place)
        fields[tag] = Field(kind, bytes(file[place : place + size]))
        entry += BIG.entry.size + BIG.pointer.size
    return fields


def read_blocks(file: memoryview) -> list[memoryview]:
    """Give the blocks of the first image of a little-endian BigTIFF file, as they are stored."""
    directory = read_directory(file)
    places = zip(*(directory[tag].integers().tolist() for tag in (BLOCK_OFFSETS, BLOCK_SIZES)))
    return [file[start : start + size] for start, size in places]


def write_directories(form: Form, directories: Sequence[Directory], start: int) -> bytes:
    """Lay out directories, one behind the other from a place in the file, an even number."""
    places = [start]
    for one in directories:
        places.append(places[-1] + form.size(one))
    following = [*places[1:-1], 0]
    return b"".join(map(form.write, directories, places, following))


def _even(size: int) -> int:
    return size + size % 2
