"""Polygons as a short text: whole numbers, differences, variable length, base 64."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

SIDE = 1 << 16
"""Steps along the longer side of a map: finer than any screen at any useful zoom."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle that a map shows, in coordinates of whatever is drawn."""

    xmin: float
    """Left."""
    ymin: float
    """Lower edge, or upper edge where y runs down."""
    xmax: float
    """Right."""
    ymax: float
    """The other edge."""
    down: bool = False
    """True where y runs down, as rows of pixels do."""

    @property
    def step(self) -> float:
        """How much of a coordinate one step is."""
        return max(self.xmax - self.xmin, self.ymax - self.ymin) / SIDE or 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in steps."""
        return (
            round((self.ymax - self.ymin) / self.step), round((self.xmax - self.xmin) / self.step)
        )

    def steps(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Give (n, 2) points as steps right and down."""
        x = (points[:, 0] - self.xmin) / self.step
        y = points[:, 1] - self.ymin if self.down else self.ymax - points[:, 1]
        return np.rint(np.column_stack([x, y / self.step])).astype(np.int64)


def encode_outlines(shapes: NDArray[np.object_], frame: Frame) -> str:
    """Encode polygons: for each the number of rings, for each ring of points, then differences.

    Rings lose their closing point. Numbers are zigzag-coded, 7 bits a byte, lowest first, as in
    Protocol Buffers. O(points).
    """
    parts, shape = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    owner = shape[part]
    points, ring = shapely.get_coordinates(rings, return_index=True)
    last = np.append(ring[1:] != ring[:-1], True)[: len(ring)]
    points, ring = frame.steps(points[~last]), ring[~last]
    moves = np.diff(points, axis=0, prepend=np.zeros((1, 2), np.int64))
    counts = np.bincount(ring, minlength=len(rings))
    of_rings = np.bincount(owner, minlength=len(shapes))
    values = np.concatenate([2 * moves.ravel() ^ (moves.ravel() >> 63), counts, of_rings])
    starts = np.cumsum(counts) - counts
    first = np.cumsum(of_rings) - of_rings
    place = np.concatenate([
        np.repeat(3 * ring + 2, 2),
        3 * np.arange(len(rings)) + 1,
        3 * np.minimum(first, max(0, len(rings) - 1)),
    ])
    minor = np.concatenate([
        np.arange(2 * len(points)), starts, np.arange(len(shapes)),
    ])
    order = np.lexsort((minor, place))
    return base64.b64encode(_varints(values[order])).decode()


def _varints(values: NDArray[np.int64]) -> bytes:
    """Write numbers of 0 or more, 7 bits a byte."""
    rest = values.astype(np.uint64)
    columns, more = [], np.ones(len(rest), np.bool_)
    kept = []
    while more.any():
        low = (rest & 127).astype(np.uint8)
        rest = rest >> np.uint64(7)
        columns.append(np.where(rest > 0, low | 128, low).astype(np.uint8))
        kept.append(more)
        more = more & (rest > 0)
    if not columns:
        return b""
    table, used = np.stack(columns, axis=1), np.stack(kept, axis=1)
    return table[used].tobytes()
