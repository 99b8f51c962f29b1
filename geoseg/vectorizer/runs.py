"""Write labels as runs: stretches of equal pixels in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer.compiled import kernel
from geoseg.vectorizer.threads import even_parts, join_offsets, spread

OUTSIDE = np.iinfo(np.int64).min
"""The value around the raster; no raster may use it."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of some rows; a row ends with an entry at x = width that is outside."""

    offsets: np.ndarray
    """(rows + 1,) int64, start of each row in the other arrays; a row outside has no entries."""
    starts: np.ndarray
    """(n,) int32, first column of each run."""
    values: np.ndarray
    """(n,) int64, raster value, or OUTSIDE for the entry at the end of a row."""
    regions: np.ndarray
    """(n,) int32, row of the region table; 0 is outside."""


@kernel
def _write_runs(labels, row, offsets, starts, values, flags, words):
    """Write the runs of the rows from `row` on while there is room; give the row it came to.

    The flags of a row, 1 where a run starts, are compared eight pixels at a time; where there is
    one, all eight columns are written, and only those of a flag are kept: no branch to guess.
    """
    height, width = labels.shape
    while row < height and offsets[row] + width + 2 <= starts.size:
        for col in range(1, width):
            flags[col] = labels[row, col] != labels[row, col - 1]
        first = offsets[row]
        starts[first] = 0
        n = first + 1
        for word in range(words.size):
            if words[word]:
                for col in range(8 * word, 8 * word + 8):
                    starts[n] = col
                    n += flags[col]
        for run in range(first, n):
            values[run] = labels[row, starts[run]]
        starts[n], values[n] = width, OUTSIDE
        row += 1
        offsets[row] = n + 1
    return row


def encode(labels: np.ndarray, *, threads: int = 1) -> Runs:
    """Write rows of labels as runs; no region is known yet.

    Args:
        labels: (rows, width) integer.
        threads: that share the rows.

    Returns:
        The runs; `regions` is all 0.

    >>> encode(np.array([[7, 7, 3]])).starts.tolist()
    [0, 2, 3]
    """
    kind = np.int32 if np.can_cast(labels.dtype, np.int32) else np.int64
    labels = np.ascontiguousarray(labels, kind)
    parts = even_parts(np.arange(len(labels) + 1), threads)
    if len(parts) == 1:
        offsets, starts, values = _encode(labels)
    else:
        many = spread(lambda first, last: _encode(labels[first:last]), parts, threads)
        offsets = join_offsets([one[0] for one in many])
        starts, values = (np.concatenate([one[k] for one in many]) for k in (1, 2))
    return Runs(offsets, starts, values, np.zeros(len(starts), np.int32))


def _encode(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give offsets, starts and values of rows."""
    height, width = labels.shape
    offsets, row = np.zeros(height + 1, np.int64), 0
    room = height * width // 8 + 2 * width + 18
    starts, values = np.empty(room, np.int32), np.empty(room, np.int64)
    flags = np.zeros(width // 8 * 8 + 8, np.uint8)
    while True:
        row = _write_runs(labels, row, offsets, starts, values, flags, flags.view(np.uint64))
        if row == height:
            return offsets, starts[: offsets[-1]], values[: offsets[-1]]
        starts, values = np.append(starts, starts), np.append(values, values)


def nothing() -> Runs:
    """Give the row above the first and below the last: all outside."""
    empty = np.zeros(0, np.int32)
    return Runs(np.zeros(2, np.int64), empty, np.zeros(0, np.int64), empty)


def below(above: Runs, rows: Runs) -> Runs:
    """Put rows under the last row of what came before."""
    start = above.offsets[-2]
    carried = len(above.starts) - start
    return Runs(
        np.concatenate([[0], rows.offsets + carried]),
        np.concatenate([above.starts[start:], rows.starts]),
        np.concatenate([above.values[start:], rows.values]),
        np.concatenate([above.regions[start:], rows.regions]),
    )
