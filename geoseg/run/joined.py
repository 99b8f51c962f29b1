"""What shards made, joined: probabilities and parcels as strips of the whole scene."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from geoseg.grid import GeoBox
from geoseg.run import blob
from geoseg.run.packed import Packed, Runs, runs_of
from geoseg.run.shards import Shard
from geoseg.run.store import Store
from geoseg.spec import PROBABILITY_NODATA
from geoseg.vectorizer import LabelOptions
from geoseg.vectorizer.label_raster import writing_labels
from geoseg.vectorizer.merging import Merging
from geoseg.vectorizer.part import part_of
from geoseg.vectorizer.shaped import read_strip


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
        self._shards = [Packed(store, shard) for shard in shards]
        self._cache: tuple[int, NDArray[np.uint8]] | None = None

    def read(self, row_start: int, row_stop: int) -> NDArray[np.uint8]:
        """Give whole rows: (classes, rows, width); 255 is no data.

        Raises:
            OutputError: a shard is damaged.
        """
        shape = (self._classes, row_stop - row_start, self.shape[1])
        out = np.full(shape, PROBABILITY_NODATA, np.uint8)
        for shard in self._shards:
            if shard.rows[1] <= row_start or shard.rows[0] >= row_stop:
                continue
            for row, stop in shard.chunks:
                low, high = max(row, row_start), min(stop, row_stop)
                if low < high:
                    chunk = self._chunk(shard, row)
                    out[:, low - row_start : high - row_start] = chunk[:, low - row : high - row]
        return out

    def parts(self) -> Iterator[tuple[int, int, Packed | None]]:
        """Give all rows in order, as (start, stop, shard that has them as a part, or None)."""
        at = 0
        for shard in self._shards:
            for start, stop in shard.parts:
                if at < start:
                    yield at, start, None
                yield start, stop, shard
                at = stop
        if at < self.shape[0]:
            yield at, self.shape[0], None

    def _chunk(self, shard: Packed, row: int) -> NDArray[np.uint8]:
        if self._cache is None or self._cache[0] != row:
            self._cache = row, shard.probabilities(row)
        return self._cache[1]


class JoinedLabels:
    """Labels of all rows, from the names that shards stored; a strip source as LabelRaster is.

    Attributes:
        shape: (height, width) in pixels.
        count: number of parcels.
    """

    def __init__(self, shape: tuple[int, int], scratch: Path | None) -> None:
        self.shape, self.count = shape, 0
        self._final = np.zeros(1, np.int32)
        self._parts: list[tuple[int, int, int, Callable[[], Runs]]] = []
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=scratch)
        self._cache: tuple[int, NDArray[np.int32]] | None = None

    def add(self, row: int, stop: int, offset: int, read: Callable[[], Runs]) -> None:
        """Add basins of rows [row, stop), whose names begin after `offset`."""
        self._parts.append((row, stop, offset, read))

    def append(self, row: int, stop: int, offset: int, labels: NDArray[np.int32]) -> None:
        """Add basins that no shard has.

        Raises:
            OutputError: the scratch folder is full.
        """
        data = blob.pack({}, {"runs": runs_of(labels)})
        with writing_labels():
            start = self._file.seek(0, 2)
            self._file.write(data)
        read = partial(_slice, self._file, start, len(data))
        self.add(row, stop, offset, partial(blob.read_index(read, "labels").arrays, read, "runs"))

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
            row, stop, offset, read = self._parts[i]
            lengths, values = read()
            names = np.where(values > 0, values + np.int32(offset), np.int32(0))
            labels = np.repeat(self._final[names], lengths)
            self._cache = i, labels.reshape(stop - row, self.shape[1])
        return self._cache[1]


def join(
    joined: Joined, options: LabelOptions, labels: JoinedLabels, *, strip: int,
    scratch: Path | None, progress: Callable[[int], None],
) -> None:
    """Merge what shards left, and the basins of the rows between them, which are cut anew."""
    merging, taken, offset = Merging(options, scratch), None, 0
    for start, stop, shard in joined.parts():
        if shard is not None:
            if shard is not taken:
                taken, offset = shard, merging.take(*shard.rest())
            labels.add(start, stop, offset, partial(shard.labels, start, stop))
            progress(stop - start)
            continue
        for row in range(start, stop, strip):
            end = min(row + strip, stop)
            part = part_of(read_strip(joined, row, end, options))
            labels.append(row, end, merging.add(part), part.labels)
            progress(end - row)
    labels.finish(*merging.finish())


def _slice(file: IO[bytes], first: int, size: int, start: int, stop: int) -> bytes:
    file.seek(first + start)
    return file.read(min(stop, size) - start)
