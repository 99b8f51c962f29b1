"""Layers that are laid out page by page are what GDAL would have written."""

import sqlite3
from contextlib import closing

import geopandas
import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from gpkg import boxes, by_gdal, circle, layer_of, set_up, squares, store

from geoseg.errors import OutputError
from geoseg.vector import pages, read_table, write, write_carried

EDGES = [0, 1, 2, *(sign * (2**bits + d) for bits in (7, 15, 23, 31, 47, 55) for d in (-1, 0, 1)
                    for sign in (1, -1)), 2**63 - 1, -(2**63)]
"""Integers on both sides of each width that SQLite has."""


def content(path):
    """Give all that the file holds beside its index; GDAL's extent passes through 15 digits."""
    with closing(sqlite3.connect(path)) as database:
        schema = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        found = {"schema": schema}
        for name, sql in schema:
            if sql and sql.startswith("CREATE TABLE") and not name.startswith("rtree_"):
                quoted = name.replace('"', '""')
                rows = database.execute(f'SELECT rowid, * FROM "{quoted}"').fetchall()
                found[name] = sorted(rows, key=repr)
    found["gpkg_contents"] = [
        tuple(round(one, 4) if isinstance(one, float) else one for one in row)
        for row in found["gpkg_contents"]
    ]
    return found


CASES = {
    "none": layer_of([], n=pa.array([], pa.int64())),
    "one": layer_of(squares(1), n=[7]),
    "integers": layer_of(squares(len(EDGES)), n=EDGES, m=pa.array(EDGES[:4] * 11)[:len(EDGES)]),
    "reals": layer_of(
        squares(8), n=[0.0, -0.0, 1.0, 1e300, np.nan, -np.inf, 0.1, None], m=pa.array([1.0] * 8)
    ),
    "text": layer_of(
        squares(6), n=["", "é土地𝄞", None, "a" * 57, "b" * 58, "c" * 40_000],
        m=pa.array(["x", None, "y", "z", "", "w"], pa.large_string()),
    ),
    "flags": layer_of(squares(3), n=[True, None, False], m=pa.array([1, None, 3], pa.int32())),
    "no column": layer_of(squares(5)),
    "nothing to see": layer_of([None, shapely.Polygon(), squares(1)[0], None], n=[1, 2, 3, 4]),
    "only empty": layer_of([shapely.Polygon()] * 3, n=[1, 2, 3]),
    "lines": layer_of(
        [*(one.exterior for one in squares(200)), shapely.LineString()], "LineString",
        n=[None, *range(200)],
    ),
    "multi": layer_of(
        [shapely.MultiPolygon(list(squares(k, k))) for k in range(1, 40)], "MultiPolygon",
        n=range(39),
    ),
    "holes": layer_of([one.buffer(3).difference(one) for one in squares(30)], n=range(30)),
    "large": layer_of([circle(n) for n in (5, 900, 1020, 1025, 2000, 100_000, 7)], n=range(7)),
    "every size": layer_of([circle(n) for n in range(4, 1100, 3)]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_what_gdal_writes(tmp_path, monkeypatch, utm, name):
    ours, theirs = tmp_path / "a.gpkg", tmp_path / "b.gpkg"
    assert store(ours, CASES[name], utm) == by_gdal(monkeypatch, theirs, CASES[name], utm)
    expected = content(theirs)
    for table, found in content(ours).items():
        assert found == expected[table], table
    np.testing.assert_allclose(boxes(ours), boxes(theirs), rtol=3e-7)
    read, other = (pyogrio.read_dataframe(path, layer="parcels") for path in (ours, theirs))
    assert read.equals(other)


def test_gdal_makes_the_layer_but_is_given_no_rows(tmp_path, monkeypatch, utm):
    rows, make = [], pyogrio.write_arrow

    def counted(stream, *arguments, **options):
        table = stream.read_all()
        rows.append(table.num_rows)
        make(table, *arguments, **options)

    monkeypatch.setattr(pyogrio, "write_arrow", counted)
    for name in ("one", "two"):
        store(tmp_path / "a.gpkg", layer_of(squares(5)), utm, name=name)
    assert rows == [0, 0]


@pytest.mark.parametrize("name", ["o'brien", 'a"b', "Flurstücke 土地", "x" * 100])
def test_layers_of_odd_names_share_a_file(tmp_path, utm, name):
    path = tmp_path / "a.gpkg"
    for layer, n in (("first", 1000), (name, 3000), ("last", 200)):
        store(path, layer_of(squares(n, n), n=range(n)), utm, name=layer)
    for layer, n in (("first", 1000), (name, 3000), ("last", 200)):
        assert len(boxes(path, layer)) == n
        assert read_table(path, layer=layer).n.tolist() == list(range(n))


def test_a_layer_joins_those_of_others_in_pages_of_theirs(tmp_path, utm):
    path = tmp_path / "a.gpkg"
    other = geopandas.GeoDataFrame({"k": range(999)}, geometry=squares(999), crs=utm)
    pyogrio.write_dataframe(other, path, layer="other")
    assert int.from_bytes(path.read_bytes()[16:18], "big") == 4096
    store(path, layer_of(squares(4000), n=range(4000)), utm)
    assert read_table(path, layer="other").geometry.equals(other.geometry)
    assert len(boxes(path)) == 4000 and len(boxes(path, "other")) == 999


def editable(path):
    """Open a file with the functions that its triggers call."""
    def parsed(blob):
        return shapely.from_wkb(blob[8 + 32 * (blob[3] >> 1 & 1):])

    database = sqlite3.connect(path)
    database.create_function("ST_IsEmpty", 1, lambda blob: int(parsed(blob).is_empty))
    for place, name in enumerate(("ST_MinX", "ST_MinY", "ST_MaxX", "ST_MaxY")):
        database.create_function(name, 1, lambda blob, place=place: parsed(blob).bounds[place])
    return database


def test_a_layer_can_be_edited_afterwards(tmp_path, utm):
    path = tmp_path / "a.gpkg"
    store(path, layer_of(squares(4000), n=range(4000)), utm)
    with closing(editable(path)) as database, database:
        database.execute("DELETE FROM parcels WHERE fid % 3 = 0")
        database.execute(
            "UPDATE parcels SET geom = (SELECT geom FROM parcels WHERE fid = 1) WHERE fid % 3 = 1"
        )
        database.execute("UPDATE parcels SET fid = fid + 10000 WHERE fid % 100 = 2")
        database.execute("INSERT INTO parcels (geom, n) SELECT geom, -n FROM parcels")
    pyogrio.write_dataframe(
        read_table(path).head(100).set_geometry(squares(100, 5)), path, layer="parcels", append=True
    )
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        n, least, most = database.execute(
            "SELECT count(*), min(n), max(fid) FROM parcels"
        ).fetchone()
        counted = database.execute("SELECT feature_count FROM gpkg_ogr_contents").fetchone()
    assert (n, least, counted) == (2 * 2667 + 100, -3999, (n,))
    assert most == 10_000 + 3902 + 2667 + 100
    assert len(boxes(path)) == n


@pytest.mark.parametrize("statements", [
    ("PRAGMA journal_mode = wal",),
    ("PRAGMA auto_vacuum = full", "VACUUM"),
    ("PRAGMA auto_vacuum = incremental", "VACUUM"),
    ("CREATE TABLE t AS SELECT zeroblob(100000) AS b", "DROP TABLE t"),
])
def test_files_that_are_not_plain_are_left_to_gdal(tmp_path, monkeypatch, utm, statements):
    path = tmp_path / "a.gpkg"
    store(path, layer_of(squares(10), n=range(10)), utm, name="old")
    set_up(path, *statements)
    monkeypatch.setattr(write, "fill", None)
    store(path, layer_of(squares(400), n=range(400)), utm)
    assert [len(read_table(path, layer=one)) for one in ("old", "parcels")] == [10, 400]
    assert len(boxes(path)) == 400


def test_columns_that_have_no_simple_form_are_left_to_gdal(tmp_path, utm):
    days = pa.array([1, None, 3], pa.date32())
    store(tmp_path / "a.gpkg", layer_of(squares(3), day=days, n=[1, 2, 3]), utm)
    assert read_table(tmp_path / "a.gpkg").day.notna().tolist() == [True, False, True]


def test_geometries_of_other_kinds_are_refused(tmp_path, utm):
    for shape in (shapely.Point(1, 2), shapely.Polygon([(0, 0, 1), (1, 0, 1), (1, 1, 1)])):
        with pytest.raises(ValueError, match="geometry 1 of a batch is not a line or polygon"):
            store(tmp_path / "a.gpkg", layer_of([squares(1)[0], shape]), utm)


def test_carried_parcels_are_flat_where_the_lines_were_not(tmp_path, utm):
    shapes = shapely.force_3d(squares(3), 7)
    measured = {"parcel_id": range(3), "area_m2": [1.0] * 3, "perimeter_m": [1.0] * 3}
    write_carried(
        tmp_path / "a.gpkg", shapes, None, crs=utm, layer="parcels", metadata={},
        edge=[False] * 3, **measured,
    )
    read = read_table(tmp_path / "a.gpkg").geometry
    assert not read.has_z.any() and len(boxes(tmp_path / "a.gpkg")) == 3


def test_a_page_that_was_damaged_is_found_by_the_check(tmp_path, monkeypatch, utm):
    whole = pages.TableTree.finish
    monkeypatch.setattr(
        pages.TableTree, "finish", lambda tree, last: bytes([5, 0, 0, 9]) + whole(tree, last)[4:]
    )
    with pytest.raises(OutputError, match="was not stored whole"):
        store(tmp_path / "a.gpkg", layer_of(squares(400), n=range(400)), utm)
