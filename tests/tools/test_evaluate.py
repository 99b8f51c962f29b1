import json
import logging
import math
import re
from contextlib import ExitStack

import geopandas
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from shapely import Polygon, box, union_all

from geoseg.cli.evaluate import evaluate as command
from geoseg.errors import CRSError, OptionError, RasterError, VectorError
from geoseg.grid import GeoBox
from geoseg.tools.evaluate import evaluate
from geoseg.tools.common_ground import comparison_crs
from geoseg.tools.layers import Layer
from geoseg.tools.result import Result as Made

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


def areas(made):
    """Give the square metres in true parcels, in predicted ones and in both."""
    return [made.counts[f"ground_{one}"] for one in ("true", "found", "both")]


def test_equal_layers_score_one(layer):
    path = layer("a.gpkg", fields((0, 4), (4, 6)))
    scores = evaluate(path, path).scores
    names = ("pixel_iou", "parcel_f1", "panoptic_quality", "segmentation_quality")
    assert [scores[name] for name in names] == [1, 1, 1, 1]


def test_a_layer_is_scored_against_a_layer_by_area(layer):
    made = evaluate(layer("a.gpkg", fields((0, 3), (8, 9))), layer("b.gpkg", fields((0, 4))))
    assert made.unit == "m2"
    assert made.scores["pixel_iou"] == pytest.approx(300 / 500)
    assert (made.parcel_counts.predicted, made.parcel_counts.truth) == (2, 1)
    assert made.parcel_counts.matched == 1


def test_layers_may_have_different_crss(layer):
    truth = layer("b.gpkg", fields((0, 4), (4, 8)))
    for crs in (4326, 3035, 3857):
        made = evaluate(layer(f"{crs}.gpkg", fields((0, 4), (4, 8)), crs=crs), truth)
        assert made.parcel_counts.matched == 2
        assert made.scores["pixel_iou"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("code", "base"), [(4326, 4326), (2225, 4269), (3857, 4326)])
def test_truth_in_degrees_or_feet_or_mercator_is_compared_in_square_metres(layer, code, base):
    truth = layer("b.gpkg", fields((0, 4)), crs=code)
    with ExitStack() as close:
        opened = Layer(truth, layer=None, field="class", close=close)
        crs = pyproj.CRS.from_wkt(comparison_crs(opened))
    assert crs.axis_info[0].unit_name == "metre"
    assert crs.geodetic_crs.equals(pyproj.CRS(base), ignore_axis_order=True)
    made = evaluate(layer("a.gpkg", fields((0, 4))), truth)
    assert made.counts["ground_both"] == pytest.approx(400, rel=2e-3)  # UTM's scale is 0.9996


def test_a_layer_is_scored_against_labels(layer, label_raster):
    made = evaluate(layer("a.gpkg", fields((0, 3), (5, 8))), label_raster([1, 1, 1, 1, 0, 2, 2, 2]))
    assert (made.unit, made.pixel) == ("m2", pytest.approx(10, rel=1e-3))
    assert areas(made) == pytest.approx([700, 600, 600])
    assert made.scores["parcel_f1"] == 1
    assert made.scores["segmentation_quality"] == pytest.approx((3 / 4 + 1) / 2)


def test_pixels_whose_label_is_not_known_do_not_count(layer, label_raster):
    made = evaluate(layer("a.gpkg", fields((0, 8))), label_raster([1, 1, -1, -1, -1, -1, 2, 2]))
    assert areas(made) == pytest.approx([400, 400, 400])


def many(seed, n=12):
    """Give n x n parcels of about 20 m whose corners are moved at random."""
    random = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(np.arange(n + 1), np.arange(n + 1)), axis=-1) * 20.0
    corners = corners + random.uniform(-4, 4, corners.shape) + (X, Y)
    return [
        Polygon([corners[i, j], corners[i, j + 1], corners[i + 1, j + 1], corners[i + 1, j]])
        for i in range(n) for j in range(n)
    ]


@pytest.mark.parametrize("held", [0, 1000])
def test_scores_do_not_depend_on_the_tiles(layer, monkeypatch, held):
    truth = layer("t.gpkg", many(1))
    found = layer("a.gpkg", [*many(2)[:100], box(X + 30, Y + 30, X + 95, Y + 140)])
    monkeypatch.setattr("geoseg.evaluation.blocks.PARCELS_PER_TILE", 1e9)
    whole = evaluate(found, truth, block=1000).scores
    monkeypatch.setattr("geoseg.vector.windows.HELD", held)
    monkeypatch.setattr("geoseg.evaluation.blocks.PARCELS_PER_TILE", 4)
    parts = evaluate(found, truth, block=1000).scores
    assert 0.3 < whole["parcel_f1"] < 1
    for name, value in whole.items():
        assert parts[name] == pytest.approx(value, rel=1e-9), name


def test_labels_are_the_same_parcels_as_their_outlines(layer, tmp_path, monkeypatch):
    labels = np.repeat(np.repeat([[0, 1, 1], [2, 1, 1], [2, 2, 1]], 2, axis=0), 2, axis=1)
    options = {"driver": "GTiff", "count": 1, "height": 6, "width": 6, "crs": "EPSG:32633",
               "dtype": "int32", "transform": Affine(5, 0, X, 0, -5, Y)}
    with rasterio.open(tmp_path / "t.tif", "w", **options) as target:
        target.write(labels.astype(np.int32), 1)
    one = union_all([box(X + 10, Y - 30, X + 30, Y)]).difference(box(X, Y - 30, X + 20, Y - 20))
    two = box(X, Y - 30, X + 10, Y - 10).union(box(X, Y - 30, X + 20, Y - 20))
    outlines = layer("t.gpkg", [one, two])
    path = layer("a.gpkg", [box(X, Y - 30, X + 12, Y - 10), box(X + 12, Y - 30, X + 30, Y)])
    drawn = evaluate(path, outlines, distances=[2, 5]).scores
    for pixels in (1 << 24, 1):
        monkeypatch.setattr("geoseg.tools.layers.HELD_PIXELS", pixels)
        of_labels = evaluate(path, tmp_path / "t.tif", distances=[2, 5]).scores
        for name in ("pixel_iou", "parcel_f1_50_95", "panoptic_quality", "boundary_f_1", "goc"):
            assert of_labels[name] == pytest.approx(drawn[name], rel=1e-9), name
    both = evaluate(tmp_path / "t.tif", tmp_path / "t.tif").scores
    assert both["parcel_f1_50_95"] == both["boundary_f_1"] == both["boundary_iou"] == 1


def test_only_the_area_of_interest_counts(layer, label_raster):
    aoi = layer("aoi.gpkg", fields((0, 4)))
    path = layer("a.gpkg", fields((0, 4), (6, 8)))
    for truth in (label_raster([1, 1, 1, 1, 2, 2, 2, 2]), layer("b.gpkg", fields((0, 4), (4, 8)))):
        made = evaluate(path, truth, aoi=aoi)
        assert [made.counts[one] for one in ("truth", "predicted", "matched@0.5")] == [1, 1, 1]


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
    assert evaluate(path, path, layer="mine", truth_layer="truth").parcel_counts.truth == 2


def test_one_label_is_said_to_be_suspicious(layer, label_raster, caplog):
    with caplog.at_level(logging.WARNING):
        evaluate(layer("a.gpkg", fields((0, 2))), label_raster([1, 1, 0, 1]))
    assert "has one label only" in caplog.text


def test_a_raster_without_crs_needs_a_layer_without_crs(layer, label_raster):
    with pytest.raises(CRSError, match="has no CRS, but"):
        evaluate(layer("a.gpkg", fields((0, 2))), label_raster([1, 1], crs=None))


def test_a_missing_truth_is_one_line(layer, tmp_path):
    path = layer("a.gpkg", fields((0, 2)))
    for name, kind in (("no.tif", RasterError), ("no.gpkg", VectorError)):
        with pytest.raises(kind, match="does not exist"):
            evaluate(path, tmp_path / name)


def test_the_command_prints_an_aligned_table_or_json(layer):
    path = str(layer("a.gpkg", fields((0, 4), (4, 6))))
    table = CliRunner().invoke(command, [path, path])
    assert "  ground IoU                  1.000" in table.output
    assert "parcels                   2 against 2 true, 2 matched\n" in table.output
    printed = CliRunner().invoke(command, [path, path, "--json"])
    assert json.loads(printed.output)["parcel_f1"] == 1


def test_scores_are_in_the_json_by_group_with_intervals_and_counts(layer):
    path = layer("a.gpkg", many(1))
    made = json.loads(json.dumps(evaluate(path, path, sizes=[400]).as_dict()))
    assert list(made["groups"]) == ["all", "size below 0.04 ha", "size from 0.04 ha"]
    every = made["groups"]["all"]
    assert every["scores"]["parcel_f1"] == made["parcel_f1"] == 1
    assert every["intervals"]["parcel_f1"] == [1, 1]
    assert every["counts"]["truth"] == 144
    assert made["distances"][0] == {"metres": 1.0, "pixels": None}


def test_what_lies_in_the_ignore_layer_does_not_count(layer):
    truth, found = layer("t.gpkg", fields((0, 4))), layer("a.gpkg", fields((0, 4), (6, 9)))
    assert evaluate(found, truth).parcel_counts.predicted == 2
    ignored = evaluate(found, truth, ignore=layer("town.gpkg", fields((5, 20)), crs=4326))
    assert ignored.parcel_counts.predicted == 1


def test_classes_are_scored_by_name(tmp_path):
    names = ["crop", "grass", "grass"]
    for name, classes in (("t", names), ("a", ["crop", "grass", "crop"])):
        table = geopandas.GeoDataFrame(
            {"use": classes}, geometry=fields((0, 2), (2, 4), (4, 7)), crs=32633
        )
        table.to_file(tmp_path / f"{name}.gpkg")
    made = evaluate(tmp_path / "a.gpkg", tmp_path / "t.gpkg", class_field="use", sizes=[])
    assert made.groups == ("all", "class crop", "class grass", "size any")
    assert made.scores_of("class grass")["parcel_recall"] == 0.5
    assert made.scores_of("class crop")["parcel_precision"] == 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [({"distances": [0.0]}, "--distances"), ({"sizes": [5.0, 1.0]}, "--sizes"),
     ({"block": 1e-4}, "choose larger blocks")],
)
def test_options_that_make_no_sense_are_refused(layer, options, said):
    path = layer("a.gpkg", fields((0, 4)))
    with pytest.raises(OptionError, match=said):
        evaluate(path, path, **options)


def test_a_label_raster_whose_background_is_no_data_is_said_to_be_a_trap(
    layer, label_raster, caplog
):
    evaluate(layer("a.gpkg", fields((0, 2))), label_raster([1, 2, 0, 1], nodata=0))
    assert "0 is no data" in caplog.text


def test_tables_arrays_and_results_are_scored_as_their_files(layer, label_raster):
    rioxarray = pytest.importorskip("rioxarray", reason="rioxarray is not installed")
    found, true = fields((0, 2), (2, 5)), fields((0, 2), (3, 5))
    files = evaluate(layer("found.gpkg", found), layer("true.gpkg", true)).scores
    tables = [geopandas.GeoDataFrame({"class": ["a", "b"]}, geometry=one, crs=32633)
              for one in (found, true)]
    assert evaluate(*tables).scores == pytest.approx(files, nan_ok=True)
    assert evaluate(tables[0].geometry, tables[1]).scores == pytest.approx(files, nan_ok=True)
    made = Made(layer("found.gpkg", found), 2)
    assert evaluate(made, tables[1]).scores == pytest.approx(files, nan_ok=True)
    path = label_raster([1, 1, 0, 2, 2])
    of_file = evaluate(tables[0], path).scores
    box_ = GeoBox(1, 5, Affine(10, 0, X, 0, -10, Y), rasterio.CRS.from_epsg(32633).wkt)
    array = np.array([1, 1, 0, 2, 2], np.int32)[None]
    assert evaluate(tables[0], (array, box_)).scores == pytest.approx(of_file, nan_ok=True)
    with rasterio.open(path) as dataset, rioxarray.open_rasterio(path) as labels:
        assert evaluate(tables[0], dataset).scores == pytest.approx(of_file, nan_ok=True)
        assert evaluate(tables[0], labels).scores == pytest.approx(of_file, nan_ok=True)
    area = geopandas.GeoSeries(fields((0, 2)), crs=32633)
    assert evaluate(*tables, aoi=area).scores["parcel_f1"] == 1
    assert evaluate(*tables, ignore=area).parcel_counts.truth == 1


def test_a_table_that_no_vector_file_can_hold_is_one_line(layer):
    table = geopandas.GeoDataFrame({"a": [1j]}, geometry=fields((0, 2)), crs=32633)
    with pytest.raises(VectorError, match="a GeoDataFrame cannot be used as a layer") as raised:
        evaluate(table, layer("true.gpkg", fields((0, 2))))
    assert "\n" not in str(raised.value)


def test_scores_show_as_a_table_in_a_notebook(layer):
    made = evaluate(layer("a.gpkg", fields((0, 2), (2, 5))), layer("b.gpkg", fields((0, 2))))
    html = made._repr_html_()
    assert "2 parcels against 1 true, 1 matched" in html
    text = " ".join(re.sub("<[^>]*>", " ", html).split())
    assert f"F1 at IoU 0.5 {made.scores['parcel_f1']:.3f}" in text
    assert "below 0.64 ha" in text and "from 100 ha" not in text and "boundary F, 1 m" in text
    assert "<script" not in html


def test_layers_of_two_places_are_said_to_lie_apart(layer, caplog):
    here = layer("here.gpkg", fields((0, 4)))
    there = layer("there.gpkg", fields((1000, 1004)))
    assert evaluate(here, there).parcel_counts.matched == 0
    assert "no parcel lies on a true one" in caplog.text
    assert "there.gpkg spans 510000, 5399990, 510040, 5400000" in caplog.text
