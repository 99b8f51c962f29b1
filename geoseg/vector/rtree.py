"""The R-tree of a GeoPackage's layer, packed from the boxes of all features at once.

SQLite keeps an R-tree in three tables: nodes, the leaf node of each feature, and the parent of each
node. A node has its depth (the root only), its number of cells, and cells of an id and four
float32, the highest byte first. Node 1 is the root.

Source: Leutenegger, Lopez and Edgington, STR: A Simple and Efficient Algorithm for R-Tree Packing,
1997; SQLite, ext/rtree/rtree.c, "Database Format of R-Tree Tables". Departs: nodes are filled
evenly, so that none is left nearly empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.vector.pages import Pages, TableTree, blobs, integers

NODE_HEADER = 4
CELL = np.dtype([("id", ">i8"), ("box", ">f4", 4)])
NODES_AT_ONCE = 512
"""Nodes that are made before they are written."""
ROWS_AT_ONCE = 1 << 16
"""Rows that are handed to a table in one go."""


@dataclass(frozen=True, slots=True)
class Level:
    """Nodes of one depth."""

    ids: NDArray[np.int64]
    """(n,) of features, or numbers of nodes below."""
    boxes: NDArray[np.float32]
    """(n, 4) left, right, bottom, top."""
    order: NDArray[np.int64]
    """(n,) places of cells, node by node."""
    starts: NDArray[np.int64]
    """(m + 1,) where each node's cells begin in the order."""

    def node_boxes(self) -> NDArray[np.float32]:
        """Give the (m, 4) boxes of the nodes."""
        out = np.empty((len(self.starts) - 1, 4), np.float32)
        for side, reach in enumerate((np.minimum, np.maximum) * 2):
            out[:, side] = reach.reduceat(self.boxes[self.order, side], self.starts[:-1])
        return out

    def owners(self, first: int) -> NDArray[np.int32]:
        """Give the (n,) numbers of the nodes that cells are in; the first node has this one."""
        out = np.empty(len(self.order), np.int32)
        numbers = np.arange(first, first + len(self.starts) - 1, dtype=np.int32)
        out[self.order] = np.repeat(numbers, np.diff(self.starts))
        return out

    def nodes(self, size: int, depth: int) -> Iterator[NDArray[np.void]]:
        """Make the nodes' bytes, some at a time.

        Args:
            size: bytes of a node.
            depth: 0 for all but the root.
        """
        most = (size - NODE_HEADER) // CELL.itemsize
        kind = np.dtype({
            "names": ["depth", "n", "cells"], "formats": [">u2", ">u2", (CELL, most)],
            "offsets": [0, 2, NODE_HEADER], "itemsize": size,
        })
        n_nodes = len(self.starts) - 1
        for first in range(0, n_nodes, NODES_AT_ONCE):
            starts = self.starts[first : min(first + NODES_AT_ONCE, n_nodes) + 1]
            counts = np.diff(starts)
            cells = self.order[starts[0] : starts[-1]]
            node = np.repeat(np.arange(len(counts)), counts)
            place = np.arange(starts[0], starts[-1]) - starts[:-1][node]
            out = np.zeros(len(counts), kind)
            out["depth"], out["n"] = depth, counts
            out["cells"]["id"][node, place] = self.ids[cells]
            out["cells"]["box"][node, place] = self.boxes[cells]
            yield out


def packed(ids: NDArray[np.int64], boxes: NDArray[np.float32], most: int) -> Level:
    """Put boxes into as few nodes as hold them: strips by x, and in each by y.

    Args:
        ids: (n,) of the boxes; n is above 0.
        boxes: (n, 4) left, right, bottom, top.
        most: cells of a node.
    """
    n = len(ids)
    n_nodes = -(-n // most)
    starts = np.arange(n_nodes + 1) * n // n_nodes
    n_strips = int(np.ceil(np.sqrt(n_nodes)))
    strips = starts[np.arange(n_strips + 1) * n_nodes // n_strips]
    order = np.argsort(boxes[:, 0] + boxes[:, 1], kind="stable")
    for start, stop in zip(strips, strips[1:], strict=False):
        part = order[start:stop]
        height = boxes[part, 2] + boxes[part, 3]
        order[start:stop] = part[np.argsort(height, kind="stable")]
    return Level(ids, boxes, order, starts)


def write_rtree(
    pages: Pages, ids: NDArray[np.int64], boxes: NDArray[np.float32], node_size: int
) -> tuple[bytes, bytes, bytes]:
    """Add the pages of an R-tree; memory is about 50 bytes per feature.

    Args:
        pages: of the file.
        ids: (n,) rowids of the features, rising; n is above 0.
        boxes: (n, 4) left, right, bottom, top.
        node_size: bytes of a node.

    Returns:
        The root pages of the tables of features, of nodes and of parents.
    """
    most = (node_size - NODE_HEADER) // CELL.itemsize
    levels, numbers, last = [packed(ids, boxes, most)], [], 1
    while len(levels[-1].starts) > 2:
        n_nodes = len(levels[-1].starts) - 1
        numbers.append(last + 1 + np.arange(n_nodes))
        last += n_nodes
        levels.append(packed(numbers[-1], levels[-1].node_boxes(), most))
    firsts = [int(one[0]) for one in numbers] + [1]
    rowids = TableTree(pages, 1)
    owners = levels[0].owners(firsts[0])
    for start in range(0, len(ids), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        rowids.add(ids[some], integers(owners[some]))
    first_root = rowids.finish(int(ids[-1]))
    nodes, number = TableTree(pages, 1), 1
    for level in (levels[-1], *levels[:-1]):
        for block in level.nodes(node_size, len(levels) - 1 if number == 1 else 0):
            nodes.add(np.arange(number, number + len(block)), blobs(block))
            number += len(block)
    second_root = nodes.finish(last)
    parents = TableTree(pages, 1)
    for one, level, first in zip(numbers, levels[1:], firsts[1:], strict=True):
        parents.add(one, integers(level.owners(first)))
    return first_root, second_root, parents.finish(last)
