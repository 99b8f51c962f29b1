"""The pages of an SQLite file, and tables that are written as pages, without SQLite.

SQLite's file format is documented and kept: sqlite.org/fileformat2.html. It takes a row at a time
through its b-tree; rows that come in order can be laid out in bulk.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoseg.vector.cells import (
    LEAF, LEAVES, LOCK_BYTE, N_STATES, NUMBER, SPARE, START, USED, pack,
)
from geoseg.vector.records import BLOB, INTEGER, Rows, put, put_varint, varint_size

FILE_HEADER = struct.Struct(">16sHBBBBBB12I20xII")
"""The first 100 bytes, section 1.3."""
MAGIC = b"SQLite format 3\0"
INTERIOR = 5
"""First byte of an interior page of a table."""
INTERIOR_HEADER = 12
OUT = 1 << 20
"""Bytes that are written at once."""
BEFORE_PAYLOAD = 64
"""Bytes of a record that a row has beside its values and their types, at most."""
NOTHING = np.zeros(0, np.uint8)


def is_plain(path: Path) -> bool:
    """Tell whether a file is one to which pages can be added just so.

    It has no free pages, is not vacuumed by itself, keeps no log, and is of format 4 in UTF-8.
    """
    with path.open("rb") as file:
        start = file.read(FILE_HEADER.size)
    if len(start) < FILE_HEADER.size or path.with_name(path.name + "-journal").exists():
        return False
    (
        magic, size, write, read, reserved, most, least, leaf, changes, n_pages, free, n_free,
        _, form, _, largest_root, encoding, _, vacuum, _, valid_for, _,
    ) = FILE_HEADER.unpack(start)
    known = (magic, write, read, reserved, most, least, leaf, free, n_free, form, largest_root)
    size = 65536 if size == 1 else size
    return (
        known == (MAGIC, 1, 1, 0, 64, 32, 32, 0, 0, 4, 0) and (encoding, vacuum) == (1, 0)
        and changes == valid_for and size * n_pages == path.stat().st_size
    )


class Pages:
    """A file to which pages are added."""

    def __init__(self, path: Path) -> None:
        """Open a plain file."""
        self._file = path.open("r+b")
        start = self._file.read(FILE_HEADER.size)
        size, self._changes, self.last = (FILE_HEADER.unpack(start)[one] for one in (1, 8, 9))
        self.size = 65536 if size == 1 else size
        """Bytes of a page."""
        self._file.seek(0, 2)

    def append(self, content: NDArray[np.uint8], last: int) -> None:
        """Add pages, of which the last has this number."""
        self._file.write(content)
        self.last = last

    def add(self, page: bytes) -> int:
        """Add a page, and give its number."""
        if self.last == LOCK_BYTE // self.size:
            self._file.write(bytes(self.size))
            self.last += 1
        self._file.write(page)
        self.last += 1
        return self.last

    def link(self, roots: dict[int, bytes]) -> None:
        """Make what was added a part of the file.

        Args:
            roots: number -> root page.
        """
        changed = self._changes + 1
        places = {(number - 1) * self.size: page for number, page in roots.items()}
        header = {24: changed, 28: self.last, 92: changed}
        places |= {place: value.to_bytes(4, "big") for place, value in header.items()}
        for place, content in places.items():
            self._file.seek(place)
            self._file.write(content)

    def close(self) -> None:
        """Close the file; it is as before where nothing was linked, but longer."""
        self._file.close()


class TableTree:
    """The b-tree of a table, whose rows come in the order of their ids."""

    def __init__(self, pages: Pages, n_columns: int) -> None:
        """Begin a table.

        Args:
            pages: of the file.
            n_columns: beside the rowid.
        """
        self._pages = pages
        self._serials = np.zeros(n_columns, np.int64)
        self._record = np.zeros(1, np.uint8)
        self._page = np.zeros(pages.size, np.uint8)
        self._page[0] = LEAF
        put(self._page, 5, pages.size & 65535, 2)
        self._out = np.zeros(OUT, np.uint8)
        self._leaves = np.zeros((OUT // pages.size, 2), np.int64)
        self._state = np.zeros(N_STATES, np.int64)
        self._state[START] = pages.size
        self._children: list[tuple[int, int]] = []

    def add(self, ids: NDArray[np.int64], rows: Rows) -> None:
        """Add rows.

        Args:
            ids: (n,) rowids, rising, above those before.
            rows: their values.
        """
        self._make_room(rows)
        done = 0
        while done < len(ids):
            self._state[NUMBER] = self._pages.last
            done = pack(
                ids, done, rows, self._serials, self._record, self._page, self._out, self._leaves,
                self._state,
            )
            self._pages.append(self._out[: self._state[USED]], int(self._state[NUMBER]))
            self._children += map(tuple, self._leaves[: self._state[LEAVES]].tolist())
            self._state[[USED, LEAVES]] = 0

    def finish(self, last: int) -> bytes:
        """Add the interior pages; give the root page.

        Args:
            last: rowid.
        """
        if not self._children:
            return self._page.tobytes()
        children = [*self._children, (self._pages.add(self._page.tobytes()), last)]
        room = self._pages.size - INTERIOR_HEADER
        most = room // (4 + varint_size(last) + 2) + 1
        while len(children) > most:
            n = -(-len(children) // most)
            ends = [len(children) * i // n for i in range(n + 1)]
            groups = [children[start:stop] for start, stop in zip(ends, ends[1:], strict=False)]
            children = [(self._pages.add(self._interior(one)), one[-1][1]) for one in groups]
        return self._interior(children)

    def _interior(self, children: list[tuple[int, int]]) -> bytes:
        """Lay out an interior page: a cell for each child but the last, which its header names."""
        page, start = bytearray(self._pages.size), self._pages.size
        for i, (number, last) in enumerate(children[:-1]):
            start -= 4 + varint_size(last)
            put_varint(page, put(page, start, number, 4), last)
            put(page, INTERIOR_HEADER + 2 * i, start, 2)
        struct.pack_into(
            ">BHHHBI", page, 0, INTERIOR, 0, len(children) - 1, start, 0, children[-1][0]
        )
        return bytes(page)

    def _make_room(self, rows: Rows) -> None:
        """See to it that the longest row fits into the scratch arrays."""
        bytes_ = np.maximum(rows.sizes, 0).sum(axis=0) + rows.head_sizes
        most = int(bytes_.max(initial=0)) + 18 * len(rows.kinds) + BEFORE_PAYLOAD
        if most > len(self._record):
            self._record = np.zeros(most, np.uint8)
        room = (most // (self._pages.size - 4) + 1 + SPARE) * self._pages.size
        if room > len(self._out):
            self._out = np.zeros(room, np.uint8)
            self._leaves = np.zeros((room // self._pages.size, 2), np.int64)


def integers(values: NDArray[np.int64]) -> Rows:
    """Make rows of one integer each."""
    n = len(values)
    return Rows(
        np.array([INTEGER]), np.ascontiguousarray(values, np.int64)[None],
        np.zeros((1, n), np.int64), np.zeros((n, 0), np.uint8), np.zeros(n, np.int64), NOTHING,
        NOTHING,
    )


def blobs(values: NDArray[np.void]) -> Rows:
    """Make rows of one blob each, of equal size."""
    n, size = len(values), values.itemsize
    return Rows(
        np.array([BLOB]), size * np.arange(n)[None], np.full((1, n), size),
        np.zeros((n, 0), np.uint8), np.zeros(n, np.int64), NOTHING, values.view(np.uint8),
    )
