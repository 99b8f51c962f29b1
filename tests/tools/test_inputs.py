"""What Python gives to the tools: paths, open datasets, arrays with a grid; what notebooks show."""

import numpy as np
import pytest
import rasterio
from affine import Affine

import geoseg
from geoseg.errors import RasterError
from geoseg.grid import GeoBox
from geoseg.spec import ModelSpec
from geoseg.tools.run_item import make_item

DATA = np.random.default_rng(2).integers(1, 4, (4, 6)).repeat(5, 0).repeat(5, 1).astype(np.uint8)
BOX = GeoBox(20, 30, Affine(10, 0, 500_000, 0, -10, 5_400_000), rasterio.CRS.from_epsg(32633).wkt)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Give the array as a file."""
    path = tmp_path_factory.mktemp("inputs") / "classes.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=20, width=30, dtype="uint8", crs=BOX.crs,
        transform=BOX.transform,
    ) as raster:
        raster.write(DATA, 1)
    return path


@pytest.fixture(scope="module")
def expected(path, tmp_path_factory):
    """Give the parcels of the file."""
    return geoseg.polygonize(path, tmp_path_factory.mktemp("expected") / "out.gpkg")


def _same(made, expected):
    assert made.parcels.crs == expected.parcels.crs
    return (made.parcels.to_wkb() == expected.parcels.to_wkb()).all(axis=None)


def test_an_array_with_its_grid_gives_the_parcels_of_the_file(tmp_path, expected):
    assert _same(geoseg.polygonize((DATA, BOX), tmp_path / "a.gpkg"), expected)
    assert _same(geoseg.polygonize((DATA[None], BOX), tmp_path / "b.gpkg"), expected)


def test_an_open_dataset_gives_the_parcels_of_the_file(path, tmp_path, expected):
    with rasterio.open(path) as dataset:
        assert _same(geoseg.polygonize(dataset, tmp_path / "a.gpkg"), expected)


def test_a_data_array_gives_the_parcels_of_the_file(path, tmp_path, expected):
    rioxarray = pytest.importorskip("rioxarray", reason="rioxarray is not installed")
    with rioxarray.open_rasterio(path) as array:
        assert _same(geoseg.polygonize(array, tmp_path / "a.gpkg"), expected)


@pytest.mark.parametrize(
    ("scene", "text"),
    [(7, "a scene is int"), ((DATA[:9], BOX), "does not fit"), ((DATA > 1, BOX), "array of bool")],
)
def test_what_is_no_raster_is_refused(tmp_path, scene, text):
    with pytest.raises(RasterError, match=text):
        geoseg.polygonize(scene, tmp_path / "a.gpkg")
    assert not list(tmp_path.iterdir())


def test_a_result_shows_a_map_and_a_table_in_a_notebook(expected):
    shown = expected._repr_html_()
    assert f"{expected.count} parcels in" in shown
    assert shown.count("M") >= expected.count
    assert "<svg" in shown and "area_m2" in shown and "<script" not in shown
    assert "is not there" in type(expected)(expected.path.with_name("none"), 0)._repr_html_()


def test_a_stac_item_says_where_and_of_what(tmp_path):
    item = make_item(
        tmp_path / "item.json", {"parcels": tmp_path / "sub" / "p.gpkg", "mask": None},
        geobox=BOX, scene="s3://bucket/scene.tif",
        report={"model": "m", "determination:method": "auto-imagery"},
    )
    west, south, east, north = item["bbox"]
    assert 14.99 < west < east < 15.01 and 48.7 < south < north < 48.8
    assert item["assets"] == {"parcels": {
        "href": "./sub/p.gpkg", "title": "parcels", "roles": ["data"],
        "type": "application/geopackage+sqlite3",
    }}
    assert item["links"][0]["href"] == "s3://bucket/scene.tif"
    assert item["properties"]["geoseg:model"] == "m"


def test_a_stac_item_across_the_antimeridian_has_two_halves(tmp_path):
    box = GeoBox(10, 10, Affine(0.1, 0, 179.5, 0, -0.1, 0), rasterio.CRS.from_epsg(4326).wkt)
    item = make_item(tmp_path / "i.json", {"parcels": "p.gpkg"}, geobox=box, scene="s", report={})
    assert item["bbox"] == [179.5, -1.0, -179.5, 0.0]
    assert item["geometry"]["type"] == "MultiPolygon"
    assert [half[0][0][0] for half in item["geometry"]["coordinates"]] == [179.5, -180.0]


def test_a_probability_raster_shows_a_picture_and_becomes_parcels_as_it_is(tmp_path, sample_data):
    made = geoseg.predict(
        sample_data / "scene.tif", tmp_path / "mask.tif", threads=1,
        extent=_corner(sample_data / "scene.tif", 96),
    )
    shown = made._repr_html_()
    assert "data:image/png;base64," in shown and "parcel, boundary; 96 x 96 pixels" in shown
    of_result = geoseg.polygonize(made, tmp_path / "a.gpkg")
    of_file = geoseg.polygonize(made.path, tmp_path / "b.gpkg")
    assert _same(of_result, of_file)


def test_classes_follow_the_thresholds_of_the_model_and_become_polygons(tmp_path, sample_data):
    options = {"threads": 1, "extent": _corner(sample_data / "scene.tif", 96)}
    geoseg.predict(sample_data / "scene.tif", tmp_path / "p.tif", **options)
    geoseg.predict(sample_data / "scene.tif", tmp_path / "c.tif", classes=True, **options)
    with rasterio.open(tmp_path / "p.tif") as soft, rasterio.open(tmp_path / "c.tif") as hard:
        parcel, boundary = soft.read()
        limits = ModelSpec.from_json(hard.tags()["GEOSEG_SPEC"]).instances
        expected = np.where(parcel >= 254 * limits.parcel, 1, 0)
        expected[boundary >= 254 * limits.boundary] = 2
        assert (hard.read(1) == np.where(parcel == 255, 255, expected)).all()
        assert hard.tags()["CLASS_2"] == "boundary" and hard.colormap(1)[1][:3] == (214, 200, 96)
        assert (expected == 1).any() and (expected == 2).any()
    assert geoseg.polygonize(tmp_path / "c.tif", tmp_path / "c.gpkg").count > 3


def _corner(path, side):
    with rasterio.open(path) as scene:
        (west, north), (east, south) = scene.transform @ (0, 0), scene.transform @ (side, side)
    return west, south, east, north
