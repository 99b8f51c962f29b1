"""Lines: drawn cases of smoothing, junctions and simplification."""

import numpy as np
import pytest
import shapely
from affine import Affine

from geoseg.grid import GeoBox

CUT = {"method": "none"}


def _half_plane(slope, offset, size=60):
    """Draw 1 below a straight line, 2 above it, by pixel centres."""
    rows, cols = np.mgrid[0:size, 0:size] + 0.5
    return np.where(rows > slope * cols + offset, 1, 2).astype(np.int32)


def _points(shape):
    return {tuple(point) for point in np.array(shape.exterior.coords).tolist()}


def test_one_pixel_is_cut_to_a_diamond(digits, vectorize, polygons):
    diamond = polygons(vectorize(digits("000 010 000"), **CUT))[0]
    assert _points(diamond) == {(1.5, -1), (2, -1.5), (1.5, -2), (1, -1.5)}


def test_the_corner_of_a_field_is_not_cut(digits, vectorize, polygons):
    square = polygons(vectorize(digits("00000 01110 01110 01110 00000"), **CUT))[0]
    assert _points(square) == {(1, -1), (4, -1), (4, -4), (1, -4)}


def test_stairs_of_one_pixel_become_straight(vectorize, polygons):
    lower, upper = polygons(vectorize(_half_plane(1.0, 0.25)))
    shared = shapely.line_merge(shapely.intersection(lower, upper))
    assert shapely.get_num_coordinates(shared) == 2


@pytest.mark.parametrize("slope", [0.05, 0.13, 0.37, 0.5, 0.81])
def test_a_straight_border_stays_one_line_within_a_pixel(slope, vectorize, polygons):
    shapes = polygons(vectorize(_half_plane(slope, 4.3)))
    shared = shapely.line_merge(shapely.intersection(shapes[0], shapes[1]))
    x, y = np.array(shared.coords).T
    assert len(x) <= 4
    assert np.abs(-y - (slope * x + 4.3)).max() <= 0.7


def test_a_border_that_ends_at_a_straight_one_leaves_no_kink_in_it(vectorize, polygons):
    labels = _half_plane(0.37, 10.2)
    labels[:, 30:][labels[:, 30:] == 1] = 3
    corner = [
        point
        for point in _points(polygons(vectorize(labels))[0])
        if all(point in _points(shape) for shape in polygons(vectorize(labels))[1:])
    ]
    assert len(corner) == 1
    x, y = corner[0]
    assert abs(-y - (0.37 * x + 10.2)) < 0.2


def test_a_junction_where_four_regions_meet_stays(vectorize, polygons):
    labels = np.kron(np.array([[1, 2], [3, 4]], np.int32), np.ones((9, 9), np.int32))
    assert all((9, -9) in _points(shape) for shape in polygons(vectorize(labels)))


@pytest.mark.parametrize("method", ["dp", "vw"])
def test_no_region_vanishes_however_large_the_tolerance(method, digits, vectorize, polygons):
    labels = digits("1111111 1222331 1223331 1111111")
    shapes = polygons(vectorize(labels, method=method, tolerance=100.0))
    assert len(shapes) == 3
    assert (shapely.area(shapes) > 0).all()
    assert shapely.coverage_is_valid(shapes)


def test_an_island_keeps_its_side_of_a_simplified_border(vectorize, polygons):
    labels = np.ones((20, 40), np.int32)
    for col in range(40):
        labels[10 + (col // 4) % 3 :, col] = 2
    labels[12, 17] = 3
    shapes = polygons(vectorize(labels, tolerance=30.0))
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)


def test_tolerance_is_on_the_ground_where_pixels_are_not_square(vectorize):
    labels = np.ones((30, 90), np.int32)
    labels[10:] = 2
    labels[8:10, 30:60] = 2
    tall = GeoBox(30, 90, Affine(1, 0, 0, 0, -4, 0), None)
    flat = GeoBox(30, 90, Affine(4, 0, 0, 0, -1, 0), None)
    kept = vectorize(labels, geobox=tall, tolerance=1.5, smooth="none")
    gone = vectorize(labels, geobox=flat, tolerance=1.5, smooth="none")
    assert len(kept.coords) > len(gone.coords)


def test_areas_keep_their_size_at_the_default(vectorize):
    rows, cols = np.mgrid[0:300, 0:300] + 0.5
    across, down = cols * 0.8 + rows * 0.6, rows * 0.8 - cols * 0.6
    labels = ((across // 50).astype(np.int32) + 20) * 100 + (down // 70).astype(np.int32) + 50
    raw = vectorize(labels, method="none", smooth="none")
    lines = vectorize(labels)
    large = raw.area_m2 > 1000
    error = lines.area_m2[large] / raw.area_m2[large] - 1
    assert large.sum() > 20
    assert abs(error.mean()) < 0.001
    assert np.sqrt((error**2).mean()) < 0.005
    assert len(lines.coords) < len(raw.coords) / 10


def test_nine_of_ten_parcels_of_800_pixels_keep_their_area_within_half_a_percent(vectorize):
    rows, cols = np.mgrid[0:300, 0:300] + 0.5
    across, down = cols * 0.8 + rows * 0.6, rows * 0.8 - cols * 0.6
    labels = ((across // 27).astype(np.int32) + 20) * 100 + (down // 30).astype(np.int32) + 50
    raw = vectorize(labels, method="none", smooth="none")
    lines = vectorize(labels)
    whole = raw.area_m2 > 700
    error = abs(lines.area_m2[whole] / raw.area_m2[whole] - 1)
    assert whole.sum() > 40
    assert np.quantile(error, 0.9) < 0.005


def test_rectangles_that_lie_alone_keep_their_area_within_half_a_percent(vectorize):
    rows, cols = np.mgrid[0:480, 0:480] + 0.5
    labels = np.zeros((480, 480), np.int32)
    for n in range(64):
        angle = np.pi * n / 128
        right, down = cols - 60 * (n % 8) - 30.6, rows - 60 * (n // 8) - 30.3
        along = right * np.cos(angle) + down * np.sin(angle)
        across = down * np.cos(angle) - right * np.sin(angle)
        labels[(abs(along) < 20) & (abs(across) < 11)] = n + 1
    raw, lines = vectorize(labels, method="none", smooth="none"), vectorize(labels)
    assert (abs(lines.area_m2 / raw.area_m2 - 1) < 0.005).all()
    assert len(lines.coords) < 8 * len(lines)
