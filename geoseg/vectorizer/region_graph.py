"""The graph of regions and borders that merging works on: two regions become one in place.

A region's borders are a linked list, and a hash table finds the border of a pair, so that making
two regions one costs the borders of the one that has fewer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer import basins
from geoseg.vectorizer.borders import EMPTY, Borders, first_place, pair_key

LAST = -1
"""End of a list."""
HEAD, DEGREE, PARENT, PEAK, BACKGROUND, STATE, NAME = range(7)
"""Columns of a region: first half-edge, living edges, what it was merged into (itself if it lives),
largest distance to a pixel of another kind, 1 if background, state, smallest region in it."""
FREE, OPEN, HELD = range(3)
"""States of a region: it may be merged; what becomes of it is known only with the rows to come; it
will not be merged any more."""
END, NEXT, SUM, COUNT, LOW, WIDE = 0, 2, 4, 5, 6, 7
"""Columns of an edge: two regions, two next half-edges, statistics of `Borders`; an edge that is
gone has no pairs."""


class Graph(NamedTuple):
    """Regions and borders as tables that the kernels change; few, so that they compile fast.

    A region's borders are a linked list of *half-edges*: number 2e + side is edge e on that side.
    """

    nodes: np.ndarray
    """(regions, 7) int32: HEAD, DEGREE, PARENT, PEAK, BACKGROUND, STATE, NAME."""
    areas: np.ndarray
    """(regions,) int64, pixels."""
    edges: np.ndarray
    """(edges, 8) int32: END, END + 1, NEXT, NEXT + 1, SUM, COUNT, LOW, WIDE; half-edges are int32,
    so there are at most 2**30, and a border has at most 8 million pairs of pixels."""
    places: np.ndarray
    """(places,) int32 hash table: the edge of each pair of regions."""


def regions(statistics: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give nodes and areas of the graph of regions 0 to n - 1, not linked yet.

    Args:
        statistics: (n, columns) int64, as `measure_basins` gives.
        background: (n,) bool.
    """
    nodes = np.zeros((len(statistics), 7), np.int32)
    nodes[:, HEAD], nodes[:, PARENT] = LAST, np.arange(len(nodes))
    nodes[:, NAME], nodes[background, STATE] = np.arange(len(nodes)), HELD
    nodes[:, PEAK], nodes[:, BACKGROUND] = statistics[:, basins.PEAK], background
    return nodes, statistics[:, basins.AREA].copy()


def edges(borders: Borders) -> np.ndarray:
    """Give the edges of the graph, not linked yet."""
    table = np.empty((len(borders.one), 8), np.int32)
    columns = (END, END + 1, SUM, COUNT, LOW, WIDE)
    for column, values in zip(columns, borders, strict=True):
        table[:, column] = values
    return table


def linked(nodes: np.ndarray, areas: np.ndarray, table: np.ndarray) -> Graph:
    """Link regions and edges to a graph."""
    size = 1 << (len(table) + len(table) // 2 + 1).bit_length()
    graph = Graph(nodes, areas, table, np.full(size, EMPTY, np.int32))
    _link(graph)
    return graph


@helper
def _home(graph, one, other):
    """Give the place of the edge between two regions, or the free place where it belongs."""
    low, high, last = min(one, other), max(one, other), graph.places.size - 1
    place = first_place(pair_key(low, high), last)
    while graph.places[place] != EMPTY:
        ends = graph.edges[graph.places[place]]
        if min(ends[END], ends[END + 1]) == low and max(ends[END], ends[END + 1]) == high:
            break
        place = (place + 1) & last
    return place


@helper
def _hang(graph, edge, side):
    """Put an edge at the head of its end's list."""
    own = graph.edges[edge, END + side]
    graph.edges[edge, NEXT + side] = graph.nodes[own, HEAD]
    graph.nodes[own, HEAD] = 2 * edge + side
    graph.nodes[own, DEGREE] += 1


@kernel
def _link(graph):
    """Fill the lists and the hash table of a new graph."""
    for edge in range(np.int64(len(graph.edges))):
        _hang(graph, edge, 0)
        _hang(graph, edge, 1)
        graph.places[_home(graph, graph.edges[edge, END], graph.edges[edge, END + 1])] = edge


@helper
def _forget(graph, edge):
    """Delete an edge from the hash table and close the gap (Knuth 6.4, algorithm R)."""
    last = graph.places.size - 1
    gap = _home(graph, graph.edges[edge, END], graph.edges[edge, END + 1])
    graph.places[gap] = EMPTY
    place = (gap + 1) & last
    while graph.places[place] != EMPTY:
        moved = graph.places[place]
        graph.places[place] = EMPTY
        graph.places[_home(graph, graph.edges[moved, END], graph.edges[moved, END + 1])] = moved
        place = (place + 1) & last


@helper
def _move_edge(graph, half, gone, kept):
    """Hang an edge of the region that goes on the one that stays; give the edge it joined or -1."""
    edge, side = half >> 1, half & 1
    far = graph.edges[edge, END + 1 - side]
    _forget(graph, edge)
    place = _home(graph, kept, far)
    if graph.places[place] == EMPTY:
        graph.edges[edge, END + side] = kept
        _hang(graph, edge, side)
        graph.places[place] = edge
        return LAST
    other = graph.places[place]
    if edge < other:
        graph.edges[edge, END + side] = kept
        _hang(graph, edge, side)
        graph.nodes[kept, DEGREE] -= 1
        graph.places[place] = edge
        edge, other = other, edge
    own, onto = graph.edges[edge], graph.edges[other]
    graph.nodes[far, DEGREE] -= 1
    onto[SUM] += own[SUM]
    onto[COUNT] += own[COUNT]
    own[COUNT] = 0
    onto[LOW] = min(onto[LOW], own[LOW])
    onto[WIDE] = max(onto[WIDE], own[WIDE])
    return other


@helper
def contract(graph, edge, touched):
    """Make the two regions of an edge one: give it, and how many edges grew (listed in touched)."""
    kept, gone = graph.edges[edge, END], graph.edges[edge, END + 1]
    if graph.nodes[kept, DEGREE] < graph.nodes[gone, DEGREE]:
        kept, gone = gone, kept
    _forget(graph, edge)
    graph.edges[edge, COUNT] = 0
    graph.nodes[kept, DEGREE] -= 1
    n, half = np.int64(0), graph.nodes[gone, HEAD]
    while half != LAST:
        after = graph.edges[half >> 1, NEXT + (half & 1)]
        if graph.edges[half >> 1, COUNT] > 0:
            touched[n] = _move_edge(graph, half, gone, kept)
            n += touched[n] >= 0
        half = after
    graph.nodes[gone, PARENT] = kept
    graph.areas[kept] += graph.areas[gone]
    graph.nodes[kept, PEAK] = max(graph.nodes[kept, PEAK], graph.nodes[gone, PEAK])
    graph.nodes[kept, NAME] = min(graph.nodes[kept, NAME], graph.nodes[gone, NAME])
    return kept, n
