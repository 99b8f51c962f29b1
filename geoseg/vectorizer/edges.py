"""Find the edges between pixels of different value, as bits: 64 columns of a row in a word."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.bits import count_ones, differing, load
from geoseg.vectorizer.scratch import Scratch


class Edges(NamedTuple):
    """Edges of some rows; bit b of word w is of column 64 w + b."""

    west: np.ndarray
    """(rows, words) int64: west of a pixel, where a run starts; the last is east of the raster."""
    north: np.ndarray
    """(rows, words) int64: north of a pixel; of the first row they mean nothing."""
    ranks: np.ndarray
    """(rows, words) int32, how many runs start before a word, those of the rows above included."""


@helper
def run_at(edges, row, word, upto):
    """Give the run of a pixel; its bit and those before it are set in `upto`.

    In a row that is outside, that is the last run of the row above, or -1.
    """
    at = row * edges.west.shape[1] + word
    return load(edges.ranks, at) + count_ones(load(edges.west, at) & upto) - 1


@helper
def corner_bits(edges, row, word, before):
    """Tell where corners are between a row and the one above: where borders do not go straight on.

    Args:
        edges, row, word: where.
        before: 1 where there is an edge north of the pixel before the word.
    """
    up, down, east = edges.west[row - 1, word], edges.west[row, word], edges.north[row, word]
    return (up ^ down) | (east ^ (east << 1 | before)) | (up & east)


@helper
def _compare(line, other, shift, start, stop):
    """Compare fewer than 64 items of a line, from a start on, with those of the other."""
    word = np.int64(0)
    for col in range(start, stop):
        word |= np.int64(line[col] != other[col + shift]) << (col - start)
    return word


@kernel
def _find(labels, outside, edges, sizes):
    """Write the edges of all rows; in sizes, how many runs and corners these are."""
    width, (_, words) = labels.shape[1], edges.west.shape
    runs = corners = np.int64(0)
    for row in range(len(labels)):
        line, above = labels[row], labels[max(row - 1, 0)]
        is_inside = np.int64(line[0] != outside)
        before, north_before = is_inside, np.int64(0)
        for word in range(words):
            start = 64 * word
            if start + 64 < width:
                after = differing(line, start, line, start + 1)
                north = differing(line, start, above, start)
            else:
                after = _compare(line, line, 1, start, width - 1)
                north = _compare(line, above, 0, start, width)
                if start < width:
                    after |= is_inside << (width - 1 - start)
            edges.west[row, word], edges.north[row, word] = after << 1 | before, north
            edges.ranks[row, word] = runs
            runs += count_ones(edges.west[row, word])
            if row > 0:
                corners += count_ones(corner_bits(edges, row, word, north_before))
            before, north_before = after >> 63 & 1, north >> 63 & 1
    sizes[0], sizes[1] = runs, corners


def find_edges(labels: np.ndarray, outside: int, scratch: Scratch) -> tuple[Edges, int, int]:
    """Find the edges of rows.

    Args:
        labels: (rows, width) int32 or int64.
        outside: value of rows that are not of the raster.
        scratch: room for the edges.

    Returns:
        The edges, how many runs the rows have, and how many corners between them.

    >>> find_edges(np.array([[7, 7, 3], [7, 7, 7]]), -1, Scratch())[0].west.tolist()
    [[13], [9]]
    """
    shape, sizes = (len(labels), labels.shape[1] // 64 + 1), np.zeros(2, np.int64)
    west, north = scratch.array("edges", (2, *shape), np.int64)
    edges = Edges(west, north, scratch.array("ranks", shape, np.int32))
    _find(labels, outside, edges, sizes)
    return edges, *sizes.tolist()
