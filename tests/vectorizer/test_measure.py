"""Ground areas and perimeters, whatever the CRS."""

import numpy as np
import pyproj
import pytest
from affine import Affine

from geoseg.grid import GeoBox
from geoseg.vectorizer.measure import ground_of

RAW = {"method": "none", "smooth": "none"}


def _grid(code, transform, height=40, width=40):
    wkt = code if code is None or "[" in code else pyproj.CRS.from_user_input(code).to_wkt()
    return GeoBox(height, width, transform, wkt)


def _square(grid, vectorize):
    labels = np.zeros(grid.shape, np.int32)
    labels[10:20, 10:30] = 1
    return vectorize(labels, geobox=grid, **RAW)


def test_utm_is_planar(vectorize):
    parcel = _square(_grid("EPSG:32633", Affine(2, 0, 5e5, 0, -2, 5e6)), vectorize)
    assert parcel.area_m2[0] == 800
    assert parcel.perimeter_m[0] == 120


@pytest.mark.parametrize(("code", "foot"), [("EPSG:2263", 1200 / 3937), ("EPSG:2265", 0.3048)])
def test_feet_become_metres(code, foot, vectorize):
    parcel = _square(_grid(code, Affine(10, 0, 1e6, 0, -10, 2e5)), vectorize)
    assert parcel.area_m2[0] == pytest.approx(20000 * foot**2, rel=1e-12)
    assert parcel.perimeter_m[0] == pytest.approx(600 * foot, rel=1e-12)


@pytest.mark.parametrize("code", ["EPSG:4326", "EPSG:4269", "EPSG:4807"])
def test_degrees_and_grads_are_measured_on_the_ellipsoid(code, vectorize):
    parcel = _square(_grid(code, Affine(1e-4, 0, 3, 0, -1e-4, 47)), vectorize)
    crs = pyproj.CRS.from_user_input(code)
    factor = np.degrees(crs.axis_info[0].unit_conversion_factor)
    x = np.array([10, 30, 30, 10]) * 1e-4 + 3
    y = np.array([10, 10, 20, 20]) * -1e-4 + 47
    area, length = crs.get_geod().polygon_area_perimeter(x * factor, y * factor)
    assert parcel.area_m2[0] == pytest.approx(abs(area), rel=1e-6)
    assert parcel.perimeter_m[0] == pytest.approx(length, rel=1e-6)


def test_web_mercator_is_measured_on_the_ellipsoid(vectorize):
    parcel = _square(_grid("EPSG:3857", Affine(1, 0, 1e6, 0, -1, 7e6)), vectorize)
    way = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
    lon, lat = way.transform(
        1e6 + np.array([10, 30, 30, 10]), 7e6 - np.array([10, 10, 20, 20])
    )
    area, length = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    assert parcel.area_m2[0] == pytest.approx(abs(area), rel=1e-6)
    assert parcel.area_m2[0] < 0.4 * 200
    assert parcel.perimeter_m[0] == pytest.approx(length, rel=1e-6)


def test_a_parcel_across_the_antimeridian_keeps_its_size(vectorize):
    code = "+proj=merc +lon_0=180 +datum=WGS84"
    parcel = _square(_grid(code, Affine(1, 0, -20, 0, -1, 6e6)), vectorize)
    crs = pyproj.CRS.from_user_input(code)
    way = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    lon, lat = way.transform(
        np.array([10, 30, 30, 10]) - 20.0, 6e6 - np.array([10.0, 10, 20, 20])
    )
    area, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    assert parcel.area_m2[0] == pytest.approx(abs(area), rel=1e-6)


def test_mars_is_measured_on_mars():
    mars = (
        'GEOGCRS["Mars",DATUM["Mars",ELLIPSOID["Mars",3396190,169.894447223612]],'
        'PRIMEM["Reference Meridian",0],CS[ellipsoidal,2],AXIS["lat",north],AXIS["lon",east],'
        'ANGLEUNIT["degree",0.0174532925199433]]'
    )
    ground = ground_of(_grid(mars, Affine(1e-3, 0, 3, 0, -1e-3, 47)))
    assert ground.geod.a == 3396190


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["site",UNIT["metre",1]]'])
def test_without_a_place_on_earth_units_are_metres(crs, vectorize):
    parcel = _square(_grid(crs, Affine(3, 0, 0, 0, 3, 0)), vectorize)
    assert parcel.area_m2[0] == 1800


def test_outside_the_projection_nothing_breaks(vectorize):
    parcel = _square(_grid("EPSG:32633", Affine(1e6, 0, 0, 0, -1e6, 0)), vectorize)
    assert parcel.area_m2[0] > 0
