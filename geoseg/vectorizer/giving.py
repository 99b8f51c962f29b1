"""Give small holes and small parcels to the neighbours behind their weakest borders.

In a piece of a larger graph a region is *open* where what becomes of it, or of a neighbour that it
depends on, is known only with the rest. It is left as it is then.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.agglomerate import MEAN_SHIFT, NEVER
from geoseg.vectorizer.heap import LOW_HALF, pop, push
from geoseg.vectorizer.region_graph import (
    BACKGROUND, COUNT, END, HEAD, HELD, LAST, NAME, NEXT, OPEN, PARENT, STATE, SUM, Graph,
    contract,
)


def fill_holes(graph: Graph, limit: int) -> None:
    """Give background of less than `limit` pixels to a parcel beside it, where there is one.

    Background that touches is one region here, so no hole has to do with another.
    """
    _fill(graph, limit, np.empty(len(graph.edges) + 1, np.int32))


def give_away(graph: Graph, limit: int) -> None:
    """Give parcels of less than `limit` pixels to a neighbour, smallest first.

    All background around a parcel is one neighbour, and has it where means are equal; of equal
    borders with parcels it is the one sorted first. A parcel without neighbours is background.
    """
    room = 4 * len(graph.nodes) + 1
    _give_away(graph, limit, np.empty(room, np.int64), np.empty(len(graph.edges) + 1, np.int32))


@kernel
def _fill(graph, limit, touched):
    """Fill holes, with room for the edges that one touches."""
    nodes, areas = graph.nodes, graph.areas
    for region in range(np.int64(len(nodes))):
        hole = nodes[region, PARENT] == region and nodes[region, BACKGROUND] == 1
        if not hole or nodes[region, STATE] == OPEN or not 0 < areas[region] < limit:
            continue
        if _beside_open(graph, region):
            nodes[region, STATE] = OPEN
            continue
        edge = _weakest(graph, region)
        if edge != LAST:
            kept, _ = contract(graph, edge, touched)
            nodes[kept, BACKGROUND], nodes[kept, STATE] = 0, HELD


@kernel
def _give_away(graph, limit, heap, touched):
    """Give parcels away, with room for a heap of them and for the edges that one touches."""
    nodes = graph.nodes
    size = np.int64(0)
    for region in range(np.int64(len(nodes))):
        if nodes[region, PARENT] == region:
            size = _queue(graph, region, limit, heap, size)
    while size > 0:
        item, size = pop(heap, size)
        region = item & LOW_HALF
        while nodes[region, PARENT] != region:
            region = np.int64(nodes[region, PARENT])
        if _turn(graph, region) != item >> 32 or nodes[region, NAME] != item & LOW_HALF:
            continue
        if nodes[region, STATE] == OPEN:
            size = _open_around(graph, region, limit, heap, size)
        elif _beside_open(graph, region):
            nodes[region, STATE] = OPEN
            size = _queue(graph, region, limit, heap, size)
        else:
            edge = _weakest(graph, region)
            if edge == LAST:
                nodes[region, BACKGROUND] = 1
            else:
                kept, _ = contract(graph, edge, touched)
                size = _queue(graph, kept, limit, heap, size)


@helper
def _turn(graph, region):
    """Say when it is a region's turn: by its area; an open one's first of these, a hole's before.

    That is the first moment at which an open one could join a neighbour.
    """
    is_open = graph.nodes[region, STATE] == OPEN
    if graph.nodes[region, BACKGROUND] == 1:
        return np.int64(-1) if is_open else NEVER
    return graph.areas[region] - is_open


@helper
def _queue(graph, region, limit, heap, size):
    """Add a region to the heap if it is small or may be a hole; give the heap's new size."""
    turn = _turn(graph, region)
    if turn < 0 or 0 < graph.areas[region] < limit and turn < NEVER:
        size = push(heap, size, (turn << 32) | graph.nodes[region, NAME])
    return size


@helper
def _open_around(graph, region, limit, heap, size):
    """Make the small parcels around an open region open too."""
    nodes, half = graph.nodes, graph.nodes[region, HEAD]
    while half != LAST:
        edge, side = half >> 1, half & 1
        far = graph.edges[edge, END + 1 - side]
        half = graph.edges[edge, NEXT + side]
        if graph.edges[edge, COUNT] == 0 or nodes[far, STATE] == OPEN:
            continue
        if nodes[far, BACKGROUND] == 0 and graph.areas[far] < limit:
            nodes[far, STATE] = OPEN
            size = _queue(graph, far, limit, heap, size)
    return size


@helper
def _beside_open(graph, region):
    """Tell whether a region has an open neighbour."""
    half = graph.nodes[region, HEAD]
    while half != LAST:
        edge, side = half >> 1, half & 1
        far = graph.edges[edge, END + 1 - side]
        if graph.edges[edge, COUNT] > 0 and graph.nodes[far, STATE] == OPEN:
            return True
        half = graph.edges[edge, NEXT + side]
    return False


@helper
def _weakest(graph, region):
    """Give the edge to the parcel behind the border of the lowest mean; LAST: to background."""
    best, lowest, half = LAST, NEVER, graph.nodes[region, HEAD]
    total = count = np.int64(0)
    while half != LAST:
        edge, side = half >> 1, half & 1
        far = graph.edges[edge, END + 1 - side]
        if graph.nodes[far, BACKGROUND] == 1:
            total += graph.edges[edge, SUM] * (graph.edges[edge, COUNT] > 0)
            count += graph.edges[edge, COUNT]
        elif graph.edges[edge, COUNT] > 0:
            mean = _mean(graph.edges[edge, SUM], graph.edges[edge, COUNT])
            if mean < lowest or (mean == lowest and edge < best):
                best, lowest = edge, mean
        half = graph.edges[edge, NEXT + side]
    return LAST if count > 0 and _mean(total, count) <= lowest else best


@helper
def _mean(total, count):
    """Give a mean in steps of 2**-20."""
    return (np.int64(total) << MEAN_SHIFT) // count
