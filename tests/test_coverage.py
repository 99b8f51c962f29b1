"""A coverage keeps its invariants, and says which one is broken."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geoseg.coverage import Coverage
from geoseg.errors import TopologyError
from geoseg.grid import GeoBox
from geoseg.vectorizer import coverage

GRID = GeoBox(1, 1, Affine.identity(), None)
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], np.int32)


def _coverage(corners, offsets, left, right):
    return Coverage(np.array(corners), np.array(offsets), np.array(left), np.array(right), GRID)


def test_one_pixel_has_one_region_inside_and_all_of_its_border_once():
    found = coverage(np.array([[9]]), GRID)
    found.check()
    assert found.areas() == {0: -1, 1: 1}
    assert sorted(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [
        (0, 1), (0, 1), (1, 0), (1, 0)
    ]


def test_regions_are_named_by_their_first_pixel():
    labels = np.array([[1, 1, 2], [1, 3, 2], [1, 1, 1]])
    found = coverage(labels, GeoBox(3, 3, Affine.identity(), None))
    assert found.areas() == {0: -9, 1: 6, 3: 2, 5: 1}


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 5), st.integers(0, 2**32))
def test_every_raster_is_a_coverage_whose_areas_are_pixel_counts(height, width, values, seed):
    labels = np.random.default_rng(seed).integers(0, values, (height, width))
    found = coverage(labels, GeoBox(height, width, Affine.identity(), None))
    found.check()
    counts = {}
    for region, area in found.areas().items():
        value = -1 if region == 0 else int(labels.flat[region - 1])
        counts[value] = counts.get(value, 0) + area
    expected = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    assert counts == {-1: -labels.size} | {int(k): int(n) for k, n in expected.items()}


def test_sides_must_be_as_many_as_arcs():
    with pytest.raises(TopologyError, match="1 arcs have 2 left and 1 right sides"):
        _coverage(SQUARE, [0, 5], [0, 0], [1])


def test_an_arc_needs_an_edge():
    with pytest.raises(TopologyError, match="arc 1 has no edge"):
        _coverage(SQUARE, [0, 4, 5], [0, 0], [1, 1])


def test_a_region_cannot_be_its_own_neighbour():
    with pytest.raises(TopologyError, match="arc 0 has one region on both sides"):
        _coverage(SQUARE, [0, 5], [1], [1]).check()


def test_an_edge_is_along_a_row_or_a_column():
    with pytest.raises(TopologyError, match="not along one row or column"):
        _coverage(SQUARE[[0, 2, 3, 0]], [0, 4], [0], [1]).check()


def test_a_border_is_there_once():
    twice = np.concatenate([SQUARE, SQUARE])
    with pytest.raises(TopologyError, match="an edge is there twice"):
        _coverage(twice, [0, 5, 10], [0, 0], [1, 1]).check()


def test_regions_fill_the_grid():
    with pytest.raises(TopologyError, match="regions cover -1 of 1 pixels"):
        _coverage(SQUARE[::-1], [0, 5], [0], [1]).check()
