import logging

import geopandas
import pytest
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon, box

from geoseg.errors import CRSError, VectorError
from geoseg.vector import read_geometries, read_polygons, read_table


@pytest.fixture
def layer(tmp_path, recwarn):
    """Give a function that writes geometries to a file and returns its path."""

    def write(shapes, name="a.gpkg", *, crs="EPSG:32633", **options):
        table = geopandas.GeoDataFrame(geometry=list(shapes), crs=crs)
        table.to_file(tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.fixture
def wkt(utm):
    """Give the CRS that layers are written in."""
    return utm


def test_polygons_come_in_the_order_of_the_file(layer, wkt):
    shapes = [box(i, 0, i + 1, 1) for i in (3, 1, 2)]
    found = read_geometries(layer(shapes), crs=wkt)
    assert [one.bounds[0] for one in found] == [3, 1, 2]


def test_polygons_are_reprojected_with_longitude_first(layer, wkt):
    path = layer([box(15.0, 48.0, 15.01, 48.01)], "a.geojson", crs="EPSG:4326")
    x, y = read_geometries(path, crs=wkt)[0].exterior.coords[0]
    assert 499_000 < x < 502_000
    assert 5_310_000 < y < 5_320_000


def test_a_multipolygon_stays_one(layer, wkt):
    two = MultiPolygon([box(0, 0, 1, 1), box(2, 0, 3, 1)])
    assert len(read_geometries(layer([two]), crs=wkt)) == 1


def test_a_bow_tie_is_mended_and_said(layer, wkt, caplog):
    path = layer([Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), box(5, 5, 6, 6)])
    with caplog.at_level(logging.WARNING):
        found = read_geometries(path, crs=wkt)
    assert [one.is_valid for one in found] == [True, True]
    assert found[0].area == 2
    assert "1 of 2 polygons were not valid" in caplog.text


def test_heights_are_dropped(layer, wkt):
    path = layer([Polygon([(0, 0, 9), (1, 0, 9), (1, 1, 9)])])
    assert not read_geometries(path, crs=wkt)[0].has_z


def test_what_is_not_a_polygon_is_left_out(layer, wkt):
    path = layer([box(0, 0, 1, 1), Point(0, 0), None], "a.geojson", crs="EPSG:4326")
    assert len(read_geometries(path, crs="EPSG:4326")) == 1


def test_a_layer_without_polygons_says_what_it_has(layer, wkt):
    path = layer([LineString([(0, 0), (1, 1)])])
    with pytest.raises(VectorError, match="has LineString and no polygons"):
        read_geometries(path, crs=wkt)


def test_an_empty_layer_is_an_error_only_where_polygons_are_needed(layer, wkt):
    path = layer([], geometry_type="Polygon")
    assert read_polygons(path, crs=wkt) == []
    with pytest.raises(VectorError, match="has no polygons"):
        read_geometries(path, crs=wkt)


def test_a_missing_layer_lists_those_that_are_there(layer, wkt):
    layer([box(0, 0, 1, 1)], layer="fields")
    path = layer([box(0, 0, 1, 1)], layer="roads")
    with pytest.raises(VectorError, match="no layer parcels; there are: fields, roads"):
        read_geometries(path, crs=wkt, layer="parcels")


def test_one_of_several_layers_must_be_chosen(layer, wkt):
    layer([box(0, 0, 1, 1)], layer="fields")
    path = layer([box(5, 5, 6, 6)], layer="roads")
    with pytest.raises(VectorError, match=r"2 layers with geometry \(fields, roads\); choose"):
        read_geometries(path, crs=wkt)
    assert read_geometries(path, crs=wkt, layer="fields")[0].bounds == (0, 0, 1, 1)
    assert read_geometries(f"{path}|layername=roads", crs=wkt)[0].bounds == (5, 5, 6, 6)


def test_the_only_layer_of_polygons_is_chosen_among_others(layer, wkt):
    layer([box(0, 0, 1, 1)], layer="parcels")
    path = layer([LineString([(0, 0), (1, 1)])], layer="lines")
    assert read_geometries(path, crs=wkt)[0].bounds == (0, 0, 1, 1)


def test_no_crs_on_both_sides_is_used_as_it_is_with_a_warning(layer, caplog):
    path = layer([box(0, 0, 1, 1)], "a.shp", crs=None)
    with caplog.at_level(logging.WARNING):
        assert read_geometries(path, crs=None)[0].bounds == (0, 0, 1, 1)
    assert "have no CRS" in caplog.text


def test_a_layer_without_crs_cannot_be_laid_on_a_scene_with_one(layer, wkt):
    path = layer([box(0, 0, 1, 1)], "a.shp", crs=None)
    with pytest.raises(CRSError, match="has no CRS.*Assign projection"):
        read_geometries(path, crs=wkt)


def test_a_layer_with_crs_cannot_be_laid_on_a_scene_without_one(layer):
    with pytest.raises(CRSError, match=r"has a CRS \(WGS 84 / UTM zone 33N\).*gdal_edit"):
        read_geometries(layer([box(0, 0, 1, 1)]), crs=None)


def test_metres_that_are_said_to_be_degrees_are_refused(layer, wkt):
    path = layer([box(500_000, 5_400_000, 500_010, 5_400_010)], crs="EPSG:4326")
    with pytest.raises(CRSError, match="coordinates that do not exist in WGS 84 / UTM"):
        read_geometries(path, crs=wkt)


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "does not exist"), (b"", r"is empty \(0 bytes\)"), (b"hello", "cannot|can be read")],
)
def test_a_bad_file_is_one_line(tmp_path, wkt, content, text):
    path = tmp_path / "a.gpkg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VectorError, match=text) as caught:
        read_geometries(path, crs=wkt)
    assert "\n" not in str(caught.value)


def test_a_bad_parquet_file_is_one_line(tmp_path, wkt):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(VectorError, match="not a vector file that can be read"):
        read_geometries(tmp_path / "a.parquet", crs=wkt)


@pytest.mark.parametrize("name", ["a.vrt", "a.geojson", "a.gpkg"])
def test_a_virtual_layer_does_not_reach_other_files_under_any_name(layer, tmp_path, wkt, name):
    canary = layer([box(0, 0, 1, 1)], "canary.gpkg")
    text = f"<OGRVRTLayer name='canary'><SrcDataSource>{canary}</SrcDataSource></OGRVRTLayer>"
    (tmp_path / name).write_text(f"<OGRVRTDataSource>{text}</OGRVRTDataSource>")
    with pytest.raises(VectorError, match="is a virtual layer"):
        read_geometries(tmp_path / name, crs=wkt)


def test_a_folder_is_refused(tmp_path, wkt):
    with pytest.raises(VectorError, match="is a folder"):
        read_geometries(tmp_path, crs=wkt)


def test_attributes_and_crs_come_with_parcels(tmp_path):
    table = geopandas.GeoDataFrame({"a": [1]}, geometry=[box(0, 0, 1, 1)], crs=3035)
    for name in ("a.gpkg", "a.parquet"):
        (table.to_parquet if name.endswith("parquet") else table.to_file)(tmp_path / name)
        assert read_table(tmp_path / name).a.tolist() == [1]
        assert "ETRS89" in read_table(tmp_path / name).crs.to_wkt()


def test_collections_give_their_polygons(layer, wkt):
    both = shapely.GeometryCollection([box(0, 0, 1, 1), Point(5, 5)])
    found = read_geometries(layer([both], "a.geojson", crs="EPSG:4326"), crs="EPSG:4326")
    assert [one.geom_type for one in found] == ["Polygon"]
