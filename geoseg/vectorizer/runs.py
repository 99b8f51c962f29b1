"""Write labels as runs: stretches of equal pixels in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer.compiled import kernel
from geoseg.vectorizer.scratch import Scratch

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
        line = labels[row]
        before, after, here = line[: width - 1], line[1:], flags[1:width]
        for col in range(width - 1):
            here[col] = before[col] != after[col]
        own, own_values = starts[offsets[row] :], values[offsets[row] :]
        own[0] = 0
        n = 1
        for word in range(words.size):
            if words[word]:
                for col in range(8 * word, 8 * word + 8):
                    own[n] = col
                    n += flags[col]
        for run in range(n):
            own_values[run] = line[own[run]]
        own[n], own_values[n] = width, OUTSIDE
        row += 1
        offsets[row] = offsets[row - 1] + n + 1
    return row


def encode(labels: np.ndarray, scratch: Scratch) -> Runs:
    """Write rows of labels as runs; no region is known yet.

    Args:
        labels: (rows, width) integer.
        scratch: room for the runs.

    Returns:
        The runs; `regions` holds anything.

    >>> encode(np.array([[7, 7, 3]]), Scratch()).starts.tolist()
    [0, 2, 3]
    """
    kind = np.int32 if np.can_cast(labels.dtype, np.int32) else np.int64
    labels = np.ascontiguousarray(labels, kind)
    height, width = labels.shape
    offsets, row = np.zeros(height + 1, np.int64), 0
    room = height * width // 8 + 2 * width + 18
    flags = np.zeros(width // 8 * 8 + 8, np.uint8)
    n = 0
    while row < height:
        starts = scratch.array("starts", room, np.int32, keep=n)
        values = scratch.array("values", room, np.int64, keep=n)
        row = _write_runs(labels, row, offsets, starts, values, flags, flags.view(np.uint64))
        n, room = int(offsets[row]), 2 * room
    return Runs(offsets, starts[:n], values[:n], scratch.array("regions", n, np.int32))


@kernel
def rename(regions, names):
    """Give regions the names of their numbers, in place."""
    for run in range(len(regions)):
        regions[run] = names[regions[run]]


def nothing() -> Runs:
    """Give the row above the first and below the last: all outside."""
    empty = np.zeros(0, np.int32)
    return Runs(np.zeros(2, np.int64), empty, np.zeros(0, np.int64), empty)


def row_of(rows: Runs, row: int, names: np.ndarray | None = None) -> Runs:
    """Copy one row; where there are names, its regions get the names of their numbers."""
    if len(rows.offsets) < 2:
        return nothing()
    start, stop = rows.offsets[:-1][row], rows.offsets[1:][row]
    regions = rows.regions[start:stop]
    return Runs(
        np.array([0, stop - start]), rows.starts[start:stop].copy(),
        rows.values[start:stop].copy(), regions.copy() if names is None else names[regions],
    )


def below(above: Runs, rows: Runs) -> Runs:
    """Put rows under a row."""
    carried = len(above.starts)
    return Runs(
        np.concatenate([[0], rows.offsets + carried]),
        np.concatenate([above.starts, rows.starts]),
        np.concatenate([above.values, rows.values]),
        np.concatenate([above.regions, rows.regions]),
    )
