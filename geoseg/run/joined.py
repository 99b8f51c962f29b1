"""What shards made, joined: probabilities and basins as strips of the whole scene."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import OutputError
from geoseg.grid import GeoBox
from geoseg.run import blob
from geoseg.run.shards import Shard
from geoseg.run.store import Store
from geoseg.spec import PROBABILITY_NODATA
from geoseg.vectorizer import LabelOptions
from geoseg.vectorizer.borders import Borders
from geoseg.vectorizer.gather import Gathered, Part, part_of
from geoseg.vectorizer.shaped import read_strip, reach

CHUNK_ROWS = 256
"""Rows of probabilities that are packed together."""
STATISTICS = [one.name for one in fields(Part) if one.name not in ("labels", "borders")]
"""Arrays of a part beside its labels and borders."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Probabilities of some rows as a strip source; rows count from the shard's first."""

    data: NDArray[np.uint8]
    """(classes, rows, width)."""

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, width)."""
        return self.data.shape[1:]

    def read(self, row_start: int, row_stop: int) -> NDArray[np.uint8]:
        """Give rows [row_start, row_stop)."""
        return self.data[:, row_start:row_stop]


def pack(
    data: NDArray[np.uint8], shard: Shard, options: LabelOptions, *, height: int, strip: int
) -> bytes:
    """Pack a shard: its probabilities, and the basins of all rows that it can know.

    Args:
        data: (classes, rows, width) stored probabilities of the shard.
        shard: where they are.
        options: of labelling.
        height: rows of the scene.
        strip: rows that are labelled at once.
    """
    pieces: dict[str, Any] = {}
    rows, around, parts = data.shape[1], reach(options), []
    for row in range(0, rows, CHUNK_ROWS):
        pieces[f"p{row}"] = data[:, row : row + CHUNK_ROWS]
    first = 0 if shard.row_start == 0 else around
    last = rows if shard.row_stop == height else rows - around
    for row in range(first, last, strip):
        stop = min(row + strip, last)
        part = part_of(read_strip(Rows(data), row, stop, options))
        pieces[f"b{row}"] = (
            part.labels[[0, -1]], *(getattr(part, name) for name in STATISTICS),
            *part.borders,
        )
        pieces[f"l{row}"] = _runs(part.labels)
        parts.append([row, stop])
    return blob.pack({"rows": [shard.row_start, shard.row_stop], "parts": parts}, pieces)


class Joined:
    """The probabilities of all shards, as a strip source.

    Attributes:
        shape: (height, width) in pixels.
        geobox: the grid.
    """

    def __init__(
        self, store: Store, shards: Sequence[Shard], geobox: GeoBox, *, classes: int
    ) -> None:
        """Open the shards of one mosaic, in order.

        Raises:
            OutputError: a shard is missing or damaged.
        """
        self.geobox, self.shape, self._classes = geobox, geobox.shape, classes
        self._shards = []
        for shard in shards:
            read = partial(_get, store, shard.name)
            index = blob.read_index(read, f"{store}/{shard.name}")
            self._shards.append((shard.row_start, shard.row_stop, index, read))
        self._cache: tuple[str, int, NDArray[np.uint8]] | None = None

    def read(self, row_start: int, row_stop: int) -> NDArray[np.uint8]:
        """Give whole rows: (classes, rows, width); 255 is no data.

        Raises:
            OutputError: a shard is damaged.
        """
        shape = (self._classes, row_stop - row_start, self.shape[1])
        out = np.full(shape, PROBABILITY_NODATA, np.uint8)
        for start, stop, index, read in self._shards:
            if stop <= row_start or start >= row_stop:
                continue
            for row in range(start, stop, CHUNK_ROWS):
                end = min(row + CHUNK_ROWS, stop)
                low, high = max(row, row_start), min(end, row_stop)
                if low < high:
                    chunk = self._chunk(index, read, row - start)
                    out[:, low - row_start : high - row_start] = chunk[:, low - row : high - row]
        return out

    def parts(self) -> Iterator[tuple[int, int, tuple[blob.Index, blob.Reader, int] | None]]:
        """Give all rows in order, as (start, stop, stored part or None where there is none)."""
        at = 0
        for start, _, index, read in self._shards:
            for row, stop in index.about["parts"]:
                if at < start + row:
                    yield at, start + row, None
                yield start + row, start + stop, (index, read, row)
                at = start + stop
        if at < self.shape[0]:
            yield at, self.shape[0], None

    def _chunk(self, index: blob.Index, read: blob.Reader, row: int) -> NDArray[np.uint8]:
        if self._cache is None or self._cache[:2] != (index.name, row):
            self._cache = index.name, row, index.arrays(read, f"p{row}")[0]
        return self._cache[2]


class JoinedLabels:
    """Labels of all rows, from the basins that shards stored; a strip source as LabelRaster is.

    Attributes:
        shape: (height, width) in pixels.
        count: number of parcels.
    """

    def __init__(self, shape: tuple[int, int], scratch: Path | None) -> None:
        self.shape, self.count = shape, 0
        self._final = np.zeros(1, np.int32)
        self._parts: list[tuple[int, int, int, Any]] = []
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=scratch)
        self._cache: tuple[int, NDArray[np.int32]] | None = None

    def add(self, row: int, stop: int, offset: int, stored: Any) -> None:
        """Add stored basins of rows [row, stop), whose names begin after `offset`."""
        self._parts.append((row, stop, offset, stored))

    def append(self, row: int, stop: int, offset: int, labels: NDArray[np.int32]) -> None:
        """Add basins that no shard has.

        Raises:
            OutputError: the scratch folder is full.
        """
        data = blob.pack({}, {"l0": _runs(labels)})
        try:
            start = self._file.seek(0, 2)
            self._file.write(data)
        except OSError as error:
            raise OutputError(
                f"cannot write labels to the scratch folder ({error}); give another one"
            ) from error
        read = partial(_slice, self._file, start, len(data))
        self.add(row, stop, offset, (blob.read_index(read, "labels"), read, 0))

    def finish(self, final: NDArray[np.int32], count: int) -> None:
        """Say which label each basin has."""
        self._final, self.count = final, count

    def read(self, row_start: int, row_stop: int) -> NDArray[np.int32]:
        """Give the rows [row_start, row_stop) as (rows, width) int32."""
        out = np.empty((row_stop - row_start, self.shape[1]), np.int32)
        for i, (row, stop, _, _) in enumerate(self._parts):
            low, high = max(row, row_start), min(stop, row_stop)
            if low < high:
                out[low - row_start : high - row_start] = self._labels(i)[low - row : high - row]
        return out

    def close(self) -> None:
        """Delete the scratch file."""
        self._file.close()

    def _labels(self, i: int) -> NDArray[np.int32]:
        if self._cache is None or self._cache[0] != i:
            row, stop, offset, (index, read, piece) = self._parts[i]
            lengths, values = index.arrays(read, f"l{piece}")
            names = np.where(values > 0, values + np.int32(offset), np.int32(0))
            labels = np.repeat(self._final[names], lengths)
            self._cache = i, labels.reshape(stop - row, self.shape[1])
        return self._cache[1]


def gather(
    joined: Joined, options: LabelOptions, labels: JoinedLabels, *, strip: int, progress: Any
) -> Gathered:
    """Gather the basins of all rows: those of shards as they are, of rows between them anew."""
    gathered = Gathered()
    for start, stop, stored in joined.parts():
        if stored is not None:
            offset = gathered.add(_part(*stored))
            labels.add(start, stop, offset, stored)
            progress(stop - start)
            continue
        for row in range(start, stop, strip):
            end = min(row + strip, stop)
            part = part_of(read_strip(joined, row, end, options))
            labels.append(row, end, gathered.add(part), part.labels)
            progress(end - row)
    return gathered


def _part(index: blob.Index, read: blob.Reader, row: int) -> Part:
    """Read a part without its labels, of which only the first and the last row are wanted."""
    ends, *arrays = index.arrays(read, f"b{row}")
    n = len(STATISTICS)
    measured = dict(zip(STATISTICS, arrays[:n], strict=True))
    return Part(labels=ends, borders=Borders(*arrays[n:]), **measured)


def _runs(labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give lengths and values of runs of equal pixels, row after row."""
    flat = labels.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    return np.diff(starts, append=flat.size).astype(np.int32), flat[starts]


def _get(store: Store, name: str, start: int, stop: int) -> bytes:
    return store.get(name, start, stop)


def _slice(file: IO[bytes], first: int, size: int, start: int, stop: int) -> bytes:
    file.seek(first + start)
    return file.read(min(stop, size) - start)
