"""A coverage: regions that fit together without gap or overlap, kept as their borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoseg.errors import TopologyError
from geoseg.grid import GeoBox


@dataclass(frozen=True, slots=True)
class Coverage:
    """Arcs on integer pixel corners; each border between two regions is there once.

    An arc runs from junction to junction, or is a loop that ends where it starts. Rows go down.
    """

    corners: np.ndarray
    """(n, 2) int32, column and row of the pixel corners where arcs bend or end."""
    arc_offsets: np.ndarray
    """(arcs + 1,) int64, start of each arc in corners."""
    left: np.ndarray
    """(arcs,) int64, region on the left hand: 1 + its first pixel in row-major order; 0 outside."""
    right: np.ndarray
    """(arcs,) int64, region on the right hand."""
    geobox: GeoBox
    """The grid that the corners belong to."""

    def __post_init__(self) -> None:
        arcs = len(self.arc_offsets) - 1
        if len(self.left) != arcs or len(self.right) != arcs:
            raise TopologyError(
                f"{arcs} arcs have {len(self.left)} left and {len(self.right)} right sides"
            )
        if arcs and (np.diff(self.arc_offsets) < 2).any():
            raise TopologyError(f"arc {int(np.argmin(np.diff(self.arc_offsets)))} has no edge")
        if self.arc_offsets[-1] != len(self.corners):
            raise TopologyError(
                f"arcs end at corner {self.arc_offsets[-1]} of {len(self.corners)}"
            )

    def __len__(self) -> int:
        """Give the number of arcs."""
        return len(self.left)

    def areas(self) -> dict[int, int]:
        """Give the pixels of each region, from its borders alone."""
        x, y = self.corners.astype(np.int64).T
        cross = np.zeros(len(x), np.int64)
        cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
        cross[self.arc_offsets[1:] - 1] = 0
        under = np.add.reduceat(cross, self.arc_offsets[:-1]) if len(self) else cross
        regions = np.unique(np.concatenate([self.left, self.right]))
        twice = np.zeros(len(regions), np.int64)
        np.add.at(twice, np.searchsorted(regions, self.right), under)
        np.subtract.at(twice, np.searchsorted(regions, self.left), under)
        return dict(zip(regions.tolist(), (twice // 2).tolist(), strict=True))

    def check(self) -> None:
        """Make sure of what must hold of every coverage; linear in the corners.

        Raises:
            TopologyError: an arc has one region on both sides, has an edge that is not along a
                row or a column, or an edge is there twice; or regions do not fill the grid.
        """
        if (same := self.left == self.right).any():
            raise TopologyError(f"arc {int(np.argmax(same))} has one region on both sides")
        inside = np.ones(len(self.corners), bool)
        inside[self.arc_offsets[1:] - 1] = False
        start = self.corners[inside]
        stop = self.corners[np.flatnonzero(inside) + 1]
        if ((start == stop).sum(axis=1) != 1).any():
            raise TopologyError("an edge is not along one row or column")
        edges = np.concatenate([np.minimum(start, stop), np.maximum(start, stop)], axis=1)
        if len(np.unique(edges, axis=0)) != len(edges):
            raise TopologyError("an edge is there twice")
        areas = self.areas()
        outside, pixels = areas.pop(0, 0), self.geobox.height * self.geobox.width
        if outside != -pixels or sum(areas.values()) != pixels or min(areas.values()) <= 0:
            raise TopologyError(f"regions cover {sum(areas.values())} of {pixels} pixels")
