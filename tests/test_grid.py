import numpy as np
import pytest
from affine import Affine

from geoseg.errors import GridError
from geoseg.grid import GeoBox, Window


def test_an_empty_window_is_refused_with_its_size():
    with pytest.raises(GridError, match="got 0 x 5 pixels"):
        Window(0, 0, 0, 5)


def test_a_window_contains_itself_and_not_its_neighbour():
    window = Window(2, 2, 3, 3)
    assert window.contains(window)
    assert not window.contains(Window(3, 2, 3, 3))


def test_a_grid_without_crs_or_transform_has_no_place():
    assert not GeoBox(1, 1, Affine.identity(), "LOCAL").is_georeferenced
    assert not GeoBox(1, 1, Affine.scale(2), None).is_georeferenced


def test_bounds_hold_all_corners_of_a_turned_grid():
    turned = GeoBox(2, 4, Affine.rotation(90), None)
    assert np.allclose(turned.bounds, (-2, 0, 0, 4))
