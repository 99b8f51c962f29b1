"""Lay blocks that are compressed already out as a cloud-optimised GeoTIFF.

GDAL's driver for such files compresses every block itself, after the last one is known; here that
is done before, and what is left is to copy them.

Sources: OGC 21-026, Cloud Optimized GeoTIFF Standard; GDAL's page on its COG driver, for the marks
that tell readers how blocks lie.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from geoseg.raster.pyramid import Block, Level
from geoseg.raster.tiff import (
    BIG,
    BLOCK_OFFSETS,
    BLOCK_SIZES,
    CLASSIC,
    Directory,
    Field,
    Form,
    write_directories,
)

WIDTH, HEIGHT, SUBFILE = 256, 257, 254
SAME = (258, 259, 262, 277, 284, 317, 320, 322, 323, 338, 339, 42113)
"""Tags that an overview shares with its pixels: how they are stored, colors, and no data."""
MARKS = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
"""What readers may rely on; the space is GDAL's, to turn NO into YES."""
LEADER, TRAILER = 4, 4
"""Bytes around each block: its size, and its last four bytes."""
LONG = 4
"""TIFF's type of unsigned integers of four bytes."""
LARGEST_CLASSIC = 1 << 32
"""A file with more bytes is a BigTIFF."""


def write_cog(
    path: Path, template: Directory, levels: Sequence[Level], scratch: BinaryIO
) -> int:
    """Write a file: directories, then overviews from the smallest, then the pixels.

    Args:
        path: of the new file.
        template: the fields of the pixels, without their blocks.
        levels: the pixels and their overviews, with all blocks.
        scratch: file that the blocks lie in.

    Returns:
        Where the blocks begin.

    Raises:
        OSError: the disk is full or failing.
    """
    head = _head(template, levels)
    with path.open("wb") as out:
        out.write(head)
        for block in _in_order(levels):
            scratch.seek(block.offset)
            data = scratch.read(block.size)
            out.write(len(data).to_bytes(LEADER, "little") + data + data[-TRAILER:])
    return len(head)


def first_bad_block(path: Path, place: int, levels: Sequence[Level]) -> int | None:
    """Read blocks back from a place on; give where the first is that is not as it was compressed.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for block in _in_order(levels):
            file.seek(place + LEADER)
            if zlib.crc32(file.read(block.size)) != block.checksum:
                return place
            place += LEADER + block.size + TRAILER
    return None


def _in_order(levels: Sequence[Level]) -> Iterator[Block]:
    for level in reversed(levels):
        yield from level.blocks


def _head(template: Directory, levels: Sequence[Level]) -> bytes:
    """Give all that precedes the blocks of a file."""
    data = sum(LEADER + one.size + TRAILER for one in _in_order(levels))
    for form in (CLASSIC, BIG):
        marks = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(MARKS) + MARKS
        start = form.first + len(marks)
        start += start % 2
        sized = _directories(template, levels, form, 0)
        place = start + sum(map(form.size, sized))
        if form is BIG or place + data < LARGEST_CLASSIC:
            break
    head = form.mark + form.pointer.pack(start) + marks
    directories = _directories(template, levels, form, place)
    return head.ljust(start, b"\0") + write_directories(form, directories, start)


def _directories(
    template: Directory, levels: Sequence[Level], form: Form, place: int
) -> list[dict[int, Field]]:
    """Give the directories of a file whose blocks begin at a place."""
    found = []
    for level in reversed(levels):
        offsets = []
        for block in level.blocks:
            offsets.append(place + LEADER)
            place += LEADER + block.size + TRAILER
        found.append({
            **_shared(template, level is levels[0]),
            WIDTH: Field.of(LONG, level.width),
            HEIGHT: Field.of(LONG, level.height),
            BLOCK_OFFSETS: Field.of(form.integer, *offsets),
            BLOCK_SIZES: Field.of(LONG, *(one.size for one in level.blocks)),
        })
    return found[::-1]


def _shared(template: Directory, is_pixels: bool) -> dict[int, Field]:
    if is_pixels:
        return dict(template)
    same = {tag: one for tag, one in template.items() if tag in SAME}
    return same | {SUBFILE: Field.of(LONG, 1)}
