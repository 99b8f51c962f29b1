"""What a shard stores as one object: its probabilities, and the basins of the rows that it knows.

A *part* is some of these rows, which were cut into basins at once. It has two pieces: what joining
takes (first and last row, statistics, borders), and its labels as runs of equal pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoseg.run import blob
from geoseg.run.shards import Shard
from geoseg.run.store import Store
from geoseg.vectorizer import LabelOptions
from geoseg.vectorizer.borders import Borders
from geoseg.vectorizer.gather import Part, part_of
from geoseg.vectorizer.label_options import reach
from geoseg.vectorizer.shaped import read_strip

CHUNK_ROWS = 256
"""Rows of probabilities that are packed together."""
STATISTICS = [one.name for one in fields(Part) if one.name not in ("labels", "borders")]
"""Arrays of a part beside its labels and borders."""

Runs = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Lengths and values of runs of equal pixels, row after row."""


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
    """Pack a shard.

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
        measured = (getattr(part, name) for name in STATISTICS)
        pieces[f"b{row}"] = (part.labels[[0, -1]], *measured, *part.borders)
        pieces[f"l{row}"] = runs_of(part.labels)
        parts.append([row, stop])
    return blob.pack({"rows": [shard.row_start, shard.row_stop], "parts": parts}, pieces)


class Packed:
    """A shard that is read piece by piece; rows are the scene's.

    Attributes:
        rows: first row, and one past the last.
    """

    def __init__(self, store: Store, shard: Shard) -> None:
        """Read what is in a shard's object.

        Raises:
            OutputError: it is missing or damaged.
        """
        self.rows = shard.row_start, shard.row_stop
        self._read = partial(store.get, shard.name)
        self._index = blob.read_index(self._read, f"{store}/{shard.name}")

    @property
    def chunks(self) -> Iterator[tuple[int, int]]:
        """First row, and one past the last, of the probabilities that are packed together."""
        start, stop = self.rows
        for row in range(start, stop, CHUNK_ROWS):
            yield row, min(row + CHUNK_ROWS, stop)

    @property
    def parts(self) -> Iterator[tuple[int, int]]:
        """First row, and one past the last, of each part."""
        for row, stop in self._index.about["parts"]:
            yield self.rows[0] + row, self.rows[0] + stop

    def probabilities(self, row: int) -> NDArray[np.uint8]:
        """Read the chunk that begins at a row: (classes, rows, width)."""
        return self._arrays("p", row)[0]

    def part(self, row: int) -> Part:
        """Read the part that begins at a row; of its labels only the first and the last row."""
        # Copies: the arrays of a piece share one block, which would stay as long as any of them.
        ends, *arrays = (one.copy() for one in self._arrays("b", row))
        n = len(STATISTICS)
        measured = dict(zip(STATISTICS, arrays[:n], strict=True))
        return Part(labels=ends, borders=Borders(*arrays[n:]), **measured)

    def labels(self, row: int) -> Runs:
        """Read the labels of the part that begins at a row."""
        return self._arrays("l", row)

    def _arrays(self, kind: str, row: int) -> tuple[NDArray[Any], ...]:
        return self._index.arrays(self._read, f"{kind}{row - self.rows[0]}")


def runs_of(labels: NDArray[np.int32]) -> Runs:
    """Find runs of equal pixels."""
    flat = labels.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    return np.diff(starts, append=flat.size).astype(np.int32), flat[starts]
