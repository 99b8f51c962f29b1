import json
import logging
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from geoseg.errors import CRSError, OptionError, OutputError
from geoseg.publish import publishing
from geoseg.vector import check_output, geopackage, read_table, write_parcels
from geoseg.vector.geopackage import style_qml
from geoseg.vector.write import DATE

NAMES = [
    "parcel_id", "class", "area_m2", "perimeter_m", "confidence", "boundary", "edge",
]
CUSTOM = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=13.7 +ellps=GRS80 +units=m").to_wkt()


def query(path, text):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(text).fetchall()


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_parcels_read_back_as_they_were(tmp_path, squares, utm, suffix):
    path = tmp_path / f"a{suffix}"
    assert write_parcels(path, squares(5), crs=utm) == 5
    table = read_table(path).sort_values("parcel_id", ignore_index=True)
    assert list(table.columns)[:7] == NAMES
    assert table.crs == "EPSG:32633"
    assert table["class"].tolist() == ["parcel"] * 5
    assert table.area_m2.tolist() == [100, 101, 102, 103, 104]
    assert table.edge.tolist() == [True, False, False, False, False]
    assert table.parcel_id.dtype == np.int64
    expected = shapely.box(500_030, 5_400_000, 500_040, 5_400_010)
    assert table.geometry[3].normalize() == expected.normalize()


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".shp"])
def test_no_parcels_make_an_empty_layer_with_columns_and_crs(tmp_path, squares, utm, suffix):
    path = tmp_path / f"a{suffix}"
    assert write_parcels(path, squares(0), crs=utm) == 0
    table = read_table(path)
    assert len(table) == 0
    assert len(table.columns) == 8
    assert table.crs == "EPSG:32633"


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_bytes_do_not_depend_on_the_batches(tmp_path, squares, utm, suffix):
    for size in (1, 7, 100):
        path = tmp_path / f"{size}{suffix}"
        write_parcels(path, squares(40, size), crs=utm, metadata={"a": 1})
    one, seven, all_ = ((tmp_path / f"{size}{suffix}").read_bytes() for size in (1, 7, 100))
    assert one == seven == all_


def test_a_geopackage_has_a_spatial_index_the_epsg_code_and_a_column_geom(
    tmp_path, squares, utm
):
    write_parcels(tmp_path / "a.gpkg", squares(3), crs=utm)
    columns = query(
        tmp_path / "a.gpkg",
        "SELECT column_name, geometry_type_name, srs_id FROM gpkg_geometry_columns",
    )
    assert columns == [("geom", "POLYGON", 32633)]
    assert query(tmp_path / "a.gpkg", "SELECT count(*) FROM rtree_parcels_geom") == [(3,)]


def test_a_wkt_without_authority_gets_its_epsg_code(tmp_path, squares):
    esri = pyproj.CRS(32633).to_wkt("WKT1_ESRI")
    write_parcels(tmp_path / "a.gpkg", squares(1), crs=esri)
    assert read_table(tmp_path / "a.gpkg").crs.to_epsg() == 32633


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_a_crs_of_ones_own_is_kept(tmp_path, squares, suffix):
    write_parcels(tmp_path / f"a{suffix}", squares(1), crs=CUSTOM)
    assert read_table(tmp_path / f"a{suffix}").crs.equals(CUSTOM, ignore_axis_order=True)


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".shp"])
def test_no_crs_stays_no_crs(tmp_path, squares, suffix):
    write_parcels(tmp_path / f"a{suffix}", squares(1), crs=None)
    assert read_table(tmp_path / f"a{suffix}").crs is None


def test_no_crs_is_the_undefined_cartesian_one_of_the_standard(tmp_path, squares):
    write_parcels(tmp_path / "a.gpkg", squares(1), crs=None)
    assert query(tmp_path / "a.gpkg", "SELECT srs_id FROM gpkg_geometry_columns") == [(-1,)]


def test_a_crs_that_cannot_be_read_is_refused(tmp_path, squares):
    with pytest.raises(CRSError, match="cannot be read"):
        write_parcels(tmp_path / "a.gpkg", squares(1), crs="PROJCS[nonsense")


def test_geojson_is_longitude_and_latitude(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.geojson", squares(2), crs=utm)
    collection = json.loads((tmp_path / "a.geojson").read_text())
    assert "crs" not in collection
    lon, lat = collection["features"][0]["geometry"]["coordinates"][0][0]
    assert (round(lon, 3), round(lat, 3)) == (15.0, 48.753)
    assert collection["features"][1]["properties"]["parcel_id"] == 2


def test_geojson_refuses_another_planet(tmp_path, squares):
    with pytest.raises(CRSError, match=r"longitude and latitude.*write a \.gpkg"):
        write_parcels(tmp_path / "a.geojson", squares(1), crs=pyproj.CRS("ESRI:104905").to_wkt())


def test_a_shapefile_warns_of_its_limits(tmp_path, squares, utm, caplog):
    with caplog.at_level(logging.WARNING):
        write_parcels(tmp_path / "a.shp", squares(2), crs=utm)
    assert "short names" in caplog.text
    assert "perim_m" in read_table(tmp_path / "a.shp").columns


def test_geoparquet_says_crs_box_and_provenance(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.parquet", squares(3), crs=utm, metadata={"model": "m"})
    stored = pq.read_metadata(tmp_path / "a.parquet").metadata
    column = json.loads(stored[b"geo"])["columns"]["geometry"]
    assert json.loads(stored[b"geo"])["version"] == "1.1.0"
    assert column["bbox"] == [500_000, 5_400_000, 500_030, 5_400_010]
    assert column["crs"]["id"]["code"] == 32633
    assert json.loads(stored[b"geoseg"]) == {"model": "m"}


def test_geoparquet_can_be_read_by_its_boxes(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.parquet", squares(30), crs=utm)
    part = geopandas.read_parquet(
        tmp_path / "a.parquet", bbox=(500_101, 5_400_000, 500_119, 5_400_001)
    )
    assert part.parcel_id.tolist() == [11, 12]


def test_values_take_the_place_of_the_class_where_a_field_is_named(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.gpkg", squares(4), crs=utm, value_field="crop")
    table = read_table(tmp_path / "a.gpkg")
    assert list(table.columns)[:5] == ["parcel_id", "crop", "area_m2", "perimeter_m", "edge"]
    assert table.crop.tolist() == [0, 1, 0, 1]


def test_a_field_that_is_taken_is_refused(tmp_path, squares, utm):
    with pytest.raises(OptionError, match="--field is 'area_m2'"):
        write_parcels(tmp_path / "a.gpkg", squares(1), crs=utm, value_field="area_m2")


def test_classes_get_their_names(tmp_path, squares, utm):
    batches = squares(4, classes={0: "field", 1: "meadow"})
    write_parcels(tmp_path / "a.gpkg", batches, crs=utm)
    assert read_table(tmp_path / "a.gpkg")["class"].tolist() == [
        "field", "meadow", "field", "meadow"
    ]


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet"])
def test_multipolygons_and_polygons_share_a_layer(tmp_path, squares, utm, suffix):
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2)])
    shapes = [shapely.box(5, 5, 6, 6), two, shapely.box(7, 7, 8, 8)]
    write_parcels(tmp_path / f"a{suffix}", squares(3, shapes=shapes), crs=utm, multi=True)
    table = read_table(tmp_path / f"a{suffix}").sort_values("parcel_id", ignore_index=True)
    assert set(table.geom_type) == {"MultiPolygon"}
    assert table.geometry[1].equals(two)
    assert table.geometry[2].equals(shapes[2])


def test_unknown_numbers_are_null(tmp_path, squares, utm):
    batches = list(squares(1))
    batches[0].confidence = np.array([np.nan])
    write_parcels(tmp_path / "a.gpkg", batches, crs=utm)
    assert query(tmp_path / "a.gpkg", "SELECT confidence FROM parcels") == [(None,)]


def test_style_and_provenance_are_where_qgis_and_gdal_look(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.gpkg", squares(2), crs=utm, metadata={"scene": "s.tif"})
    rows = query(
        tmp_path / "a.gpkg",
        "SELECT f_table_catalog, f_table_schema, f_table_name, f_geometry_column, useAsDefault, "
        "styleQML FROM layer_styles",
    )
    assert rows == [("", "", "parcels", "geom", 1, style_qml("parcels"))]
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="parcels")
    assert json.loads(info["layer_metadata"]["GPKG_METADATA_ITEM_1"]) == {"scene": "s.tif"}


def test_only_the_named_layer_of_a_geopackage_is_replaced(tmp_path, squares, utm):
    path = tmp_path / "a.gpkg"
    for layer, n in (("parcels", 4), ("old", 3), ("parcels", 2)):
        with publishing(path, layer=layer, overwrite=True) as partial:
            write_parcels(partial, squares(n), crs=utm, layer=layer, metadata={"n": n})
    assert len(read_table(path, layer="old")) == 3
    assert len(read_table(path, layer="parcels")) == 2
    assert query(path, "SELECT metadata FROM gpkg_metadata") == [('{"n": 3}',), ('{"n": 2}',)]
    assert query(path, "SELECT f_table_name FROM layer_styles") == [("old",), ("parcels",)]


def test_a_layer_whose_name_has_other_capitals_is_replaced_too(tmp_path, squares, utm):
    path = tmp_path / "a.gpkg"
    for layer, n in (("Parcels", 4), ("old", 3), ("parcels", 2)):
        with publishing(path, layer=layer, overwrite=True) as partial:
            write_parcels(partial, squares(n), crs=utm, layer=layer)
    assert len(read_table(path, layer="parcels")) == 2
    names = query(path, "SELECT table_name FROM gpkg_geometry_columns ORDER BY 1")
    assert names == query(path, "SELECT f_table_name FROM layer_styles ORDER BY 1")
    assert names == [("old",), ("parcels",)]


def test_an_unknown_suffix_lists_the_known_ones(tmp_path, squares, utm):
    with pytest.raises(OptionError, match=r"suffix \.kml, wanted one of \.gpkg, \.fgb"):
        write_parcels(tmp_path / "a.kml", squares(1), crs=utm)


@pytest.mark.parametrize("layer", ["", "gpkg_contents", "sqlite_x", "layer_styles", "a\nb"])
def test_layer_names_that_break_a_geopackage_are_refused(tmp_path, squares, utm, layer):
    with pytest.raises(OptionError, match="--layer is"):
        write_parcels(tmp_path / "a.gpkg", squares(1), crs=utm, layer=layer)


@pytest.mark.parametrize("layer", ["[draft]", "#3", "-", "'a'"])
def test_layer_names_that_gdal_refuses_are_refused_before_a_run(layer):
    with pytest.raises(OptionError, match="no layer of a GeoPackage may begin with"):
        check_output("a.gpkg", layer)
    assert check_output("a.fgb", layer) == "FlatGeobuf"


@pytest.mark.parametrize("layer", ["o'brien", 'x"; DROP TABLE gpkg_contents;--', "Flurstücke 土地"])
def test_odd_layer_names_are_only_names(tmp_path, squares, utm, layer):
    write_parcels(tmp_path / "a.gpkg", squares(2), crs=utm, layer=layer)
    assert len(read_table(tmp_path / "a.gpkg", layer=layer)) == 2


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".parquet", ".geojson"])
def test_an_error_of_the_vectorizer_comes_through_as_it_is(tmp_path, squares, utm, suffix, error):
    def broken():
        yield from squares(2)
        raise error("while tracing")

    with pytest.raises(error, match="while tracing"):
        write_parcels(tmp_path / f"a{suffix}", broken(), crs=utm)


def test_time_stamps_elsewhere_are_left_alone(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.gpkg", squares(1), crs=utm)
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


FULL_DISK = """
import resource, sys
import numpy as np, pyproj
sys.path.insert(0, sys.argv[2])
from bench_write import synthetic
from geoseg.publish import publishing
from geoseg.vector import write_parcels
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
with publishing(sys.argv[1], overwrite=True) as partial:
    write_parcels(partial, synthetic(20_000), crs=pyproj.CRS(32633).to_wkt())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are of POSIX")
@pytest.mark.parametrize(("suffix", "size"), [
    *((suffix, 200_000) for suffix in (".gpkg", ".fgb", ".parquet", ".geojson")),
    (".gpkg", 3_000_000),  # among the rows
    (".gpkg", 9_800_000),  # in the index
])
def test_a_full_disk_is_an_output_error_and_keeps_the_old_file(tmp_path, request, suffix, size):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    folder = request.config.rootpath / "tests" / "benchmarks"
    command = [sys.executable, "-c", FULL_DISK, str(path), str(folder), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"geoseg.errors.{OutputError.__name__}: {path} cannot be written; its")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


KILLED = """
import os, signal, sys
import pyproj
sys.path.insert(0, sys.argv[2])
from bench_write import synthetic
from geoseg.publish import publishing
from geoseg.vector import write, write_parcels
write.CHUNK = 1000
def batches():
    for number, batch in enumerate(synthetic(20_000)):
        if number == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch
with publishing(sys.argv[1], overwrite=True, layer="parcels") as partial:
    write_parcels(partial, batches(), crs=pyproj.CRS(32633).to_wkt())
"""


def test_kill_9_while_a_layer_is_replaced_keeps_all_layers(tmp_path, request, squares, utm):
    path = tmp_path / "a.gpkg"
    for layer in ("roads", "parcels"):
        write_parcels(path, squares(3), crs=utm, layer=layer)
    before = path.read_bytes()
    folder = request.config.rootpath / "tests" / "benchmarks"
    command = [sys.executable, "-c", KILLED, str(path), str(folder)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert (tmp_path / ".a.partial.gpkg").stat().st_size > len(before)
    assert path.read_bytes() == before
    with publishing(path, overwrite=True, layer="parcels") as partial:
        write_parcels(partial, squares(5), crs=utm)
    assert [len(read_table(path, layer=name)) for name in ("roads", "parcels")] == [3, 5]
    assert [one.name for one in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_geopackage_without_its_spatial_index_was_not_stored_whole(tmp_path):
    """GDAL drops the index, with a warning only, where the disk fills up while it is made."""
    path = tmp_path / "parcels.gpkg"
    pyogrio.write_dataframe(
        geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:32633"),
        path, layer="parcels", SPATIAL_INDEX="NO", geometry_name="geometry",
    )
    with pytest.raises(OutputError, match="no spatial index"):
        geopackage.finish(path, "parcels", {}, style="parcels", date=DATE, count=1)


def test_web_tiles_are_made_as_the_documentation_says(tmp_path, sample_data, monkeypatch):
    text = (sample_data.parent / "docs" / "formats.md").read_text(encoding="utf-8")
    (code,) = [one for one in text.split("```python\n") if ".pmtiles" in one.split("```")[0]]
    parcels = geopandas.read_file(sample_data / "parcels.gpkg")
    parcels.to_file(tmp_path / "parcels.gpkg", layer="parcels")
    monkeypatch.chdir(tmp_path)
    exec(code.split("```")[0], {})
    about = pyogrio.read_info("parcels.pmtiles", force_total_bounds=True, force_feature_count=True)
    assert about["features"] >= len(parcels) and about["crs"] == "EPSG:3857"
    assert about["total_bounds"] == pytest.approx(parcels.to_crs(3857).total_bounds, abs=1)
