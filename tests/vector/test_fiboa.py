"""GeoParquet as a collection of fiboa; `.ci/formats` lets fiboa's own validator read one."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from geoseg.vector import read_table, write_parcels

RUN = {"scene": "scene.tif", "model": "m", "determination:method": "auto-imagery"}


def test_a_collection_says_its_schemas_and_how_parcels_were_found(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.parquet", squares(3), crs=utm, metadata=RUN)
    about = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"collection"])
    assert about["collection"] == "scene.tif"
    assert len(about["schemas"]["scene.tif"]) == 3
    assert about["determination:method"] == "auto-imagery"
    assert about["determination:details"] == "model m"


def test_required_columns_are_there_and_never_null(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.parquet", squares(3), crs=utm, metadata=RUN)
    table = pq.read_table(tmp_path / "a.parquet")
    assert not table.schema.field("id").nullable
    assert not table.schema.field("geometry").nullable
    assert table["id"].to_pylist() == ["1", "2", "3"]
    assert table["metrics:area"].to_pylist() == [100, 101, 102]
    assert table.schema.field("metrics:perimeter").type == pa.float32()


def test_our_own_columns_are_read_once(tmp_path, squares, utm):
    write_parcels(tmp_path / "a.parquet", squares(3), crs=utm, metadata=RUN)
    assert "id" not in read_table(tmp_path / "a.parquet")
