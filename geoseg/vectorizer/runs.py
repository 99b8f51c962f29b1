"""Write labels as runs: stretches of equal pixels in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer.compiled import kernel

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
def _count_runs(labels, offsets):
    height, width = labels.shape
    for row in range(height):
        changes = 0
        for col in range(1, width):
            changes += labels[row, col] != labels[row, col - 1]
        offsets[row + 1] = offsets[row] + changes + 2


@kernel
def _write_runs(labels, offsets, starts, values, flags):
    height, width = labels.shape
    words = flags.view(np.uint64)
    for row in range(height):
        for col in range(1, width):
            flags[col] = labels[row, col] != labels[row, col - 1]
        n = offsets[row]
        starts[n] = 0
        values[n] = labels[row, 0]
        for word in range(words.size):
            if words[word]:
                for col in range(word * 8, min(word * 8 + 8, width)):
                    if flags[col]:
                        n += 1
                        starts[n] = col
                        values[n] = labels[row, col]
        starts[n + 1] = width
        values[n + 1] = OUTSIDE


def encode(labels: np.ndarray) -> Runs:
    """Write rows of labels as runs; no region is known yet.

    Args:
        labels: (rows, width) integer.

    Returns:
        The runs; `regions` is all 0.

    >>> encode(np.array([[7, 7, 3]])).starts.tolist()
    [0, 2, 3]
    """
    kind = np.int32 if np.can_cast(labels.dtype, np.int32) else np.int64
    labels = np.ascontiguousarray(labels, kind)
    offsets = np.zeros(len(labels) + 1, np.int64)
    _count_runs(labels, offsets)
    starts = np.empty(offsets[-1], np.int32)
    values = np.empty(offsets[-1], np.int64)
    _write_runs(labels, offsets, starts, values, np.zeros(labels.shape[1] // 8 * 8 + 8, np.uint8))
    return Runs(offsets, starts, values, np.zeros(offsets[-1], np.int32))


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
