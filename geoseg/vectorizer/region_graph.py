"""The graph of regions and borders that merging works on: two regions become one in place.

A region's borders are a linked list, and a hash table finds the border of a pair, so that making
two regions one costs the borders of the one that has fewer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.vectorizer import basins
from geoseg.vectorizer.borders import EMPTY, Borders, find_place, pair_key
from geoseg.vectorizer.compiled import helper, kernel

LAST = -1
"""End of a list."""
HEAD, DEGREE, PARENT, AREA, PEAK, BACKGROUND = range(6)
"""Columns of a region: first half-edge, living edges, what it was merged into (itself if it lives),
pixels, largest distance to a pixel of another kind, 1 if background."""
END, NEXT, SUM, COUNT, LOW, WIDE, ALIVE = 0, 2, 4, 5, 6, 7, 8
"""Columns of an edge: two regions, two next half-edges, statistics of `Borders`, 0 once gone."""


class Graph(NamedTuple):
    """Regions and borders as three tables that the kernels change; few, so that they compile fast.

    A region's borders are a linked list of *half-edges*: number 2e + side is edge e on that side.
    """

    nodes: np.ndarray
    """(regions, 6) int64: HEAD, DEGREE, PARENT, AREA, PEAK, BACKGROUND."""
    edges: np.ndarray
    """(edges, 9) int32: END, END + 1, NEXT, NEXT + 1, SUM, COUNT, LOW, WIDE, ALIVE; a border has at
    most 8 million pairs of pixels."""
    keys: np.ndarray
    """(places,) int64 hash table of pairs of regions ..."""
    places: np.ndarray
    """(places,) int32 ... and the edge of each pair."""


def tables(
    borders: Borders, statistics: np.ndarray, background: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give nodes and edges of the graph of regions 0 to n - 1, not linked yet.

    Args:
        borders: their borders.
        statistics: (n, columns) int64, as `measure_basins` gives.
        background: (n,) bool.
    """
    nodes = np.zeros((len(statistics), 6), np.int64)
    nodes[:, HEAD], nodes[:, PARENT] = LAST, np.arange(len(nodes))
    nodes[:, AREA], nodes[:, PEAK] = statistics[:, basins.AREA], statistics[:, basins.PEAK]
    nodes[:, BACKGROUND] = background
    edges = np.zeros((len(borders.one), 9), np.int32)
    edges[:, END], edges[:, END + 1], edges[:, ALIVE] = borders.one, borders.other, True
    edges[:, SUM], edges[:, COUNT] = borders.total, borders.count
    edges[:, LOW], edges[:, WIDE] = borders.low, borders.wide
    return nodes, edges


def linked(nodes: np.ndarray, edges: np.ndarray) -> Graph:
    """Link nodes and edges to a graph."""
    size = 1 << (2 * len(edges) + 1).bit_length()
    graph = Graph(nodes, edges, np.full(size, EMPTY, np.int64), np.empty(size, np.int32))
    _link(graph)
    return graph


@helper
def _hang(graph, edge, side):
    """Put an edge at the head of its end's list and in the hash table."""
    own, far = graph.edges[edge, END + side], graph.edges[edge, END + 1 - side]
    graph.edges[edge, NEXT + side] = graph.nodes[own, HEAD]
    graph.nodes[own, HEAD] = 2 * edge + side
    graph.nodes[own, DEGREE] += 1
    place = find_place(graph.keys, pair_key(own, far))
    graph.keys[place], graph.places[place] = pair_key(own, far), edge


@kernel
def _link(graph):
    """Fill the lists and the hash table of a new graph."""
    for edge in range(np.int64(len(graph.edges))):
        for side in range(2):
            _hang(graph, edge, side)


@helper
def _forget(graph, key):
    """Delete a key from the hash table and close the gap (Knuth 6.4, algorithm R)."""
    last = graph.keys.size - 1
    gap = find_place(graph.keys, key)
    graph.keys[gap] = EMPTY
    place = (gap + 1) & last
    while graph.keys[place] != EMPTY:
        moved = graph.keys[place]
        graph.keys[place] = EMPTY
        home = find_place(graph.keys, moved)
        graph.keys[home], graph.places[home] = moved, graph.places[place]
        place = (place + 1) & last


@helper
def _move_edge(graph, half, gone, kept):
    """Hang an edge of the region that goes on the one that stays; give the edge it joined or -1."""
    edge, side = half >> 1, half & 1
    far = graph.edges[edge, END + 1 - side]
    _forget(graph, pair_key(gone, far))
    place = find_place(graph.keys, pair_key(kept, far))
    if graph.keys[place] == EMPTY:
        graph.edges[edge, END + side] = kept
        _hang(graph, edge, side)
        return LAST
    own, onto = graph.edges[edge], graph.edges[graph.places[place]]
    own[ALIVE] = False
    graph.nodes[far, DEGREE] -= 1
    onto[SUM] += own[SUM]
    onto[COUNT] += own[COUNT]
    onto[LOW] = min(onto[LOW], own[LOW])
    onto[WIDE] = max(onto[WIDE], own[WIDE])
    return graph.places[place]


@helper
def contract(graph, edge, touched):
    """Make the two regions of an edge one: give it, and how many edges grew (listed in touched)."""
    kept, gone = graph.edges[edge, END], graph.edges[edge, END + 1]
    if graph.nodes[kept, DEGREE] < graph.nodes[gone, DEGREE]:
        kept, gone = gone, kept
    graph.edges[edge, ALIVE] = False
    graph.nodes[kept, DEGREE] -= 1
    _forget(graph, pair_key(kept, gone))
    n, half = np.int64(0), graph.nodes[gone, HEAD]
    while half != LAST:
        after = graph.edges[half >> 1, NEXT + (half & 1)]
        if graph.edges[half >> 1, ALIVE]:
            touched[n] = _move_edge(graph, half, gone, kept)
            n += touched[n] >= 0
        half = after
    graph.nodes[gone, PARENT] = kept
    graph.nodes[kept, AREA] += graph.nodes[gone, AREA]
    graph.nodes[kept, PEAK] = max(graph.nodes[kept, PEAK], graph.nodes[gone, PEAK])
    return kept, n
