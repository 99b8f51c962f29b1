import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geoseg.grid import Window
from geoseg.raster import Resampled, Scene


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(3).integers(0, 255, (2, 37, 29), dtype=np.uint8)


@given(
    st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)]),
    st.integers(-9, 40), st.integers(-9, 40), st.integers(1, 12), st.integers(1, 12),
)
@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_pixel_is_the_same_in_any_window(write, noise, factors, col, row, width, height):
    path = write(noise, nodata=11)
    with Scene(path) as scene:
        pixels = Resampled(scene, (1, 2), *factors)
        whole, valid = pixels.read(Window(-12, -12, 72, 72))
        part, part_valid = pixels.read(Window(col, row, width, height))
    rows, cols = slice(row + 12, row + 12 + height), slice(col + 12, col + 12 + width)
    assert (part == whole[:, rows, cols]).all()
    assert (part_valid == valid[rows, cols]).all()


def test_a_coarse_pixel_is_the_mean_of_its_valid_pixels(write):
    data = np.array([[[1, 3, 9], [5, 0, 9]]], np.uint8)
    with Scene(write(data, nodata=0)) as scene:
        pixels = Resampled(scene, (1,), 1, 2)
        assert pixels.geobox.shape == (1, 1)
        values, valid = pixels.read(Window(0, 0, 1, 1))
    assert values.item() == 3.0
    assert valid.item()


def test_a_fine_grid_keeps_the_extent(write, noise):
    with Scene(write(noise)) as scene:
        fine = Resampled(scene, (1,), 3, 1).geobox
        assert fine.shape == (111, 87)
        corner = (scene.geobox.width, scene.geobox.height)
        assert fine.transform @ (87, 111) == pytest.approx(scene.geobox.transform @ corner)


def test_a_plain_slope_stays_a_plain_slope(write):
    slope = np.tile(np.arange(0, 40, 4, dtype=np.uint8), (10, 1))[None]
    with Scene(write(slope)) as scene:
        fine, _ = Resampled(scene, (1,), 2, 1).read(Window(4, 4, 12, 12))
    assert np.allclose(np.diff(fine[0], axis=1), 2)
