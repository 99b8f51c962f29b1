import json
import re

import geopandas
import numpy as np
import pytest
from shapely import box

from geoseg.errors import OptionError, OutputError
from geoseg.tools.evaluate import evaluate

CANARY = "<script>alert('canary')</script>"
X, Y = 500_000, 5_400_000


@pytest.fixture
def layers(tmp_path):
    """Give parcels and truth: one matched, one missed, one false; with a hostile class name."""
    truth = [box(X, Y, X + 100, Y + 100), box(X + 100, Y, X + 200, Y + 100)]
    found = [box(X, Y, X + 100, Y + 90), box(X + 300, Y, X + 350, Y + 100)]
    for name, shapes in (("t", truth), ("a", found)):
        table = geopandas.GeoDataFrame({"class": [CANARY] * 2}, geometry=shapes, crs=32633)
        table.to_file(tmp_path / f"{name}.gpkg")
    return tmp_path / "a.gpkg", tmp_path / "t.gpkg"


def content(report):
    made = report.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="map">(.*?)</script>', made)
    return made, json.loads(found)


def test_the_map_holds_every_parcel_with_what_became_of_it(layers, tmp_path):
    evaluate(*layers, report=tmp_path / "r.html")
    made, shown = content(tmp_path / "r.html")
    predicted, true = shown["layers"]
    names = [[one["statuses"][code][0] for code in one["status"]] for one in (predicted, true)]
    assert names == [["matched", "false"], ["matched", "missed"]]
    assert predicted["facts"]["area, m²"] == [9000, 5000]
    assert true["facts"]["best IoU"] == [0.9, 0]
    assert CANARY not in made
    assert predicted["facts"]["class"] == [CANARY] * 2


def test_a_report_needs_no_network(layers, tmp_path):
    evaluate(*layers, report=tmp_path / "r.html")
    made, _ = content(tmp_path / "r.html")
    assert re.findall(r"https?://|@import|url\(", made) == []
    assert "default-src 'none'" in made


def test_an_existing_report_is_refused_before_the_work(layers, tmp_path):
    report = tmp_path / "r.html"
    report.write_text("mine")
    with pytest.raises(OutputError, match="exists; pass --overwrite"):
        evaluate(*layers, report=report)
    assert report.read_text() == "mine"
    evaluate(*layers, report=report, overwrite=True)
    assert report.read_text().startswith("<!doctype html>")


def test_a_scene_without_a_report_to_show_it_in_is_refused(layers, sample_data):
    with pytest.raises(OptionError, match="say with --report"):
        evaluate(*layers, scene=sample_data / "scene.tif")


def test_with_the_scene_the_map_has_a_picture_and_the_errors_are_shown(sample_data, tmp_path):
    truth = sample_data / "parcels.gpkg"
    found = tmp_path / "found.gpkg"
    geopandas.read_file(truth).iloc[5:].to_file(found)
    evaluate(found, truth, report=tmp_path / "r.html", scene=sample_data / "scene.tif")
    made, shown = content(tmp_path / "r.html")
    assert shown["picture"]["url"].startswith("data:image/jpeg;base64,")
    assert (shown["width"], shown["height"]) == (65536, 65536)
    assert made.count("<figcaption>true parcel ") == 5
    assert (tmp_path / "r.html").stat().st_size < 1_000_000


def test_a_map_of_too_many_parcels_shows_the_blocks_with_most_errors(tmp_path, monkeypatch):
    shapes = [box(X + 10 * i, Y + 10 * j, X + 10 * i + 10, Y + 10 * j + 10)
              for i in range(20) for j in range(20)]
    table = geopandas.GeoDataFrame(geometry=shapes, crs=32633)
    table.to_file(tmp_path / "t.gpkg")
    table.iloc[np.r_[3:400]].to_file(tmp_path / "a.gpkg")
    monkeypatch.setattr("geoseg.tools.evaluation_map.MOST_PARCELS", 100)
    evaluate(tmp_path / "a.gpkg", tmp_path / "t.gpkg", report=tmp_path / "r.html")
    made, shown = content(tmp_path / "r.html")
    assert shown["layers"][1]["status"].count(3) == 3
    assert len(shown["layers"][1]["status"]) <= 100
    assert "of 400 true parcels" in made
