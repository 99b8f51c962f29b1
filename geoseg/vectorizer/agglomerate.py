"""Merge basins into parcels over their region graph, weakest border first.

A *graph* has regions as nodes and borders as edges. Contracting an edge makes its two regions one;
borders that become parallel add up, so a mean is always the exact mean over all its pixel pairs.
The order of merging is total: lowest score first, of equal ones the edge that was sorted first.

A graph may be a piece of a larger one. Its *open* regions touch what is not in the piece, so what
becomes of them is not known; nor is it for a region that an open one may be merged with before all
else. Whatever an open neighbour becomes, its border with a region scores at least its *bound*: when
that comes off the heap, the region is open too. All other merging is as in the whole, and may go
before that of the rest: no border of a region will score less than the one at which it came to be.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.heap import LOW_HALF, pop, push
from geoseg.vectorizer.region_graph import (
    COUNT, END, HEAD, LAST, NEXT, OPEN, PEAK, STATE, SUM, WIDE, Graph, contract,
)

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
    narrow: int
    """Mean that an infinitely narrow pass adds."""
    full_area: int
    """Pixels from which on a region counts full; a smaller one by the root of its share."""


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
    return _scaled(total // (edge[COUNT] + DOUBTFUL_PAIRS), area, rule)


@helper
def _scaled(mean, area, rule):
    """Let a mean count less where the area is small."""
    if area < rule.full_area:
        mean = mean * np.int64(math.sqrt((area << 16) // rule.full_area)) >> 8
    return min(mean, NEVER)


@helper
def _bound(edge, area, rule):
    """Give what the border's strength cannot be below, whatever its open region becomes.

    Borders that join add up: below the limit the mean is at least the lowest of theirs, and above
    it more pairs only draw it less to the limit. Areas grow. A narrow pass only adds.
    """
    total = np.int64(edge[SUM]) << MEAN_SHIFT
    if total >= rule.limit * edge[COUNT]:
        total += DOUBTFUL_PAIRS * rule.limit
        return _scaled(total // (edge[COUNT] + DOUBTFUL_PAIRS), area, rule)
    return _scaled(total // edge[COUNT], area, rule)


@helper
def _score(graph, edge, rule):
    """Say when an edge comes to its turn; where one region is open, just before its bound."""
    own = graph.edges[edge]
    one, other = graph.nodes[own[END]], graph.nodes[own[END + 1]]
    if max(one[STATE], other[STATE]) > OPEN or one[STATE] + other[STATE] > OPEN:
        return NEVER
    area = min(graph.areas[own[END]], graph.areas[own[END + 1]])
    if one[STATE] != other[STATE]:
        return _bound(own, area, rule) - 1
    return _strength(own, one, other, area, rule)


def merge_regions(graph: Graph, rule: Rule) -> None:
    """Contract edges, lowest score first, until every score is at least the rule's limit.

    A heap with lazy deletion. A score falls only where edges became one, or where a region becomes
    open: those are pushed anew. It rises as regions grow: an entry that is too low goes back with
    the score that its edge has now. O(edges log edges) time, O(edges) memory.

    Args:
        graph: the graph; changed. What can still be merged when the piece grows is open then.
        rule: when two parcels become one.
    """
    room = len(graph.edges) + 1
    _merge(graph, rule, np.empty(4 * room, np.int64), np.empty(room, np.int32))


@kernel
def _merge(graph, rule, heap, changed):
    """Merge with room for the heap, and for the edges that change at once."""
    size = np.int64(0)
    for edge in range(np.int64(len(graph.edges))):
        size = _offer(graph, edge, rule, heap, size)
    while size > 0:
        item, size = pop(heap, size)
        edge = item & LOW_HALF
        one, other = graph.edges[edge, END], graph.edges[edge, END + 1]
        score = _score(graph, edge, rule) if graph.edges[edge, COUNT] > 0 else NEVER
        if score != item >> 32:
            if item >> 32 < score < NEVER:
                size = _offer(graph, edge, rule, heap, size)
        elif graph.nodes[one, STATE] != graph.nodes[other, STATE]:
            size = _open(graph, other if graph.nodes[one, STATE] == OPEN else one, rule, heap, size)
        else:
            for i in range(contract(graph, edge, changed)[1]):
                size = _offer(graph, changed[i], rule, heap, size)


@helper
def _open(graph, region, rule, heap, size):
    """Make a region open, and add its edges to the heap; give the heap's new size."""
    graph.nodes[region, STATE] = OPEN
    half = graph.nodes[region, HEAD]
    while half != LAST:
        if graph.edges[half >> 1, COUNT] > 0:
            size = _offer(graph, half >> 1, rule, heap, size)
        half = graph.edges[half >> 1, NEXT + (half & 1)]
    return size


@helper
def _offer(graph, edge, rule, heap, size):
    """Add an edge to the heap if it does not hold; give the heap's new size."""
    score = _score(graph, edge, rule)
    return push(heap, size, (score << 32) | edge) if score < rule.limit else size
