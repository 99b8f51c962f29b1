"""Labels as runs: stretches of equal pixels in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.kernels.compiled import kernel

OUTSIDE = np.iinfo(np.int64).min
"""The value around the raster; no raster may use it."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of some rows; a row ends with an entry at x = width that is outside."""

    offsets: np.ndarray
    """(rows + 1,) int64, start of each row in the other arrays; a row outside has no entries."""
    starts: np.ndarray
    """(n,) int32, first column of each run."""
    regions: np.ndarray
    """(n,) int32, row of the region table; 0 is outside."""


@kernel
def rename(regions, names):
    """Give regions the names of their numbers, in place."""
    for run in range(len(regions)):
        regions[run] = names[regions[run]]


def nothing() -> Runs:
    """Give the row above the first and below the last: all outside."""
    empty = np.zeros(0, np.int32)
    return Runs(np.zeros(2, np.int64), empty, empty)


def row_of(rows: Runs, row: int, names: np.ndarray | None = None) -> Runs:
    """Copy one row; where there are names, its regions get the names of their numbers."""
    if len(rows.offsets) < 2:
        return nothing()
    start, stop = rows.offsets[:-1][row], rows.offsets[1:][row]
    regions = rows.regions[start:stop]
    return Runs(
        np.array([0, stop - start]), rows.starts[start:stop].copy(),
        regions.copy() if names is None else names[regions],
    )


def below(above: Runs, rows: Runs) -> Runs:
    """Put rows under a row."""
    return Runs(
        np.concatenate([[0], rows.offsets + len(above.starts)]),
        np.concatenate([above.starts, rows.starts]),
        np.concatenate([above.regions, rows.regions]),
    )


def pixels(row: Runs, width: int) -> np.ndarray:
    """Give the regions of the pixels of one row."""
    if not len(row.starts):
        return np.zeros(width, np.int32)
    return np.repeat(row.regions[:-1], np.diff(row.starts))
