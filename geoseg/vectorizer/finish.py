"""Make a batch of finished parcels: polygons, their measures, and the columns.

This needs nothing of what is still open, so a thread may do it while the next rows are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine

from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer import assemble, regions
from geoseg.vectorizer.assemble import Lines
from geoseg.vectorizer.batch import ParcelBatch
from geoseg.vectorizer.measure import Ground
from geoseg.vectorizer.outlines import Outlines
from geoseg.vectorizer.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Finished:
    """Regions that get no more pixels, and the arcs around them; nobody changes these."""

    regions: np.ndarray
    """(n,) int64, rows of the region table, in the order of the parcels."""
    table: np.ndarray
    """Region table."""
    groups: np.ndarray
    """For each region of the table one of its group: the regions that are one parcel."""
    in_arcs: np.ndarray
    """For each region of the table whether its rings are to be made of arcs."""
    lines: Lines
    """All arcs of these regions, and others."""
    outlines: Sequence[Outlines]
    """The rings of the regions that have no arcs."""
    is_plain: bool
    """Whether all lines are the borders themselves."""
    transform: Affine
    """Pixel corner to CRS coordinates."""
    ground: Ground
    """How parcels are measured."""
    room: Scratch
    """For the work."""

    def batch(self) -> ParcelBatch:
        """Draw and measure the parcels."""
        ranks = np.full(len(self.table) + 1, -1, np.int64)
        ranks[self.regions] = np.arange(len(self.regions))
        shapes = assemble.assemble(
            self.lines, self.outlines, ranks, self.in_arcs, self.transform, self.room,
            is_plain=self.is_plain,
        )
        if shapes.steps is not None and self.ground.is_planar:
            areas, perimeters = self.ground.measure_steps(*shapes.steps, self.transform)
        else:
            parts = (shapes.coords, shapes.ring_offsets, shapes.polygon_offsets)
            areas, perimeters = self.ground.measure(*parts)
        table = self.table.take(self.regions, axis=0)
        firsts = np.flatnonzero(np.diff(self.groups[self.regions], prepend=-1))
        sums, edge = table[:, regions.PARCEL_SUM :], shapes.edge
        if len(firsts) < len(table):
            sums, areas, perimeters = (
                np.add.reduceat(one, firsts) for one in (sums, areas, perimeters)
            )
            edge = np.logical_or.reduceat(edge, firsts)
        parcel_sum, parcel_count, border_sum, border_count = sums.T
        with np.errstate(invalid="ignore"):
            inside, border = parcel_sum / parcel_count, border_sum / border_count
        return ParcelBatch(
            parcel_id=table[firsts, regions.FIRST] + 1,
            value=table[firsts, regions.VALUE],
            area_m2=areas,
            perimeter_m=perimeters,
            confidence=inside / PROBABILITY_SCALE,
            boundary=border / PROBABILITY_SCALE,
            edge=edge,
            coords=shapes.coords,
            ring_offsets=shapes.ring_offsets,
            polygon_offsets=shapes.polygon_offsets,
            parcel_offsets=np.append(firsts, len(table)),
        )


def in_order(own: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Order regions as parcels come: by last row, then by first pixel, then by their own first one.

    Args:
        own: (n,) int64, first pixel of each region.
        first, last: (n,) int64, first pixel and last row of the parcel that it is part of.
    """
    span = last - last.min()
    if np.array_equal(own, first) and (np.diff(own) > 0).all() and span.max() < 1 << 16:
        return np.argsort(span.astype(np.uint16), kind="stable")  # by counting: much faster
    return np.lexsort((own, first, last))
