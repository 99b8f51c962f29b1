"""Merge basins into parcels over their region graph, and give small pieces away.

A *graph* has regions as nodes and borders as edges. Contracting an edge makes its two regions one;
borders that become parallel add up, so a mean is always the exact mean over all its pixel pairs.
The order of merging is total: lowest score first, of equal ones the edge that was sorted first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geoseg.vectorizer import basins
from geoseg.vectorizer.basins import chase
from geoseg.vectorizer.borders import EMPTY, Borders, find_place
from geoseg.vectorizer.compiled import helper, kernel

MEAN_SHIFT = 20
"""Means are compared in steps of 2**-20 of a stored value."""
NEVER = 1 << 31
"""Score of an edge that must not be contracted."""
LAST = -1
"""End of a list."""
HEAD, DEGREE, PARENT, AREA, PEAK, BACKGROUND = range(6)
"""Columns of a region: first half-edge, living edges, what it was merged into (itself if it lives),
pixels, largest distance to a pixel of another kind, 1 if background."""
END, NEXT, SUM, COUNT, LOW, WIDE, ALIVE = 0, 2, 4, 5, 6, 7, 8
"""Columns of an edge: two regions, two next half-edges, statistics of `Borders`, 0 once gone."""
LOW_HALF = 0xFFFFFFFF
"""The part of a heap's item that is an edge or a region; the other part is its score."""
DOUBTFUL_PAIRS = 8
"""An edge counts as if it had this many pairs more, at the limit: long borders decide first."""


class Rule(NamedTuple):
    """When two parcels become one; means are in steps of 2**-20 of a stored value."""

    limit: int
    """Strengths from here on hold."""
    touching: int
    """Above 0: merge by touch alone, where a pair of pixels is below this stored value."""
    narrow: int
    """Mean that an infinitely narrow pass adds."""
    full_area: int
    """Pixels from which on a region counts full; a smaller one by the root of its share."""


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


def build_graph(borders: Borders, statistics: np.ndarray, background: np.ndarray) -> Graph:
    """Build the graph of regions 0 to n - 1.

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
    size = 1 << (2 * len(edges) + 1).bit_length()
    graph = Graph(nodes, edges, np.full(size, EMPTY, np.int64), np.empty(size, np.int32))
    _link(graph)
    return graph


@helper
def _key(one, other):
    return (np.int64(min(one, other)) << 32) | np.int64(max(one, other))


@helper
def _hang(graph, edge, side):
    """Put an edge at the head of its end's list and in the hash table."""
    own, far = graph.edges[edge, END + side], graph.edges[edge, END + 1 - side]
    graph.edges[edge, NEXT + side] = graph.nodes[own, HEAD]
    graph.nodes[own, HEAD] = 2 * edge + side
    graph.nodes[own, DEGREE] += 1
    place = find_place(graph.keys, _key(own, far))
    graph.keys[place], graph.places[place] = _key(own, far), edge


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
    _forget(graph, _key(gone, far))
    place = find_place(graph.keys, _key(kept, far))
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
def _contract(graph, edge, touched):
    """Make the two regions of an edge one: give it, and how many edges grew (listed in touched)."""
    kept, gone = graph.edges[edge, END], graph.edges[edge, END + 1]
    if graph.nodes[kept, DEGREE] < graph.nodes[gone, DEGREE]:
        kept, gone = gone, kept
    graph.edges[edge, ALIVE] = False
    graph.nodes[kept, DEGREE] -= 1
    _forget(graph, _key(kept, gone))
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


@helper
def _push(heap, size, item):
    """Add an item to a binary heap; give its new size."""
    place = size
    while place > 0 and heap[(place - 1) // 2] > item:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = item
    return size + 1


@helper
def _pop(heap, size):
    """Take the smallest item off a binary heap; give it and the new size."""
    smallest, item, size = heap[0], heap[size - 1], size - 1
    place = 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = item
    return smallest, size


@helper
def _mean(graph, edge):
    return (np.int64(graph.edges[edge, SUM]) << MEAN_SHIFT) // graph.edges[edge, COUNT]


@helper
def _strength(edge, one, other, rule):
    """Say how well an edge holds two parcels apart, in means; all arguments are table rows.

    The mean boundary value, and more where the two meet in a pass that is narrow beside both of
    them; drawn to the limit where there are few pairs; less where one of the two is small.
    """
    peak = max(min(one[PEAK], other[PEAK]), 1)
    narrow = rule.narrow * (peak - min(edge[WIDE], peak)) // peak
    total = np.int64(edge[SUM]) << MEAN_SHIFT
    total += narrow * edge[COUNT] + DOUBTFUL_PAIRS * rule.limit
    mean = total // (edge[COUNT] + DOUBTFUL_PAIRS)
    area = min(one[AREA], other[AREA])
    if area < rule.full_area:
        mean = mean * np.int64(math.sqrt((area << 16) // rule.full_area)) >> 8
    return min(mean, NEVER)


@helper
def _score(graph, edge, rule):
    """Say how much an edge resists: all background is one, and never one with a parcel."""
    own = graph.edges[edge]
    one, other = graph.nodes[own[END]], graph.nodes[own[END + 1]]
    if one[BACKGROUND] != other[BACKGROUND]:
        return NEVER
    if one[BACKGROUND]:
        return 0
    if rule.touching > 0:
        return 0 if own[LOW] < rule.touching else NEVER
    return _strength(own, one, other, rule)


@kernel
def merge_regions(graph, rule):
    """Contract edges, lowest score first, until every score is at least the rule's limit.

    A heap with lazy deletion. A score falls only where edges became one: those are pushed anew. It
    rises as regions grow: an entry that is too low goes back with the score that its edge has now.
    O(edges log edges) time, O(edges) memory.
    """
    heap = np.empty(2 * len(graph.edges) + 1, np.int64)
    changed = np.arange(len(graph.edges) + 1)
    size, n = np.int64(0), np.int64(len(graph.edges))
    while True:
        for i in range(n):
            score = _score(graph, changed[i], rule)
            if score < rule.limit:
                size = _push(heap, size, (score << 32) | changed[i])
        if size == 0:
            break
        item, size = _pop(heap, size)
        n, edge = np.int64(0), item & LOW_HALF
        score = _score(graph, edge, rule) if graph.edges[edge, ALIVE] else NEVER
        if score == item >> 32:
            _, n = _contract(graph, edge, changed)
        elif item >> 32 < score < NEVER:
            n, changed[0] = np.int64(1), edge


@helper
def _weakest(graph, region, parcels_only):
    """Give the edge of a region with the lowest mean, or -1 if it has no neighbour that may be."""
    best, lowest, half = LAST, NEVER, graph.nodes[region, HEAD]
    while half != LAST:
        edge, side = half >> 1, half & 1
        far = graph.edges[edge, END + 1 - side]
        if graph.edges[edge, ALIVE] and not (parcels_only and graph.nodes[far, BACKGROUND]):
            mean = _mean(graph, edge)
            if mean < lowest or (mean == lowest and edge < best):
                best, lowest = edge, mean
        half = graph.edges[edge, NEXT + side]
    return best


@kernel
def give_away(graph, limit, background):
    """Give regions of less than `limit` pixels to the neighbour behind their weakest border.

    Smallest first. A parcel goes to a parcel or to the background, and becomes background where
    it has no neighbour; background goes to a parcel only, and stays where it has none.

    Args:
        graph: the graph; changed.
        limit: pixels.
        background: 1 to give away small background (holes), 0 for small parcels.
    """
    nodes = graph.nodes
    heap = np.empty(len(nodes) + 1, np.int64)
    touched = np.empty(len(graph.edges) + 1, np.int64)
    size = np.int64(0)
    for region in range(np.int64(len(nodes))):
        living = nodes[region, PARENT] == region and nodes[region, BACKGROUND] == background
        if living and 0 < nodes[region, AREA] < limit:
            size = _push(heap, size, (nodes[region, AREA] << 32) | region)
    while size > 0:
        item, size = _pop(heap, size)
        region = item & LOW_HALF
        if nodes[region, PARENT] != region or nodes[region, AREA] != item >> 32:
            continue
        edge = _weakest(graph, region, background)
        if edge == LAST:
            nodes[region, BACKGROUND] = 1
            continue
        far = graph.edges[edge, END] + graph.edges[edge, END + 1] - region
        target = nodes[far, BACKGROUND]
        kept, _ = _contract(graph, edge, touched)
        nodes[kept, BACKGROUND] = target
        if target == background and nodes[kept, AREA] < limit:
            size = _push(heap, size, (nodes[kept, AREA] << 32) | kept)


def final_labels(graph: Graph) -> tuple[np.ndarray, int]:
    """Number the living parcels 1, 2, ... by their smallest region.

    Region 0 stands for no data.

    Returns:
        (regions,) int32 labels, 0 for background and -1 for region 0; and the number of parcels.
    """
    roots = chase(graph.nodes[:, PARENT])
    parcel = graph.nodes[roots, BACKGROUND] == 0
    parcel[0] = False
    found, first, names = np.unique(roots[parcel], return_index=True, return_inverse=True)
    ranks = np.empty(len(found), np.int32)
    ranks[np.argsort(first)] = np.arange(1, len(found) + 1)
    labels = np.zeros(len(roots), np.int32)
    labels[parcel] = ranks[names]
    labels[0] = -1
    return labels, len(found)
