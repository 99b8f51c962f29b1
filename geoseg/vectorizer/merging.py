"""Merge basins to parcels while strips come, and settle for good what rows to come cannot change.

The region graph of a scene is never whole in memory. A *piece* of it is merged, holes are filled
and small parcels given away as far as that is what the whole graph would give; then only regions
that are still open, and those beside them, are carried on to the next piece.
"""

from __future__ import annotations

import math

import numpy as np

from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer import agglomerate, basins, giving, sets
from geoseg.vectorizer.carrying import Fate, carry, may_be_background, piece_graph
from geoseg.vectorizer.compiled import kernel
from geoseg.vectorizer.gather import Basins, Carried, Gathered, Part, nothing
from geoseg.vectorizer.label_options import LabelOptions, levels
from geoseg.vectorizer.region_graph import BACKGROUND, NAME, OPEN, PARENT, STATE, Graph

FULL_AREA = 5
"""Pieces below this many minimum areas need less to be merged with a parcel beside them."""
ENOUGH = 1 << 18
"""Least names of a piece that is merged before the end."""
SHARE = 3
"""A piece has at least this many times the names that are carried on: the work is linear."""
GONE = -1
"""In place of a name: background."""


class Merging:
    """Basins on their way to be parcels."""

    def __init__(self, options: LabelOptions) -> None:
        self._options = options
        self._gathered = Gathered()
        self._first = np.zeros(1, np.int32)

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
        self._first.resize(gathered.names + 1, refcheck=False)
        piece = gathered.join(touching=touching(self._options), to_come=to_come)
        gathered.go_on(*merge_piece(piece, gathered.carried, self._options, self._first))

    def finish(self) -> tuple[np.ndarray, int]:
        """Give the label of each name, as `number` does, and the number of parcels."""
        self.settle(to_come=False)
        return number(self._first)


def touching(options: LabelOptions) -> int:
    """Give the stored boundary value below which a pair of pixels joins parcels; 0: none does."""
    return levels(options)[1] if options.method == "components" else 0


def merge(found: Basins, options: LabelOptions) -> tuple[np.ndarray, int]:
    """Merge the basins of a whole scene, which are not changed; as `Merging.finish`."""
    first = np.zeros(len(found.numbers), np.int32)
    merge_piece(found, nothing(), options, first)
    return number(first)


def merge_piece(
    piece: Basins, carried: Carried, options: LabelOptions, first: np.ndarray
) -> tuple[Carried, np.ndarray]:
    """Merge a piece, and write down what is settled.

    Args:
        piece: basins.
        carried: what the piece began with.
        options: thresholds.
        first: (all names so far + 1,) int32, changed: the first name of the parcel, or of what is
            carried on, that each is part of; GONE there where it is background.

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


def number(first: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the parcels 1, 2, ... by their first names.

    Args:
        first: (names,) int32, an earlier name of the same parcel, itself where it is the first, or
            GONE; changed.

    Returns:
        (names,) int32 labels, 0 for background and -1 for name 0; and the number of parcels.
    """
    return first, int(_number(first))


@kernel
def _number(first):
    """Put labels in the places of names, and give their number."""
    count = np.int64(0)
    for name in range(1, first.size):
        if first[name] == name:
            count += 1
            first[name] = count
        else:
            first[name] = first[first[name]] if first[name] >= 0 else 0
    first[0] = -1
    return count
