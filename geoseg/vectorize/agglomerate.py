"""Merge basins into parcels over their region graph, and give small pieces away.

A *graph* has regions as nodes and borders as edges. Contracting an edge makes its two regions one;
borders that become parallel add up, so a mean is always the exact mean over all its pixel pairs.
The order of merging is total: lowest score first, of equal ones the edge that was sorted first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from geoseg.vectorize.basins import AREA, PEAK
from geoseg.vectorize.borders import EMPTY, Borders, find_place

MEAN_SHIFT = 20
"""Means are compared in steps of 2**-20 of a stored value."""
NEVER = np.int64(1) << 31
"""Score of an edge that must not be contracted."""
LAST = -1
"""End of a list."""
SUM, COUNT, LOW, WIDE = range(4)
"""Columns of an edge's statistics, as in `Borders`."""


class Graph(NamedTuple):
    """Regions and borders in arrays that the kernels change; half-edge 2e is edge e at ends[e, 0].

    A named tuple because numba can take it whole.
    """

    ends: np.ndarray
    """(edges, 2) int32 regions."""
    edges: np.ndarray
    """(edges, 4) int64 sum, count, low, wide."""
    alive: np.ndarray
    """(edges,) bool, False once contracted or merged into a parallel edge."""
    heads: np.ndarray
    """(regions,) int32 first half-edge of a region."""
    following: np.ndarray
    """(2 * edges,) int32 next half-edge of the same region."""
    degrees: np.ndarray
    """(regions,) int32 living edges."""
    keys: np.ndarray
    """Hash table of region pairs ..."""
    places: np.ndarray
    """... and the edge of each."""
    parents: np.ndarray
    """(regions,) int32 what a region was merged into; itself if it lives."""
    areas: np.ndarray
    """(regions,) int64 pixels."""
    peaks: np.ndarray
    """(regions,) int64 largest distance to a pixel of another kind."""
    background: np.ndarray
    """(regions,) bool."""


@njit(cache=True, nogil=True)
def _key(one, other):
    return (np.int64(min(one, other)) << 32) | np.int64(max(one, other))


@njit(cache=True, nogil=True)
def _link(graph):
    """Fill the lists and the hash table of a new graph."""
    for edge in range(graph.alive.size):
        one, other = graph.ends[edge]
        place = find_place(graph.keys, _key(one, other))
        graph.keys[place], graph.places[place] = _key(one, other), edge
        for side in (0, 1):
            region = graph.ends[edge, side]
            graph.following[2 * edge + side] = graph.heads[region]
            graph.heads[region] = 2 * edge + side
            graph.degrees[region] += 1


def build_graph(borders: Borders, statistics: np.ndarray, background: np.ndarray) -> Graph:
    """Build the graph of regions 0 to n - 1.

    Args:
        borders: their borders.
        statistics: (n, columns) int64, as `measure_basins` gives.
        background: (n,) bool.
    """
    n, edges = len(statistics), len(borders.one)
    size = 1 << (2 * edges + 1).bit_length()
    graph = Graph(
        ends=np.stack([borders.one, borders.other], axis=1).astype(np.int32),
        edges=np.stack([borders.total, borders.count, borders.low, borders.wide], axis=1),
        alive=np.ones(edges, bool),
        heads=np.full(n, LAST, np.int32),
        following=np.empty(2 * edges, np.int32),
        degrees=np.zeros(n, np.int32),
        keys=np.full(size, EMPTY, np.int64),
        places=np.empty(size, np.int32),
        parents=np.arange(n, dtype=np.int32),
        areas=statistics[:, AREA].copy(),
        peaks=statistics[:, PEAK].copy(),
        background=background.copy(),
    )
    _link(graph)
    return graph


@njit(cache=True, nogil=True)
def _forget(keys, places, key):
    """Delete a key from the hash table and close the gap (Knuth 6.4, algorithm R)."""
    last = keys.size - 1
    gap = find_place(keys, key)
    keys[gap] = EMPTY
    place = (gap + 1) & last
    while keys[place] != EMPTY:
        moved, edge = keys[place], places[place]
        keys[place] = EMPTY
        home = find_place(keys, moved)
        keys[home], places[home] = moved, edge
        place = (place + 1) & last


@njit(cache=True, nogil=True)
def _add_edge(graph, edge, onto):
    """Add the statistics of an edge to a parallel one."""
    graph.edges[onto, SUM] += graph.edges[edge, SUM]
    graph.edges[onto, COUNT] += graph.edges[edge, COUNT]
    graph.edges[onto, LOW] = min(graph.edges[onto, LOW], graph.edges[edge, LOW])
    graph.edges[onto, WIDE] = max(graph.edges[onto, WIDE], graph.edges[edge, WIDE])


@njit(cache=True, nogil=True)
def _move_edge(graph, half, gone, kept):
    """Hang an edge of the region that goes on the one that stays; give the edge it joined or -1."""
    edge, side = half >> 1, half & 1
    far = graph.ends[edge, 1 - side]
    _forget(graph.keys, graph.places, _key(gone, far))
    place = find_place(graph.keys, _key(kept, far))
    if graph.keys[place] != EMPTY:
        graph.alive[edge] = False
        graph.degrees[far] -= 1
        _add_edge(graph, edge, graph.places[place])
        return graph.places[place]
    graph.keys[place], graph.places[place] = _key(kept, far), edge
    graph.ends[edge, side] = kept
    graph.following[half], graph.heads[kept] = graph.heads[kept], half
    graph.degrees[kept] += 1
    return np.int32(-1)


@njit(cache=True, nogil=True)
def _contract(graph, edge, touched):
    """Make the two regions of an edge one; list the edges that grew in touched, give how many."""
    kept, gone = graph.ends[edge]
    if graph.degrees[kept] < graph.degrees[gone]:
        kept, gone = gone, kept
    graph.alive[edge] = False
    _forget(graph.keys, graph.places, _key(kept, gone))
    graph.degrees[kept] -= 1
    n, half = 0, graph.heads[gone]
    while half != LAST:
        after = graph.following[half]
        if graph.alive[half >> 1]:
            grown = _move_edge(graph, half, gone, kept)
            if grown >= 0:
                touched[n] = grown
                n += 1
        half = after
    graph.parents[gone] = kept
    graph.areas[kept] += graph.areas[gone]
    graph.peaks[kept] = max(graph.peaks[kept], graph.peaks[gone])
    return kept, n


@njit(cache=True, nogil=True)
def _push(heap, size, item):
    """Add an item to a binary heap; give its new size."""
    place = size
    while place > 0 and heap[(place - 1) // 2] > item:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = item
    return size + 1


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _mean(graph, edge):
    return (graph.edges[edge, SUM] << MEAN_SHIFT) // graph.edges[edge, COUNT]


@njit(cache=True, nogil=True)
def _score(graph, edge, touching):
    """Say how much an edge holds its regions apart.

    Background merges with background. Parcels merge by the mean boundary value, or where
    `touching` is above 0, if some pair of pixels on their border is below that value.
    """
    one, other = graph.ends[edge]
    if graph.background[one] != graph.background[other]:
        return NEVER
    if graph.background[one]:
        return np.int64(0)
    if touching > 0:
        return np.int64(0) if graph.edges[edge, LOW] < touching else NEVER
    return _mean(graph, edge)


@njit(cache=True, nogil=True)
def merge_regions(graph, limit, touching):
    """Contract edges, lowest score first, until every score is at least the limit.

    A heap with lazy deletion: an entry whose score is no longer its edge's is dropped, as the
    change of score pushed a new one. O(edges log edges).
    """
    heap = np.empty(2 * graph.alive.size + 1, np.int64)
    touched = np.empty(graph.alive.size + 1, np.int32)
    size = 0
    for edge in range(graph.alive.size):
        score = _score(graph, edge, touching)
        if score < limit:
            size = _push(heap, size, (score << 32) | edge)
    while size > 0:
        item, size = _pop(heap, size)
        edge = np.int32(item & 0xFFFFFFFF)
        if not graph.alive[edge] or _score(graph, edge, touching) != item >> 32:
            continue
        _, n = _contract(graph, edge, touched)
        for i in range(n):
            score = _score(graph, touched[i], touching)
            if score < limit:
                size = _push(heap, size, (score << 32) | touched[i])


@njit(cache=True, nogil=True)
def _weakest(graph, region, parcels_only):
    """Give the edge of a region with the lowest mean, or -1 if it has no neighbour that may be."""
    best, lowest, half = np.int32(-1), NEVER, graph.heads[region]
    while half != LAST:
        edge = np.int32(half >> 1)
        far = graph.ends[edge, 1 - (half & 1)]
        if graph.alive[edge] and not (parcels_only and graph.background[far]):
            mean = _mean(graph, edge)
            if mean < lowest or (mean == lowest and edge < best):
                best, lowest = edge, mean
        half = graph.following[half]
    return best


@njit(cache=True, nogil=True)
def give_away(graph, limit, background):
    """Give regions of less than `limit` pixels to the neighbour behind their weakest border.

    Smallest first. A parcel goes to a parcel or to the background, and becomes background where
    it has no neighbour; background goes to a parcel only, and stays where it has none.

    Args:
        graph: the graph; changed.
        limit: pixels.
        background: whether to give away small background (holes) or small parcels.
    """
    heap = np.empty(graph.parents.size + 1, np.int64)
    touched = np.empty(graph.alive.size + 1, np.int32)
    size = 0
    for region in range(graph.parents.size):
        alive = graph.parents[region] == region and graph.background[region] == background
        if alive and 0 < graph.areas[region] < limit:
            size = _push(heap, size, (graph.areas[region] << 32) | region)
    while size > 0:
        item, size = _pop(heap, size)
        region = np.int32(item & 0xFFFFFFFF)
        if graph.parents[region] != region or graph.areas[region] != item >> 32:
            continue
        edge = _weakest(graph, region, background)
        if edge < 0:
            graph.background[region] = True
            continue
        one, other = graph.ends[edge]
        target = graph.background[other if one == region else one]
        kept, _ = _contract(graph, edge, touched)
        graph.background[kept] = target
        if target == background and graph.areas[kept] < limit:
            size = _push(heap, size, (graph.areas[kept] << 32) | kept)


@njit(cache=True, nogil=True)
def final_labels(graph):
    """Number the living parcels 1, 2, ... by their smallest region; background is 0.

    Region 0 stands for no data and is -1.
    """
    labels = np.zeros(graph.parents.size, np.int32)
    numbers = np.zeros(graph.parents.size, np.int32)
    count = np.int32(0)
    for region in range(1, labels.size):
        root = region
        while graph.parents[root] != root:
            root = graph.parents[root]
        if not graph.background[root]:
            if numbers[root] == 0:
                count += 1
                numbers[root] = count
            labels[region] = numbers[root]
    labels[0] = -1
    return labels, count
