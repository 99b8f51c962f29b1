"""Regular and smooth borders: drawn cases, coverages that stay valid, the same in any strips."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geoseg.errors import OptionError
from geoseg.vectorizer import LineOptions


def _bricks(seed, degrees, size=300):
    """Draw bricks of 60 x 40 pixels, turned, with borders that wander by about a pixel."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    for values in (x, y):
        noise = random.normal(size=(size, size))
        for axis in (0, 1):
            for _ in range(6):
                noise = (np.roll(noise, 1, axis) + noise + np.roll(noise, -1, axis)) / 3
        values += 0.8 * noise / noise.std()
    turn = np.radians(degrees)
    u, v = x * np.cos(turn) + y * np.sin(turn) + 500, y * np.cos(turn) - x * np.sin(turn) + 500
    row = v // 40
    labels = row * 100 + (u + 23 * (row % 2)) // 60
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32) + 1


def _turns(shapes, size=300):
    """Give by how many degrees each corner between long sides differs from straight and right.

    Sides on the edge of the raster are left out: a turned brick meets it at any angle.
    """
    turns = []
    for ring in shapely.get_rings(shapes):
        points = shapely.get_coordinates(ring)
        step = np.diff(points, axis=0)
        edge = (np.abs(points) < 1e-6) | (np.abs(np.abs(points) - size) < 1e-6)
        on_edge = (edge[:-1] & edge[1:]).any(axis=1)
        angle, long = np.degrees(np.arctan2(step[:, 1], step[:, 0])), np.hypot(*step.T) > 10
        both = long & ~on_edge & np.roll(long & ~on_edge, 1)
        turns += np.abs((angle - np.roll(angle, 1) + 45) % 90 - 45)[both].tolist()
    return np.array(turns)


@pytest.mark.parametrize("degrees", [0, 17, 40])
def test_turned_bricks_get_right_angles_and_stay_a_coverage(vectorize, polygons, degrees):
    labels = _bricks(1, degrees)
    plain = polygons(vectorize(labels, tolerance=3.0))
    regular = polygons(vectorize(labels, tolerance=3.0, shape="regular"))
    assert shapely.coverage_is_valid(regular)
    assert (_turns(regular) < 0.5).mean() > 2 * (_turns(plain) < 0.5).mean()
    assert (_turns(regular) < 0.5).mean() > 0.75
    assert shapely.hausdorff_distance(plain, regular).max() < 4 * 3.0
    same = shapely.area(shapely.intersection(plain, regular)) / shapely.area(plain)
    assert same.min() > 0.8


def test_a_corner_that_was_cut_off_becomes_sharp(digits, vectorize, polygons):
    labels = np.zeros((60, 60), np.int32)
    labels[10:50, 10:50] = 1
    labels[10, 10:13] = labels[11, 10:12] = labels[12, 10] = 0
    shape = polygons(vectorize(labels, tolerance=2.0, shape="regular"))[0]
    assert shape.area == pytest.approx(1600, rel=0.01)
    assert len(shapely.remove_repeated_points(shape).exterior.coords) <= 7


def test_a_circle_gets_no_corners(vectorize, polygons):
    y, x = np.mgrid[:80, :80]
    labels = ((x - 40) ** 2 + (y - 40) ** 2 < 900).astype(np.int32)
    plain = polygons(vectorize(labels))[0]
    regular = polygons(vectorize(labels, shape="regular"))[0]
    assert regular.intersection(plain).area / regular.union(plain).area > 0.95
    assert regular.minimum_rotated_rectangle.area > 1.15 * regular.area


@pytest.mark.parametrize("shape", ["smooth", "regular"])
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 50), st.sampled_from([1, 4, 9]))
def test_shaped_parcels_are_a_coverage_on_the_same_ground_in_any_strips(
    vectorize, polygons, shape, seed, height, width, scale
):
    random = np.random.default_rng(seed)
    coarse = random.integers(1, 5, (height // scale + 1, width // scale + 1))
    labels = coarse.repeat(scale, 0).repeat(scale, 1)[:height, :width].astype(np.int32)
    options = {"tolerance": float(random.uniform(0.5, 4)), "shape": shape}
    whole = polygons(vectorize(labels, **options))
    assert shapely.is_valid(whole).all()
    assert shapely.coverage_is_valid(whole)
    assert shapely.union_all(whole).area == pytest.approx(height * width)
    cut = polygons(vectorize(labels, strip=7, **options))
    assert shapely.equals_exact(whole, cut, tolerance=0).all()


def _sharpest(shapes):
    """Give the sharpest bend, in degrees, of the border that two parcels share."""
    border = shapely.line_merge(shapely.intersection(*shapes))
    step = np.diff(shapely.get_coordinates(border), axis=0)
    angle = np.degrees(np.arctan2(step[:, 1], step[:, 0]))
    return np.abs((np.diff(angle) + 180) % 360 - 180).max()


def test_smooth_borders_bend_by_half_the_angle_at_most(vectorize, polygons):
    labels = np.ones((60, 60), np.int32)
    labels[:, 30:] = 2
    labels[20:40, 30:45] = 1
    plain = polygons(vectorize(labels, tolerance=2.0))
    smooth = polygons(vectorize(labels, tolerance=2.0, shape="smooth"))
    assert shapely.coverage_is_valid(smooth)
    assert _sharpest(plain) > 80
    assert _sharpest(smooth) < 50


def test_an_unknown_shape_is_refused():
    with pytest.raises(OptionError, match="shape is 'round'"):
        LineOptions(shape="round")
