"""Borders as lines, beside the parcels that vectorize and polygonize write."""

import json

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

import geoseg
from geoseg.cli.main import main
from geoseg.errors import OptionError, OutputError


@pytest.fixture
def classes(tmp_path):
    """Give a class raster of four values in UTM."""
    data = np.random.default_rng(1).integers(0, 4, (6, 8)).repeat(5, 0).repeat(5, 1)
    with rasterio.open(
        tmp_path / "classes.tif", "w", driver="GTiff", count=1, height=30, width=40,
        dtype="uint8", crs="EPSG:32633", transform=Affine(10, 0, 500_000, 0, -10, 5_400_000),
        nodata=0,
    ) as raster:
        raster.write(data.astype(np.uint8), 1)
    return tmp_path / "classes.tif"


def test_a_geopackage_gets_the_lines_as_a_second_layer_with_its_style(classes, tmp_path):
    out = tmp_path / "out.gpkg"
    made = geoseg.polygonize(classes, out, lines=out)
    assert sorted(name for name, _ in pyogrio.list_layers(out)) == [
        "layer_styles", "lines", "parcels"
    ]
    assert list(made.lines.columns) == [
        "line_id", "left", "right", "length_m", "edge", "geometry"
    ]
    assert len(made.lines) == made.report["lines"]["lines"] > made.count
    styles = pyogrio.read_dataframe(out, layer="layer_styles").set_index("f_table_name")
    assert 'type="line"' in styles.loc["lines", "styleQML"]
    rings = made.parcels.boundary.union_all()
    assert rings.equals(made.lines.union_all())


def test_each_line_touches_the_parcels_that_it_names(classes, tmp_path):
    made = geoseg.polygonize(classes, tmp_path / "out.gpkg", lines=tmp_path / "lines.gpkg")
    parcels, lines = made.parcels.set_index("parcel_id"), made.lines
    for side in ("left", "right"):
        named = lines[lines[side].notna()]
        beside = parcels.loc[named[side].astype(int)].geometry
        assert named.covered_by(beside.boundary, align=False).all()
    assert (lines["left"].notna() | lines["right"].notna()).all()
    assert lines.loc[lines["left"].isna() | lines["right"].isna(), "edge"].all()


def test_the_number_of_threads_changes_no_parcel_and_no_line(classes, tmp_path):
    one, three = (
        geoseg.polygonize(classes, path, lines=path, simplify=5, threads=threads)
        for path, threads in ((tmp_path / "one.gpkg", 1), (tmp_path / "three.gpkg", 3))
    )
    assert one.parcels.to_wkb().equals(three.parcels.to_wkb())
    assert one.lines.to_wkb().equals(three.lines.to_wkb())


@pytest.mark.parametrize("suffix", [".fgb", ".geojson", ".parquet", ".shp"])
def test_every_format_holds_the_same_lines(classes, tmp_path, suffix):
    expected = geoseg.polygonize(classes, tmp_path / "a.gpkg", lines=tmp_path / "a.gpkg").lines
    made = geoseg.polygonize(classes, tmp_path / "b.gpkg", lines=tmp_path / f"l{suffix}").lines
    made = made.to_crs(expected.crs)
    order = np.argsort(made["line_id"].to_numpy())
    wanted = np.argsort(expected["line_id"].to_numpy())
    for name in ("line_id", "left", "right"):
        one, two = made[name].to_numpy(float)[order], expected[name].to_numpy(float)[wanted]
        assert np.array_equal(one, two, equal_nan=True)
    one, two = made.geometry.values[order], expected.geometry.values[wanted]
    assert shapely.equals_exact(one, two, tolerance=0.02).all()  # RFC 7946 has 7 digits: 1 cm


def test_parcels_of_a_scene_come_with_lines_and_their_likelihood(sample_data, tmp_path):
    out = tmp_path / "out.gpkg"
    with rasterio.open(sample_data / "scene.tif") as scene:
        x, y = scene.transform @ (100, 300)
    size = 128 * scene.transform.a
    made = geoseg.vectorize(
        sample_data / "scene.tif", out, lines=out, extent=(x, y, x + size, y + size)
    )
    assert shapely.coverage_is_valid(made.parcels.geometry.values)
    assert made.parcels.boundary.union_all().equals(made.lines.union_all())
    assert made.lines["boundary"].between(0, 1).all()
    inner = made.lines[~made.lines["edge"]]
    assert (inner["boundary"] > made.lines["boundary"].min()).any()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lines": "out.shp", "out": "out.shp"}, "only a .gpkg holds both"),
        ({"lines": "out.gpkg", "lines_layer": "Parcels"}, "--lines-layer is Parcels"),
        ({"lines": "out.txt"}, "suffix .txt"),
    ],
)
def test_lines_that_have_no_place_are_refused(classes, tmp_path, monkeypatch, options, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match=text):
        geoseg.polygonize(classes, options.pop("out", "out.gpkg"), **options)
    assert [one.name for one in tmp_path.iterdir()] == ["classes.tif"]


def test_existing_lines_stay_unless_overwrite_is_given(classes, tmp_path):
    lines = tmp_path / "lines.gpkg"
    geoseg.polygonize(classes, tmp_path / "one.gpkg", lines=lines)
    before = lines.read_bytes()
    with pytest.raises(OutputError, match="has a layer lines; pass --overwrite"):
        geoseg.polygonize(classes, tmp_path / "two.gpkg", lines=lines)
    assert lines.read_bytes() == before
    assert not (tmp_path / "two.gpkg").exists()
    geoseg.polygonize(classes, tmp_path / "two.gpkg", lines=lines, overwrite=True)
    assert lines.read_bytes() == before


def test_the_result_event_names_the_lines(classes, tmp_path, capsys):
    out = str(tmp_path / "out.gpkg")
    with pytest.raises(SystemExit, match="0"):
        main(["polygonize", str(classes), out, "--lines", out, "--progress", "json"])
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    result = next(event for event in events if event["event"] == "result")
    assert result["lines"]["path"] == out
    assert result["lines"]["layer"] == "lines"
    assert result["lines"]["lines"] > 0
