"""Spurs: what is trimmed, what stays, and who gets it."""

import numpy as np
import pytest
import shapely

SIDE = 60
"""Pixels of a side of the rasters."""


def fields(*spurs):
    """Draw two fields, 1 above 2, and on them rectangles of a value: (value, rows, columns)."""
    labels = np.ones((SIDE, SIDE), np.int32)
    labels[SIDE // 2 :] = 2
    for value, rows, columns in spurs:
        labels[rows, columns] = value
    return labels


def areas(parcel):
    return dict(zip(parcel.value.tolist(), parcel.area_m2.tolist(), strict=True))


@pytest.mark.parametrize("method", ["dp", "vw"])
def test_a_spur_goes_to_the_neighbour_and_the_rest_stays(vectorize, polygons, method):
    spur = (2, slice(18, 30), slice(20, 23))
    plain, trimmed = (
        vectorize(fields(spur), method=method, trim=trim) for trim in (0, 4)
    )
    assert areas(plain)[2] == pytest.approx(1800 + 36, abs=8)
    assert areas(trimmed) == {1: 1800, 2: 1800}
    assert shapely.coverage_is_valid(polygons(trimmed))


def test_a_notch_is_a_spur_of_the_other_side(vectorize):
    assert areas(vectorize(fields((1, slice(30, 42), slice(20, 23))), trim=4)) == {1: 1800, 2: 1800}


@pytest.mark.parametrize(("width", "length", "stays"), [
    (3, 12, False), (3, 40, True), (6, 12, True), (3, 2, True),
], ids=["a spur", "longer than slips are", "wide", "no longer than wide"])
def test_what_is_long_or_wide_or_short_stays(vectorize, width, length, stays):
    labels = np.ones((SIDE, SIDE), np.int32)
    labels[50:] = 2
    labels[50 - length : 50, 20 : 20 + width] = 2
    plain, trimmed = vectorize(labels), vectorize(labels, trim=4)
    assert (areas(trimmed) == areas(plain)) == stays


def test_the_tip_of_a_long_thin_parcel_stays(vectorize):
    labels = np.ones((SIDE, SIDE), np.int32)
    labels[10:, 20:23] = 2
    assert areas(vectorize(labels, trim=4)) == areas(vectorize(labels))


def test_a_small_parcel_stays(vectorize):
    labels = np.ones((SIDE, SIDE), np.int32)
    labels[20:22, 20:32] = 2
    assert areas(vectorize(labels, trim=4))[2] == pytest.approx(24, abs=6)


def test_a_spur_with_something_in_it_stays(vectorize, polygons):
    spur = (2, slice(16, 30), slice(20, 23)), (2, slice(16, 22), slice(18, 25))
    island = (3, slice(18, 20), slice(20, 22))
    trimmed, kept = vectorize(fields(*spur), trim=4), vectorize(fields(*spur, island), trim=4)
    assert areas(trimmed)[2] == 1800
    assert areas(kept)[2] > 1850 and areas(kept)[3] > 0
    assert shapely.coverage_is_valid(polygons(kept))


def test_width_is_measured_on_the_ground(vectorize):
    from affine import Affine

    from geoseg.grid import GeoBox

    flat = GeoBox(SIDE, SIDE, Affine(2, 0, 0, 0, -0.5, 0), None)
    labels = fields((2, slice(6, 30), slice(20, 22)))
    spur = areas(vectorize(labels, geobox=flat))[2] - 1800
    assert spur == pytest.approx(48, abs=6)
    assert areas(vectorize(labels, geobox=flat, trim=4.5))[2] == 1800
    assert areas(vectorize(labels, geobox=flat, trim=3.5))[2] > 1830
