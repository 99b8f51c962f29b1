"""The region graph of a piece, made of what was carried on to it, and what it carries on itself.

Where scores are equal, the border with the smaller *origin* is contracted first: the first pair of
basins whose border is part of it. It does not depend on how pieces are cut, as a row number would.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.vectorizer import basins, region_graph
from geoseg.vectorizer.borders import DTYPES, Borders, reduce_borders
from geoseg.vectorizer.gather import Basins
from geoseg.vectorizer.heap import LOW_HALF
from geoseg.vectorizer.label_options import MAX_AREA
from geoseg.vectorizer.region_graph import (
    BACKGROUND, COUNT, END, HELD, LOW, NAME, OPEN, STATE, SUM, WIDE, Graph,
)
from geoseg.vectorizer.rest import Carried

NO_PAIR = 255
"""Least value of a border over which parcels are not joined by touch any more."""


class Fate(NamedTuple):
    """What became of the regions of a piece."""

    roots: np.ndarray
    """(basins,) the region that each is part of."""
    is_held: np.ndarray
    """(basins,) bool, of regions: they are not merged any more."""
    origins: np.ndarray
    """(edges,) int64, of the edges of the graph."""


def may_be_background(piece: Basins) -> np.ndarray:
    """Tell which basins are background, or may be when all of them is known."""
    return piece.background | (piece.is_open & (piece.statistics[:, basins.PARCELS] == 0))


def piece_graph(piece: Basins) -> tuple[Graph, np.ndarray]:
    """Give the graph of a piece, its edges by their origins, and (edges,) int64 these."""
    nodes, areas = region_graph.regions(piece.statistics, piece.background)
    nodes[piece.numbers[piece.places[piece.carried.is_held]], STATE] = HELD
    nodes[piece.is_open & ~piece.background, STATE] = OPEN
    table, origins = region_graph.edges(piece.borders), _origins(piece)
    if len(piece.places) > 0:
        order = np.argsort(origins, kind="stable")
        table, origins = table[order], origins[order]
    return region_graph.linked(nodes, areas, table), origins


def _origins(piece: Basins) -> np.ndarray:
    """Give the origins of a piece's borders: their basins' names, but for those carried on."""
    ends, carried = (piece.borders.one, piece.borders.other), piece.carried
    origins = _pairs(*(piece.first[end] for end in ends))
    before = _pairs(*(piece.numbers[end] for end in (carried.borders.one, carried.borders.other)))
    lasting = before >> 32 != before & LOW_HALF
    if not lasting.any():
        return origins
    rows = np.searchsorted(_pairs(*ends), before[lasting])
    origins[rows] = np.iinfo(np.int64).max
    halves = carried.origins[lasting] >> 32, carried.origins[lasting] & LOW_HALF
    new = piece.first[piece.numbers[piece.places]]
    renamed = _pairs(*(_renamed(names, carried.names, new) for names in halves))
    np.minimum.at(origins, rows, renamed)
    return origins


def _renamed(names: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Give the new names of basins; those that are not among the old ones keep theirs."""
    places = np.minimum(np.searchsorted(old, names), len(old) - 1)
    return np.where(old[places] == names, new[places], names)


def _pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Give pairs of numbers, the smaller first, as one number each."""
    return (np.minimum(one, other).astype(np.int64) << 32) | np.maximum(one, other)


def carry(graph: Graph, piece: Basins, fate: Fate) -> tuple[Carried, np.ndarray]:
    """Give the regions that are open, those beside them, and those that touch rows to come.

    All background that is settled is one of them.

    Returns:
        They, and (basins,) int32, the number among them of each region of the graph, 0 for none.
    """
    nodes, edges = graph.nodes, graph.edges
    is_open = (nodes[:, STATE] == OPEN) & (fate.roots == np.arange(len(nodes)))
    rows = np.flatnonzero(edges[:, COUNT] > 0)
    ends = edges[rows, END], edges[rows, END + 1]
    kept = is_open[ends[0]] | is_open[ends[1]]
    rows, ends = rows[kept], tuple(end[kept] for end in ends)
    stays = is_open.copy()
    for some in (*ends, fate.roots[piece.is_open]):
        stays[some] = True
    chosen, places = _places(nodes, stays, is_open)
    borders, origins = _borders(edges[rows], places, piece.is_open, fate.origins[rows])
    return Carried(
        piece.first[nodes[chosen, NAME]],
        _statistics(nodes, piece, fate.roots, chosen, places, is_open),
        borders, origins, fate.is_held[chosen],
    ), places


def _places(nodes: np.ndarray, stays: np.ndarray, is_open: np.ndarray) -> tuple:
    """Say which regions are carried on, and which of them, from 1 on, each region is part of."""
    group = np.arange(len(nodes))
    settled = np.flatnonzero(stays & ~is_open & (nodes[:, BACKGROUND] == 1))
    if len(settled) > 0:
        group[settled] = settled[nodes[settled, NAME].argmin()]
    chosen = np.flatnonzero(stays & (group == np.arange(len(nodes))))
    chosen = chosen[nodes[chosen, NAME].argsort()]
    places = np.zeros(len(nodes), np.int32)
    places[chosen] = np.arange(1, len(chosen) + 1)
    return chosen, places[group]


def _borders(
    table: np.ndarray, places: np.ndarray, touches: np.ndarray, origins: np.ndarray
) -> tuple[Borders, np.ndarray]:
    """Give the borders between places, and their origins."""
    one, other = table[:, END], table[:, END + 1]
    low = np.where(touches[one] & touches[other], table[:, LOW], NO_PAIR)
    columns = one, other, table[:, SUM], table[:, COUNT], low, table[:, WIDE]
    borders = Borders(*map(np.ndarray.astype, columns, DTYPES))
    _, rows = np.unique(_pairs(places[one], places[other]), return_index=True)
    return reduce_borders([borders], places), origins[rows]


def _statistics(
    nodes: np.ndarray, piece: Basins, roots: np.ndarray, chosen: np.ndarray, places: np.ndarray,
    is_open: np.ndarray,
) -> np.ndarray:
    """Give the statistics of what is carried on, so that each is again what it is now."""
    members = places[roots] > 0
    table = basins.add_up([piece.statistics[members]], places[roots[members]] - 1)
    may_be = may_be_background(piece) & ~piece.background
    background = (nodes[chosen, BACKGROUND] == 1) & ~may_be[chosen]
    table[:, basins.BACKGROUNDS] = background
    table[~background & ~piece.is_open[chosen], basins.PARCELS] = 1
    table[background & ~is_open[chosen], basins.AREA] = MAX_AREA
    return table
