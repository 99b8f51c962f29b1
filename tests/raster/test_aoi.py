import numpy as np
import pytest
from affine import Affine
from shapely import box

from geoseg.errors import GridError
from geoseg.grid import GeoBox, Window
from geoseg.raster import Clipped, Resampled, Scene, rasterize, window_of_extent

GRID = GeoBox(6, 5, Affine(1, 0, 500000, 0, -1, 5400000), None)


def test_pixels_outside_the_area_have_no_data(write, ramp):
    with Scene(write(ramp)) as scene:
        area = (box(500001, 5399997, 500003, 5399999),)
        _, valid = Clipped(Resampled(scene, (1,)), area).read(Window(0, 0, 5, 6))
    assert np.argwhere(valid).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_an_extent_takes_every_pixel_that_it_touches():
    window = window_of_extent(GRID, (500000.5, 5399996.5, 500002.0, 5399999.0))
    assert window == Window(0, 1, 2, 3)


def test_an_extent_elsewhere_is_refused_with_the_scene_s_own():
    with pytest.raises(GridError, match="which spans"):
        window_of_extent(GRID, (0, 0, 1, 1))


def test_the_number_of_a_polygon_is_its_place_in_the_list():
    squares = [box(500000, 5399999, 500001, 5400000), box(500004, 5399994, 500005, 5399995)]
    labels = rasterize(squares, GRID)
    assert labels[0, 0] == 1
    assert labels[5, 4] == 2
    assert (labels > 0).sum() == 2
    assert (rasterize(squares, GRID, Window(4, 5, 1, 1)) == 2).all()
