"""Merge basins to parcels while strips come, and settle for good what rows to come cannot change.

The region graph of a scene is never whole in memory. A *piece* of it is merged, holes are filled
and small parcels given away as far as that is what the whole graph would give; then only regions
that are still open, and those beside them, are carried on to the next piece.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer import agglomerate, basins, giving, sets
from geoseg.vectorizer.carrying import Fate, carry, may_be_background, piece_graph
from geoseg.vectorizer.gather import Basins, Gathered
from geoseg.vectorizer.label_options import LabelOptions, levels
from geoseg.vectorizer.names import GONE, Names
from geoseg.vectorizer.part import Part
from geoseg.vectorizer.region_graph import BACKGROUND, NAME, OPEN, PARENT, STATE, Graph
from geoseg.vectorizer.rest import Carried, Rest

FULL_AREA = 5
"""Pieces below this many minimum areas need less to be merged with a parcel beside them."""
ENOUGH = 1 << 16
"""Least names of a piece that is merged before the end."""
SHARE = 3
"""A piece has at least this many times the names that are carried on: the work is linear."""


class Merging:
    """Basins on their way to be parcels."""

    def __init__(
        self, options: LabelOptions, scratch: Path | None = None, *, from_above: bool = False
    ) -> None:
        """Begin.

        Args:
            options: thresholds.
            scratch: folder for four bytes a basin; None is the system's.
            from_above: whether there are rows above the first strip that are not seen here.
        """
        self._options = options
        self._gathered, self._names = Gathered(from_above=from_above), Names(scratch)
        self.carried = 0
        """Number of regions that the last piece left open, and of those beside them."""

    def add(self, part: Part) -> int:
        """Add the next strip; give what is to be added to its labels to make them names."""
        self._settle_if_enough()
        return self._gathered.add(part)

    def take(self, rest: Rest, first: np.ndarray) -> int:
        """Add rows that were merged before; give what is to be added to their names.

        Args:
            rest: what that left.
            first: (names of the rows + 1,) int32, as `leave` gives them.
        """
        self._settle_if_enough()
        start = self._gathered.take(rest)
        self._names.grow(self._gathered.names + 1)
        self._names.first[start + 1 :] = np.where(first > 0, first + np.int32(start), first)[1:]
        return start

    def settle(self, *, to_come: bool) -> None:
        """Merge what is there; it may be done at any time, and the result is the same."""
        gathered = self._gathered
        self._names.grow(gathered.names + 1)
        piece = gathered.join(touching=touching(self._options), to_come=to_come)
        carried, places = merge_piece(piece, self._options, self._names.first)
        gathered.go_on(carried, places)
        self.carried = len(carried.names)

    def leave(self, *, to_come: bool) -> tuple[Rest, np.ndarray]:
        """Give what merging leaves of the rows so far, and the first name of each, for `take`."""
        self.settle(to_come=to_come)
        return self._gathered.rest(), self._names.first

    def finish(self) -> tuple[np.ndarray, int]:
        """Give the label of each name, as `Names.number` does, and the number of parcels."""
        self.settle(to_come=False)
        return self._names.number()

    def _settle_if_enough(self) -> None:
        if self._gathered.size >= max(ENOUGH, (SHARE + 1) * self.carried):
            self.settle(to_come=True)


def touching(options: LabelOptions) -> int:
    """Give the stored boundary value below which a pair of pixels joins parcels; 0: none does."""
    return levels(options)[1] if options.method == "components" else 0


def merge(found: Basins, options: LabelOptions) -> tuple[np.ndarray, int]:
    """Merge the basins of a whole scene, which are not changed; as `Merging.finish`."""
    names = Names(None)
    names.grow(len(found.numbers))
    merge_piece(found, options, names.first)
    return names.number()


def merge_piece(
    piece: Basins, options: LabelOptions, first: np.ndarray
) -> tuple[Carried, np.ndarray]:
    """Merge a piece, and write down what is settled.

    Args:
        piece: basins.
        options: thresholds.
        first: (all names so far + 1,) int32 as in `Names`, changed: first name of the parcel, or
            of what is carried on, that each is part of.

    Returns:
        What is carried on, and the number of its region there for each number of the piece.
    """
    graph, origins = piece_graph(piece)
    is_held = _run(graph, piece, options)
    nodes = graph.nodes
    roots = sets.chase(nodes[:, PARENT])
    names = piece.first[nodes[:, NAME]]
    first[piece.names] = names[roots[piece.numbers]]
    rest, places = carry(graph, piece, Fate(roots, is_held, origins))
    gone = nodes[:, BACKGROUND] == 1
    if options.confidence > 0:
        sums = np.bincount(roots, piece.statistics[:, basins.PARCEL_SUM], len(roots))
        least = options.confidence * PROBABILITY_SCALE  # sums are exact in float64 below 2**53
        gone |= (sums < least * graph.areas) & (places == 0)
    gone &= (roots == np.arange(len(roots))) & (nodes[:, STATE] != OPEN)
    first[names[gone]] = GONE
    return rest, places[roots][piece.numbers]


def _run(graph: Graph, piece: Basins, options: LabelOptions) -> np.ndarray:
    """Merge, fill holes, then give small parcels away; tell what is not merged any more."""
    scale = PROBABILITY_SCALE << agglomerate.MEAN_SHIFT
    if options.method == "basins":
        rule = agglomerate.Rule(
            limit=round(options.merge * scale),
            narrow=round(options.neck * scale),
            full_area=round(FULL_AREA * options.min_area_pixels),
        )
        agglomerate.merge_regions(graph, rule)
    is_held = graph.nodes[:, STATE] != OPEN
    hole = math.floor(options.max_hole_pixels) + 1
    nodes, may_be = graph.nodes, may_be_background(piece)
    nodes[may_be, BACKGROUND] = 1
    is_large = piece.background & (graph.areas >= hole)
    nodes[may_be & piece.is_open & ~is_large, STATE] = OPEN
    giving.fill_holes(graph, hole)
    giving.give_away(graph, math.ceil(options.min_area_pixels))
    return is_held
