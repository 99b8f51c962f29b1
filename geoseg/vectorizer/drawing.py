"""Draw what is whole, in parts and by all threads: arcs, or rings at once."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from geoseg.grid import GeoBox
from geoseg.ground import metres_per_pixel
from geoseg.vectorizer import guards, junctions, simplify, stitch
from geoseg.vectorizer.arcs import Arcs
from geoseg.vectorizer.assemble import Lines
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.outlines import Outlines, outlines
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.threads import even_parts, spread
from geoseg.vectorizer.trace import Corners


def aspect_of(geobox: GeoBox) -> float:
    """Give the height of a pixel divided by its width: on the ground, or else in the CRS."""
    a, b, _, d, e, _ = geobox.transform[:6]
    across, down = metres_per_pixel(geobox) or (math.hypot(a, d), math.hypot(b, e))
    return down / across


@dataclass(frozen=True, slots=True)
class Drawing:
    """How lines are drawn, and by whom."""

    options: LineOptions
    width: int
    """Columns of the raster."""
    aspect: float
    """Height of a pixel divided by its width."""
    scratch: Scratch
    pool: Executor | None
    threads: int

    def place_junctions(self, corners: Corners, first: int, last: int, height: int) -> None:
        """Find where the junctions among the corners [first, last) are drawn; see `place`."""

        def part(_: int, first: int, last: int) -> None:
            junctions.place(corners, first, last, self.width, height, *np.zeros((2, 3, 6)))

        spread(part, self._parts(first, last), self.pool)

    def arcs(
        self, corners: Corners, first: int, last: int, sought: np.ndarray, bare: np.ndarray
    ) -> list[tuple[Arcs, Lines]]:
        """Find arcs that end at the corners [first, last), and simplify them; see `find_arcs`."""
        if first == last or not (sought == 1).any():
            return []
        cut, method = self.options.smooth != "none", self.options.method
        cells = self._index(corners) if method != "none" else np.zeros((0, 0), np.int32)

        def part(number: int, first: int, last: int) -> tuple[Arcs, Lines]:
            scratch = self.scratch.part(number)
            found = stitch.whole_arcs(
                corners, first, last, sought, bare, self.width, scratch,
                plain=method == "none" and not cut,
            )
            points, offsets = simplify.simplify(
                corners, found, cells, scratch, cut=cut, method=method,
                tolerance=self.options.tolerance, trim=self.options.trim, aspect=self.aspect,
            )
            return found, Lines(found.table, offsets, points)

        return spread(part, self._parts(first, last), self.pool)

    def rings(
        self, corners: Corners, last: int, wanted: np.ndarray, bare: np.ndarray, room: Scratch
    ) -> list[Outlines]:
        """Walk the rings of regions, from corners up to `last`; see `find_rings`."""
        if not wanted.any():
            return []

        seen = self.scratch.array("seen", len(corners.links), np.uint8)
        seen.fill(0)

        def part(number: int, first: int, last: int) -> Outlines:
            return outlines(
                corners, first, last, wanted, bare, self.width, seen, room.part(number)
            )

        return spread(part, self._parts(0, last), self.pool)

    def _index(self, corners: Corners) -> np.ndarray:
        """Make the index of corners by row and column that a `Guard` needs."""
        cells = self.scratch.array("cells", guards.index_shape(corners, self.width), np.int32)

        def part(_: int, first: int, last: int) -> None:
            guards.fill_index(corners, first, cells[first:last])

        spread(part, self._parts(0, len(cells)), self.pool)
        return cells

    def _parts(self, first: int, last: int) -> list[tuple[int, int, int]]:
        ranges = enumerate(even_parts(first, last, self.threads))
        return [(number, *ends) for number, ends in ranges]
