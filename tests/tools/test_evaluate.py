import json
import logging
import math

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from shapely import box

from geoseg.cli.evaluate import evaluate as command
from geoseg.errors import CRSError, RasterError, VectorError
from geoseg.tools.evaluate import comparison_crs, evaluate

X, Y = 500_000, 5_400_000


def fields(*columns):
    """Give fields of 10 m height that span columns (start, stop) of 10 m."""
    return [box(X + 10 * a, Y - 10, X + 10 * b, Y) for a, b in columns]


@pytest.fixture
def layer(tmp_path):
    """Give a function that writes polygons to a GeoPackage in a CRS."""

    def write(name, shapes, *, crs=32633, layer="parcels"):
        table = geopandas.GeoDataFrame(geometry=list(shapes), crs=32633)
        path = tmp_path / name
        table.to_crs(crs).to_file(path, layer=layer, geometry_type="Polygon")
        return path

    return write


@pytest.fixture
def label_raster(tmp_path):
    """Give a function that writes a row of labels, one per 10 m, as 10 m pixels."""

    def write(row, *, nodata=-1, crs="EPSG:32633"):
        labels = np.array([row], np.int32)
        path = tmp_path / "truth.tif"
        options = {"driver": "GTiff", "count": 1, "height": 1, "width": len(row), "crs": crs,
                   "dtype": "int32", "nodata": nodata, "transform": Affine(10, 0, X, 0, -10, Y)}
        with rasterio.open(path, "w", **options) as target:
            target.write(labels, 1)
        return path

    return write


def test_equal_layers_score_one(layer):
    path = layer("a.gpkg", fields((0, 4), (4, 6)))
    scores = evaluate(path, path).scores
    names = ("pixel_iou", "parcel_f1", "panoptic_quality", "segmentation_quality")
    assert [scores[name] for name in names] == [1, 1, 1, 1]


def test_a_layer_is_scored_against_a_layer_by_area(layer):
    made = evaluate(layer("a.gpkg", fields((0, 3), (8, 9))), layer("b.gpkg", fields((0, 4))))
    assert made.unit == "m2"
    assert made.scores["pixel_iou"] == pytest.approx(300 / 500)
    assert (made.parcels.predicted, made.parcels.truth, made.parcels.matched) == (2, 1, 1)


def test_layers_may_have_different_crss(layer):
    truth = layer("b.gpkg", fields((0, 4), (4, 8)))
    for crs in (4326, 3035, 3857):
        made = evaluate(layer(f"{crs}.gpkg", fields((0, 4), (4, 8)), crs=crs), truth)
        assert made.parcels.matched == 2
        assert made.scores["pixel_iou"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("code", "base"), [(4326, 4326), (2225, 4269)])
def test_truth_in_degrees_or_feet_is_compared_in_square_metres(layer, code, base):
    truth = layer("b.gpkg", fields((0, 4)), crs=code)
    crs = pyproj.CRS.from_wkt(comparison_crs(truth, None))
    assert crs.axis_info[0].unit_name == "metre"
    assert crs.geodetic_crs.equals(pyproj.CRS(base), ignore_axis_order=True)
    made = evaluate(layer("a.gpkg", fields((0, 4))), truth)
    assert made.area.counts[1, 1] == pytest.approx(400, rel=2e-3)  # UTM's scale is 0.9996


def test_a_layer_is_scored_against_labels_by_pixels(layer, label_raster):
    made = evaluate(layer("a.gpkg", fields((0, 3), (5, 8))), label_raster([1, 1, 1, 1, 0, 2, 2, 2]))
    assert made.unit == "pixels"
    assert made.area.counts.tolist() == [[1, 0], [1, 6]]
    assert made.scores["parcel_f1"] == 1
    assert made.scores["segmentation_quality"] == pytest.approx((3 / 4 + 1) / 2)


def test_pixels_whose_label_is_not_known_do_not_count(layer, label_raster):
    made = evaluate(layer("a.gpkg", fields((0, 8))), label_raster([1, 1, -1, -1, -1, -1, 2, 2]))
    assert made.area.counts.tolist() == [[0, 0], [0, 4]]


@pytest.mark.parametrize("strip", [1, 3])
def test_a_raster_gives_the_same_scores_in_strips(layer, tmp_path, monkeypatch, strip):
    labels = np.repeat([[0, 1, 1], [2, 1, 1], [2, 2, 0]], 2, axis=0).astype(np.int32)
    options = {"driver": "GTiff", "count": 1, "height": 6, "width": 3, "crs": "EPSG:32633",
               "dtype": "int32", "transform": Affine(10, 0, X, 0, -10, Y)}
    with rasterio.open(tmp_path / "t.tif", "w", **options) as target:
        target.write(labels, 1)
    path = layer("a.gpkg", [box(X, Y - 60, X + 20, Y - 10)])
    whole = evaluate(path, tmp_path / "t.tif")
    monkeypatch.setattr("geoseg.tools.evaluate.STRIP_PIXELS", 3 * strip)
    parts = evaluate(path, tmp_path / "t.tif")
    assert parts.as_dict() == whole.as_dict()


def test_only_the_area_of_interest_counts(layer, label_raster):
    aoi = layer("aoi.gpkg", fields((0, 4)))
    path = layer("a.gpkg", fields((0, 4), (6, 8)))
    for truth in (label_raster([1, 1, 1, 1, 2, 2, 2, 2]), layer("b.gpkg", fields((0, 4), (4, 8)))):
        made = evaluate(path, truth, aoi=aoi)
        assert (made.parcels.truth, made.parcels.predicted, made.parcels.matched) == (1, 1, 1)


def test_an_area_of_interest_without_truth_is_refused(layer):
    path = layer("a.gpkg", fields((0, 4)))
    with pytest.raises(VectorError, match="no polygons in the area of"):
        evaluate(path, path, aoi=layer("aoi.gpkg", fields((7, 8))))


def test_no_parcels_are_zero_and_json_has_no_nan(layer):
    made = evaluate(layer("a.gpkg", []), layer("b.gpkg", fields((0, 4))))
    assert made.scores["parcel_f1"] == made.scores["pixel_iou"] == 0
    assert math.isnan(made.scores["parcel_precision"])
    assert made.as_dict()["parcel_precision"] is None


def test_layers_are_chosen_by_name(layer):
    path = layer("a.gpkg", fields((0, 4)), layer="mine")
    layer("a.gpkg", fields((0, 4), (4, 8)), layer="truth")
    assert evaluate(path, path, layer="mine", truth_layer="truth").parcels.truth == 2


def test_one_label_is_said_to_be_suspicious(layer, label_raster, caplog):
    with caplog.at_level(logging.WARNING):
        evaluate(layer("a.gpkg", fields((0, 2))), label_raster([1, 1, 0, 1]))
    assert "has one label only (1)" in caplog.text


def test_a_raster_without_crs_needs_a_layer_without_crs(layer, label_raster):
    with pytest.raises(CRSError, match="what it is laid on has none"):
        evaluate(layer("a.gpkg", fields((0, 2))), label_raster([1, 1], crs=None))


def test_a_missing_truth_is_one_line(layer, tmp_path):
    path = layer("a.gpkg", fields((0, 2)))
    for name, kind in (("no.tif", RasterError), ("no.gpkg", VectorError)):
        with pytest.raises(kind, match="does not exist"):
            evaluate(path, tmp_path / name)


def test_the_command_prints_an_aligned_table_or_json(layer):
    path = str(layer("a.gpkg", fields((0, 4), (4, 6))))
    table = CliRunner().invoke(command, [path, path])
    assert "  IoU                   1.000\n" in table.output
    assert "parcels                 2 against 2 true, 2 matched\n" in table.output
    printed = CliRunner().invoke(command, [path, path, "--json"])
    assert json.loads(printed.output)["parcel_f1"] == 1
