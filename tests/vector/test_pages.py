"""Pages of any size, in files of any size, hold what was laid out in them."""

import sqlite3
from contextlib import closing

import numpy as np
import pyogrio
import pytest
import shapely
from gpkg import boxes, circle, layer_of, set_up, squares, store

from geoseg.vector import write
from geoseg.vector.cells import LOCK_BYTE
from geoseg.vector.pages import Pages, TableTree, blobs


@pytest.mark.parametrize("page", [512, 1024, 4096, 16384, 65536])
def test_pages_of_any_size_are_filled(tmp_path, monkeypatch, utm, page):
    monkeypatch.setattr(write, "PAGE", page)
    whole = layer_of([*squares(3000), circle(30_000), *squares(300)], n=range(3301))
    store(tmp_path / "a.gpkg", whole, utm)
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as database:
        assert database.execute("PRAGMA page_size").fetchone() == (page,)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    read = pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="parcels")
    assert read.n.tolist() == list(range(3301))
    assert shapely.to_wkb(read.geometry).tolist() == whole.table["geom"].to_pylist()
    assert len(boxes(tmp_path / "a.gpkg")) == 3301


def test_bytes_do_not_depend_on_the_batches_where_shapes_are_large(tmp_path, monkeypatch, utm):
    shapes = [circle(int(n)) for n in np.random.default_rng(1).integers(4, 3000, 300)]
    layer = layer_of(shapes, n=range(300))
    for rows in (1, 7, 300):
        monkeypatch.setattr(write, "CHUNK", rows + 3)
        store(tmp_path / f"{rows}.gpkg", layer, utm, rows=rows)
    one, seven, all_ = ((tmp_path / f"{rows}.gpkg").read_bytes() for rows in (1, 7, 300))
    assert one == seven == all_


def test_the_page_of_the_lock_byte_is_left_out(tmp_path):
    path = tmp_path / "sparse.db"
    set_up(path, "PRAGMA page_size = 65536", "CREATE TABLE t (id INTEGER PRIMARY KEY, data)")
    lock = LOCK_BYTE // 65536 + 1
    with path.open("r+b") as file:
        file.truncate((lock - 4) * 65536)
        file.seek(28)
        file.write((lock - 4).to_bytes(4, "big"))
    with closing(Pages(path)) as pages:
        tree = TableTree(pages, 1)
        values = np.random.default_rng(0).integers(0, 255, (9, 100_000), np.uint8)
        tree.add(np.arange(1, 10), blobs(values.view("V100000").ravel()))
        pages.link({2: tree.finish(9)})
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT id, data FROM t").fetchall()
    assert rows == [(i + 1, one.tobytes()) for i, one in enumerate(values)]
    with path.open("rb") as file:
        file.seek(LOCK_BYTE)
        assert not any(file.read(65536))
