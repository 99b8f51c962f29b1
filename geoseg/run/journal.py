"""Keep what a long job has done, so that a killed run goes on where it stopped.

A *journal* is one file to which *entries* are only ever added: a few named values, and bytes. Each
entry carries checksums and is on the disk before the next is begun, so a journal is good up to
where it was cut. Its first entry says what the job is made of; another job's is refused.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     with Journal(Path(folder, "a"), {"model": "m"}) as journal:
...         journal.add({"row": 0}, b"12")
...     with Journal(Path(folder, "a"), {"model": "m"}) as journal:
...         [(entry.values, journal.read(entry)) for entry in journal.entries]
[({'row': 0}, b'12')]
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoseg.errors import OptionError, OutputError
from geoseg.run.facts import differences

HEAD = struct.Struct("<4sIIQI")
"""Mark, bytes and checksum of the values, bytes and checksum of the data; then both follow."""
MARK = b"GSJ1"
"""First bytes of every entry; the digit is the format's version."""
LONGEST_VALUES = 1 << 24
"""Bytes; a longer length was not written by us."""
FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
"""Where the system knows them: bytes as they are, no link that a stranger put there."""
CHUNK = 1 << 22
"""Bytes that are read at once while checksums are compared."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done."""

    values: Values
    """What it was."""
    offset: int
    """Where its data begins in the file."""
    size: int
    """Bytes of its data."""


class Journal:
    """A file of entries, opened for adding; use it in a `with` statement.

    One process at a time: the caller holds a lock.

    Attributes:
        path: the file.
        entries: what is done, in order, without the first entry.
    """

    def __init__(self, path: Path, facts: Values) -> None:
        """Open a journal, or begin one.

        Args:
            path: the file; its folder exists.
            facts: what the result depends on; values that JSON holds.

        Raises:
            OptionError: the journal has entries of a job with other facts.
            OutputError: the file cannot be read or written.
        """
        self.path, self.entries = path, []
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | FLAGS, 0o666)
        except OSError as error:
            raise OutputError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            self._resume(facts)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._descriptor)

    def add(self, values: Values, data: bytes | memoryview = b"") -> None:
        """Add an entry; it is on the disk when this returns, or once `sync` has."""
        self.write(values, data)
        self.sync()

    def write(self, values: Values, data: bytes | memoryview = b"") -> None:
        """Add an entry that a later `sync` makes durable.

        Raises:
            OutputError: the disk is full or failing.
        """
        text = json.dumps(values, sort_keys=True).encode()
        data = memoryview(data).cast("B")
        head = HEAD.pack(MARK, len(text), zlib.crc32(text), len(data), zlib.crc32(data))
        try:
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            _write_all(self._descriptor, head + text)
            _write_all(self._descriptor, data)
        except OSError as error:
            raise self._full(error) from error
        start = self._end + HEAD.size + len(text)
        self._end = start + len(data)
        self.entries.append(Entry(json.loads(text), start, len(data)))

    def sync(self) -> None:
        """Wait until all entries are on the disk.

        Raises:
            OutputError: the disk is full or failing.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._full(error) from error

    def read(self, entry: Entry, start: int = 0, stop: int | None = None) -> bytes:
        """Read an entry's data, or bytes [start, stop) of it.

        Raises:
            OutputError: the file is shorter than it was.
        """
        stop = entry.size if stop is None else stop
        data = _read_at(self._descriptor, entry.offset + start, stop - start)
        if len(data) != stop - start:
            raise OutputError(f"{self.path} was cut short while it was in use; run again")
        return data

    def _resume(self, facts: Values) -> None:
        """Find the entries that are whole; cut off what follows."""
        facts = json.loads(json.dumps(facts))
        self._end, found = 0, []
        while (entry := self._whole_entry()) is not None:
            found.append(entry)
            self._end = entry.offset + entry.size
        self._truncate()
        if len(found) > 1:
            self._compare(found[0].values, facts)
            self.entries = found[1:]
        else:  # nothing was done, so nothing is lost, whatever the facts were
            self._begin(facts)

    def _begin(self, facts: Values) -> None:
        self._end = 0
        self._truncate()
        self.add(facts)
        self.entries = []

    def _truncate(self) -> None:
        """Cut off what follows the good entries."""
        try:
            os.truncate(self._descriptor, self._end)
        except OSError as error:
            raise self._full(error) from error

    def _whole_entry(self) -> Entry | None:
        """Read the entry at the end of what is known to be good; None where it is not whole."""
        head = _read_at(self._descriptor, self._end, HEAD.size)
        if len(head) < HEAD.size or head[:4] != MARK:
            return None
        _, length, checksum, size, data_checksum = HEAD.unpack(head)
        if length > LONGEST_VALUES:
            return None
        text = _read_at(self._descriptor, self._end + HEAD.size, length)
        entry_start = self._end + HEAD.size + length
        if zlib.crc32(text) != checksum or self._checksum(entry_start, size) != data_checksum:
            return None
        return Entry(json.loads(text), entry_start, size)

    def _checksum(self, offset: int, size: int) -> int | None:
        value = 0
        for start in range(0, size, CHUNK):
            wanted = min(CHUNK, size - start)
            data = _read_at(self._descriptor, offset + start, wanted)
            if len(data) != wanted:
                return None
            value = zlib.crc32(data, value)
        return value

    def _compare(self, old: Values, new: Values) -> None:
        changes = differences(old, new)
        if changes:
            raise OptionError(
                f"{self.path.parent} holds an unfinished run that is not this one ({changes}); "
                "repeat its command to finish it, or pass --restart to start over"
            )

    def _full(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path} cannot be written: {error.strerror or error}")


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest):]


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    parts = []
    while size > 0 and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
