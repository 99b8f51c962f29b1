"""Edges and runs of rows of pixels."""

import numpy as np
import pytest

from geoseg.vectorizer.edges import find_edges
from geoseg.vectorizer.scan import scan
from geoseg.vectorizer.scratch import Scratch

WIDTHS = (1, 2, 63, 64, 65, 127, 128, 129, 200)


def columns(words: np.ndarray) -> np.ndarray:
    """Give bits as booleans, a column for each."""
    bits = np.unpackbits(words.astype("<i8").view(np.uint8), axis=-1, bitorder="little")
    return bits.astype(bool)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_edges_are_where_pixels_differ_and_at_both_ends_of_a_row(width: int, kind: type) -> None:
    labels = np.random.default_rng(width).integers(0, 3, (5, width)).astype(kind)
    edges, runs, _ = find_edges(labels, -1, Scratch())
    west, north = columns(edges.west), columns(edges.north)
    assert (west[:, 1:width] == (labels[:, 1:] != labels[:, :-1])).all()
    assert west[:, 0].all() and west[:, width].all() and not west[:, width + 1 :].any()
    assert (north[1:, :width] == (labels[1:] != labels[:-1])).all()
    assert not north[:, width:].any()
    assert runs == west.sum()


def test_a_row_outside_has_no_edges_within() -> None:
    edges, runs, corners = find_edges(np.array([[0, 0, 0], [4, 4, 5]]), 0, Scratch())
    assert edges.west.tolist() == [[0], [0b1101]]
    assert edges.north[1].tolist() == [0b111]
    assert (runs, corners) == (3, 3)


@pytest.mark.parametrize("width", WIDTHS)
def test_runs_of_a_row_are_its_stretches_of_equal_pixels(width: int) -> None:
    labels = np.random.default_rng(width).integers(0, 3, (4, width))
    piece = scan(labels, 0, Scratch())
    for row, line in enumerate(labels):
        start, stop = piece.runs.offsets[row : row + 2]
        starts, regions = piece.runs.starts[start:stop], piece.runs.regions[start:stop]
        assert starts.tolist() == [0, *(np.flatnonzero(np.diff(line)) + 1), width]
        assert (piece.table[regions[:-1], 0] == line[starts[:-1]]).all()
        assert regions[-1] == 0
