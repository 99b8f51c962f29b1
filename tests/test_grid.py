import numpy as np
import pytest
from affine import Affine

from geoseg.errors import GridError
from geoseg.grid import GeoBox, Window, bounds_text


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


def test_bounds_are_written_as_people_write_them():
    assert bounds_text((485899.2, 5205630.4, -0.5, 360)) == "485899, 5205630, -0.5, 360"
    assert bounds_text((15.0, 45.5, 15.1, 45.600001)) == "15, 45.5, 15.1, 45.6"
