import pytest
from affine import Affine
from pyproj import CRS

from geoseg.grid import GeoBox
from geoseg.ground import metres_per_pixel, pixel_size


def box(epsg: int | None, transform: Affine) -> GeoBox:
    return GeoBox(10, 10, transform, None if epsg is None else CRS.from_epsg(epsg).to_wkt())


def test_a_utm_pixel_measures_its_size_within_the_scale_factor():
    across, down = metres_per_pixel(box(32633, Affine(2, 0, 500000, 0, -3, 5400000)))
    assert across == pytest.approx(2, rel=5e-4)
    assert down == pytest.approx(3, rel=5e-4)


def test_web_mercator_is_shortened_by_the_latitude():
    across, _ = metres_per_pixel(box(3857, Affine(1, 0, 1.2e6, 0, -1, 6.1e6)))
    assert across == pytest.approx(0.671, abs=0.01)


def test_degrees_become_metres():
    _, down = metres_per_pixel(box(4326, Affine(1e-5, 0, 12, 0, -1e-5, 48)))
    assert down == pytest.approx(1.112, abs=0.002)


def test_survey_feet_become_metres():
    across, _ = metres_per_pixel(box(2265, Affine(10, 0, 2e6, 0, -10, 4e5)))
    assert across == pytest.approx(3.048, rel=1e-3)


def test_a_grid_without_a_place_has_no_metres():
    assert metres_per_pixel(box(None, Affine.scale(2))) is None
    assert metres_per_pixel(box(4326, Affine(1, 0, 4000, 0, -1, 95))) is None


def test_the_size_of_a_pixel_without_a_place_is_in_units_of_the_transform():
    assert pixel_size(box(None, Affine.rotation(90) @ Affine.scale(2, 3))) == (2, 3)
