"""Tables of any columns as layers of a GeoPackage, and what is in one."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely

from geoseg.vector import write
from geoseg.vector.schema import WKB
from geoseg.vector.write import write_layer


@dataclass(frozen=True)
class Layer:
    """A table of any columns."""

    table: pa.Table
    geometry_type: str = "Polygon"

    def schema(self):
        return self.table.schema


def layer_of(shapes, geometry_type="Polygon", **columns):
    wkb = [None if one is None else shapely.to_wkb(one) for one in shapes]
    arrays = {**columns, "geom": pa.array(wkb, pa.binary())}
    table = pa.table(arrays)
    return Layer(table.cast(pa.schema([*list(table.schema)[:-1], WKB])), geometry_type)


def store(path, layer, crs, *, name="parcels", rows=1000):
    return write_layer(
        path, layer.table.to_batches(max_chunksize=rows), layer, crs=crs, layer=name, metadata={},
        style="parcels",
    )


def by_gdal(monkeypatch, *arguments, **options):
    with monkeypatch.context() as patch:
        patch.setattr(write, "column_kinds", lambda schema: None)
        return store(*arguments, **options)


def boxes(path, name="parcels"):
    """Give ids and boxes of the index, by id."""
    quoted = f"rtree_{name}_geom".replace('"', '""')
    with closing(sqlite3.connect(path)) as database:
        (health,) = database.execute("SELECT rtreecheck(?)", (f"rtree_{name}_geom",)).fetchone()
        assert health == "ok"
        rows = database.execute(f'SELECT * FROM "{quoted}" ORDER BY 1').fetchall()
    return np.array(rows).reshape(-1, 5)


def squares(n, seed=0):
    random = np.random.default_rng(seed)
    x, y = random.uniform(-1e6, 1e6, (2, n))
    size = random.uniform(1, 3e4, n)
    return shapely.box(x, y, x + size, y + size)


def circle(n):
    angle = np.linspace(0, 2 * np.pi, n)
    return shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]))


def set_up(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)
