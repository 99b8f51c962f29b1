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
from geoseg.vectorizer.gather import Basins, Carried, Gathered, Part, nothing
from geoseg.vectorizer.label_options import LabelOptions, levels
from geoseg.vectorizer.names import GONE, Names
from geoseg.vectorizer.region_graph import BACKGROUND, NAME, OPEN, PARENT, STATE, Graph

FULL_AREA = 5
"""Pieces below this many minimum areas need less to be merged with a parcel beside them."""
ENOUGH = 1 << 16
"""Least names of a piece that is merged before the end."""
SHARE = 3
"""A piece has at least this many times the names that are carried on: the work is linear."""


class Merging:
    """Basins on their way to be parcels."""

    def __init__(self, options: LabelOptions, scratch: Path | None = None) -> None:
        """Begin; in the scratch folder, the system's where it is None, go four bytes a basin."""
        self._options = options
        self._gathered, self._names = Gathered(), Names(scratch)

    @property
    def carried(self) -> int:
        """Number of regions that the last piece left open, and of those beside them."""
        return len(self._gathered.carried.names) - 1

    def add(self, part: Part) -> int:
        """Add the next strip; give what is to be added to its labels to make them names."""
        if self._gathered.size >= max(ENOUGH, (SHARE + 1) * self.carried):
            self.settle(to_come=True)
        return self._gathered.add(part)

    def settle(self, *, to_come: bool) -> None:
        """Merge what is there; it may be done at any time, and the result is the same."""
        gathered = self._gathered
        self._names.grow(gathered.names + 1)
        piece = gathered.join(touching=touching(self._options), to_come=to_come)
        gathered.go_on(*merge_piece(piece, gathered.carried, self._options, self._names.first))

    def finish(self) -> tuple[np.ndarray, int]:
        """Give the label of each name, as `Names.number` does, and the number of parcels."""
        self.settle(to_come=False)
        return self._names.number()


def touching(options: LabelOptions) -> int:
    """Give the stored boundary value below which a pair of pixels joins parcels; 0: none does."""
    return levels(options)[1] if options.method == "components" else 0


def merge(found: Basins, options: LabelOptions) -> tuple[np.ndarray, int]:
    """Merge the basins of a whole scene, which are not changed; as `Merging.finish`."""
    names = Names(None)
    names.grow(len(found.numbers))
    merge_piece(found, nothing(), options, names.first)
    return names.number()


def merge_piece(
    piece: Basins, carried: Carried, options: LabelOptions, first: np.ndarray
) -> tuple[Carried, np.ndarray]:
    """Merge a piece, and write down what is settled.

    Args:
        piece: basins.
        carried: what the piece began with.
        options: thresholds.
        first: (all names so far + 1,) int32 as in `Names`, changed: first name of the parcel, or
            of what is carried on, that each is part of.

    Returns:
        What is carried on, and the place in it of each name of the piece.
    """
    graph, origins, births = piece_graph(piece, carried)
    is_held = _run(graph, piece, births, options)
    nodes = graph.nodes
    roots = sets.chase(nodes[:, PARENT])
    names, known = piece.names[nodes[:, NAME]], len(carried.names)
    first[carried.names] = names[roots[piece.numbers[:known]]]
    first[len(first) - len(piece.numbers) + known :] = names[roots[piece.numbers[known:]]]
    rest, places = carry(graph, piece, Fate(roots, is_held, births, origins))
    gone = nodes[:, BACKGROUND] == 1
    if options.confidence > 0:
        sums = np.bincount(roots, piece.statistics[:, basins.PARCEL_SUM], len(roots))
        least = options.confidence * PROBABILITY_SCALE  # sums are exact in float64 below 2**53
        gone |= (sums < least * graph.areas) & (places == 0)
    gone &= (roots == np.arange(len(roots))) & (nodes[:, STATE] != OPEN)
    first[names[gone]] = GONE
    return rest, places[roots][piece.numbers]


def _run(graph: Graph, piece: Basins, births: np.ndarray, options: LabelOptions) -> np.ndarray:
    """Merge, fill holes, then give small parcels away; tell what is not merged any more."""
    scale = PROBABILITY_SCALE << agglomerate.MEAN_SHIFT
    if options.method == "basins":
        rule = agglomerate.Rule(
            limit=round(options.merge * scale),
            narrow=round(options.neck * scale),
            full_area=round(FULL_AREA * options.min_area_pixels),
        )
        agglomerate.merge_regions(graph, rule, births)
    is_held = graph.nodes[:, STATE] != OPEN
    hole = math.floor(options.max_hole_pixels) + 1
    nodes, may_be = graph.nodes, may_be_background(piece)
    nodes[may_be, BACKGROUND] = 1
    is_large = piece.background & (graph.areas >= hole)
    nodes[may_be & piece.is_open & ~is_large, STATE] = OPEN
    giving.fill_holes(graph, hole)
    giving.give_away(graph, math.ceil(options.min_area_pixels))
    return is_held
