"""What a shard stores as one object: its probabilities, and the parcels of the rows that it knows.

These rows are merged as far as no other row can change that. Stored is what became of each basin,
and what is left: regions near other rows. A *part* is some of the rows, with the names of their
basins as runs of equal pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoseg.run import blob
from geoseg.run.shards import Shard
from geoseg.run.store import Store
from geoseg.vectorizer import LabelOptions
from geoseg.vectorizer.borders import Borders
from geoseg.vectorizer.label_options import reach
from geoseg.vectorizer.merging import Merging
from geoseg.vectorizer.names import GONE
from geoseg.vectorizer.part import part_of
from geoseg.vectorizer.rest import Carried, Rest, Row, within
from geoseg.vectorizer.shaped import read_strip

CHUNK_ROWS = 256
"""Rows of probabilities that are packed together."""

CARRIED = [one.name for one in fields(Carried) if one.name != "borders"]
"""What is stored of regions beside their borders."""

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
    merging = Merging(options, from_above=first > 0)
    for row in range(first, last, strip):
        stop = min(row + strip, last)
        part = part_of(read_strip(Rows(data), row, stop, options))
        start = np.int32(merging.add(part))
        pieces[f"l{row}"] = runs_of(np.where(part.labels > 0, part.labels + start, np.int32(0)))
        parts.append([row, stop])
    if parts:
        rest, pieces["names"] = merging.leave(to_come=last < rows)
        pieces["rest"] = _arrays(rest)
    return blob.pack({"rows": [shard.row_start, shard.row_stop], "parts": parts}, pieces)


def _arrays(rest: Rest) -> tuple[NDArray[Any], ...]:
    """Give what is left as arrays, which `_rest` puts together again."""
    one = rest.carried
    more = (getattr(one, name) for name in CARRIED)
    return (*rest.top, *rest.last, *one.borders, *more)


def _rest(arrays: Iterable[NDArray[Any]], count: int) -> Rest:
    """Put together what is left of so many names."""
    # Copies: the arrays of a piece share one block, which would stay as long as any of them.
    rest = iter([one.copy() for one in arrays])
    top, last, borders = (
        kind(*islice(rest, len(kind._fields))) for kind in (Row, Row, Borders)
    )
    return Rest(Carried(borders=borders, **dict(zip(CARRIED, rest, strict=True))), top, last, count)


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
        self.rows, self._width = (shard.row_start, shard.row_stop), shard.mosaic.width
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
        data = self._arrays("p", row)[0]
        self._must(data.shape[1:] == (min(CHUNK_ROWS, self.rows[1] - row), self._width))
        return data

    def rest(self) -> tuple[Rest, NDArray[np.int32]]:
        """Read what merging left of all parts, and what became of each name."""
        names, arrays = self._arrays("names")[0], self._arrays("rest")
        self._must(len(arrays) == 2 * len(Row._fields) + len(Borders._fields) + len(CARRIED))
        rest = _rest(arrays, len(names) - 1)
        self._must(rest.is_sound(self._width) and within(names, GONE, rest.count))
        self._names = rest.count
        return rest, names

    def labels(self, row: int, stop: int) -> Runs:
        """Read the names in the part of rows [row, stop); `rest` comes first."""
        lengths, values = self._arrays("l", row)
        self._must(lengths.sum() == (stop - row) * self._width and lengths.min() > 0)
        self._must(len(lengths) == len(values) and within(values, 0, self._names))
        return lengths, values

    def _must(self, holds: bool) -> None:
        """Refuse what no shard holds, though its checksums are right: kernels trust numbers."""
        if not holds:
            raise blob.damaged(self._index.name)

    def _arrays(self, kind: str, row: int | None = None) -> tuple[NDArray[Any], ...]:
        name = kind if row is None else f"{kind}{row - self.rows[0]}"
        return self._index.arrays(self._read, name)


def runs_of(labels: NDArray[np.int32]) -> Runs:
    """Find runs of equal pixels."""
    flat = labels.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    return np.diff(starts, append=flat.size).astype(np.int32), flat[starts]
