"""Merge basins into parcels over their region graph, and give small pieces away.

A *graph* has regions as nodes and borders as edges. Contracting an edge makes its two regions one;
borders that become parallel add up, so a mean is always the exact mean over all its pixel pairs.
The order of merging is total: lowest score first, of equal ones the edge that was sorted first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geoseg.vectorizer.compiled import helper, kernel
from geoseg.vectorizer.heap import LOW_HALF, pop, push
from geoseg.vectorizer.region_graph import (
    BACKGROUND, COUNT, END, HEAD, LAST, LOW, NEXT, PARENT, PEAK, SUM, WIDE, Graph,
    contract,
)
from geoseg.vectorizer.sets import chase

MEAN_SHIFT = 20
"""Means are compared in steps of 2**-20 of a stored value."""
NEVER = 1 << 31
"""Score of an edge that must not be contracted."""
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


@helper
def _mean(graph, edge):
    return (np.int64(graph.edges[edge, SUM]) << MEAN_SHIFT) // graph.edges[edge, COUNT]


@helper
def _strength(edge, one, other, area, rule):
    """Say how well an edge holds two parcels apart, in means: rows of the tables, smaller area.

    The mean boundary value, and more where the two meet in a pass that is narrow beside both of
    them; drawn to the limit where there are few pairs; less where one of the two is small.
    """
    peak = max(min(one[PEAK], other[PEAK]), 1)
    narrow = rule.narrow * (peak - min(edge[WIDE], peak)) // peak
    total = np.int64(edge[SUM]) << MEAN_SHIFT
    total += narrow * edge[COUNT] + DOUBTFUL_PAIRS * rule.limit
    mean = total // (edge[COUNT] + DOUBTFUL_PAIRS)
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
    area = min(graph.areas[own[END]], graph.areas[own[END + 1]])
    return _strength(own, one, other, area, rule)


def merge_regions(graph: Graph, rule: Rule) -> None:
    """Contract edges, lowest score first, until every score is at least the rule's limit.

    A heap with lazy deletion. A score falls only where edges became one: those are pushed anew. It
    rises as regions grow: an entry that is too low goes back with the score that its edge has now.
    O(edges log edges) time, O(edges) memory.
    """
    room = len(graph.edges) + 1
    _merge(graph, rule, np.empty(2 * room, np.int64), np.empty(room, np.int32))


@kernel
def _merge(graph, rule, heap, changed):
    """Merge with room for the heap, and for the edges that change at once."""
    size = np.int64(0)
    for edge in range(np.int64(len(graph.edges))):
        size = _offer(graph, edge, rule, heap, size)
    while size > 0:
        item, size = pop(heap, size)
        edge = item & LOW_HALF
        score = _score(graph, edge, rule) if graph.edges[edge, COUNT] > 0 else NEVER
        if score == item >> 32:
            for i in range(contract(graph, edge, changed)[1]):
                size = _offer(graph, changed[i], rule, heap, size)
        elif item >> 32 < score < NEVER:
            size = _offer(graph, edge, rule, heap, size)


@helper
def _offer(graph, edge, rule, heap, size):
    """Add an edge to the heap if it does not hold; give the heap's new size."""
    score = _score(graph, edge, rule)
    return push(heap, size, (score << 32) | edge) if score < rule.limit else size


@helper
def _weakest(graph, region, parcels_only):
    """Give the edge of a region with the lowest mean, or -1 if it has no neighbour that may be."""
    best, lowest, half = LAST, NEVER, graph.nodes[region, HEAD]
    while half != LAST:
        edge, side = half >> 1, half & 1
        far = graph.edges[edge, END + 1 - side]
        if graph.edges[edge, COUNT] > 0 and not (parcels_only and graph.nodes[far, BACKGROUND]):
            mean = _mean(graph, edge)
            if mean < lowest or (mean == lowest and edge < best):
                best, lowest = edge, mean
        half = graph.edges[edge, NEXT + side]
    return best


def give_away(graph: Graph, limit: int, background: int) -> None:
    """Give regions of less than `limit` pixels to the neighbour behind their weakest border.

    Smallest first. A parcel goes to a parcel or to the background, and becomes background where
    it has no neighbour; background goes to a parcel only, and stays where it has none.

    Args:
        graph: the graph; changed.
        limit: pixels.
        background: 1 to give away small background (holes), 0 for small parcels.
    """
    heap = np.empty(len(graph.nodes) + 1, np.int64)
    _give_away(graph, limit, background, heap, np.empty(len(graph.edges) + 1, np.int32))


@kernel
def _give_away(graph, limit, background, heap, touched):
    """Give regions away, with room for a heap of them and for the edges that one touches."""
    nodes, areas = graph.nodes, graph.areas
    size = np.int64(0)
    for region in range(np.int64(len(nodes))):
        living = nodes[region, PARENT] == region and nodes[region, BACKGROUND] == background
        if living and 0 < areas[region] < limit:
            size = push(heap, size, (areas[region] << 32) | region)
    while size > 0:
        item, size = pop(heap, size)
        region = item & LOW_HALF
        if nodes[region, PARENT] != region or areas[region] != item >> 32:
            continue
        edge = _weakest(graph, region, background)
        if edge == LAST:
            nodes[region, BACKGROUND] = 1
            continue
        far = graph.edges[edge, END] + graph.edges[edge, END + 1] - region
        target = nodes[far, BACKGROUND]
        kept, _ = contract(graph, edge, touched)
        nodes[kept, BACKGROUND] = target
        if target == background and areas[kept] < limit:
            size = push(heap, size, (areas[kept] << 32) | kept)


def leave_out(nodes: np.ndarray, areas: np.ndarray, sums: np.ndarray, least: float) -> None:
    """Make background of merged parcels whose mean is below the least; nodes are changed.

    Args:
        nodes: regions of a graph.
        areas: pixels of the living ones.
        sums: of stored parcel values, of every region by itself; exact in float64 below 2**53.
        least: stored value.
    """
    totals = np.bincount(chase(nodes[:, PARENT]), sums, len(nodes))
    nodes[totals < least * areas, BACKGROUND] = 1


def final_labels(nodes: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the living parcels 1, 2, ... by their smallest region.

    Args:
        nodes: regions of a graph; region 0 stands for no data.

    Returns:
        (regions,) int32 labels, 0 for background and -1 for region 0; and the number of parcels.
    """
    roots = chase(nodes[:, PARENT])
    parcel = nodes[roots, BACKGROUND] == 0
    parcel[0] = False
    found, first, names = np.unique(roots[parcel], return_index=True, return_inverse=True)
    ranks = np.empty(len(found), np.int32)
    ranks[np.argsort(first)] = np.arange(1, len(found) + 1)
    labels = np.zeros(len(roots), np.int32)
    labels[parcel] = ranks[names]
    labels[0] = -1
    return labels, len(found)
