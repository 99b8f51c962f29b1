"""The packed index of a layer."""

import numpy as np
import pyogrio
import pytest
import shapely
from gpkg import boxes, layer_of, squares, store


@pytest.mark.parametrize("n", [1, 51, 52, 102, 103, 2601, 2602, 5000])
def test_the_index_finds_what_a_search_of_all_finds(tmp_path, utm, n):
    shapes = squares(n, n)
    path = tmp_path / "a.gpkg"
    store(path, layer_of(shapes, n=range(n)), utm)
    expected = shapely.bounds(shapes)[:, [0, 2, 1, 3]]
    found = boxes(path)
    assert found[:, 0].tolist() == list(range(1, n + 1))
    assert (found[:, 1::2] <= expected[:, ::2]).all()
    assert (found[:, 2::2] >= expected[:, 1::2]).all()
    np.testing.assert_allclose(found[:, 1:], expected, rtol=2e-7)
    for window in shapely.bounds(squares(30, n + 1)):
        read = pyogrio.read_dataframe(path, layer="parcels", bbox=tuple(window))
        inside = shapely.intersects(shapely.box(*window), shapes)
        assert sorted(read.n) == np.flatnonzero(inside).tolist()
