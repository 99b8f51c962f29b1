"""Fill a layer that GDAL has made, and left empty, with the pages of its rows and its index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geoseg.vector.arrow import column_kinds, geometries, rows
from geoseg.vector.boxes import outward
from geoseg.vector.pages import Pages, TableTree, is_plain
from geoseg.vector.rtree import write_rtree
from geoseg.vector.schema import GEOMETRY

FID = "fid"
"""Name of the column of rowids, as GDAL has it."""


@dataclass(frozen=True, slots=True)
class EmptyLayer:
    """A layer without rows in a file to which pages can be added."""

    path: Path
    name: str
    roots: tuple[int, int, int, int]
    """Root pages: of the table, and of its index the features, nodes and parents."""
    srs: int
    """The CRS, as geometries name it."""
    node_size: int
    """Bytes of a node of the index."""


def empty_layer(path: Path, name: str, schema: pa.Schema) -> EmptyLayer | None:
    """Look a layer up; None where it is not quite as is known of GDAL, and so GDAL must write.

    Args:
        path: a GeoPackage.
        name: of the layer.
        schema: its columns, geometry last.
    """
    if not is_plain(path):
        return None
    index = f"rtree_{name}_{GEOMETRY}"
    tables = [name, *(f"{index}_{one}" for one in ("rowid", "node", "parent"))]
    with closing(sqlite3.connect(path)) as database:
        known = dict(database.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage"))
        columns = database.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()
        wanted = [(one,) for one in (FID, GEOMETRY, *schema.names[:-1])]
        if columns != wanted or not all(map(known.get, tables)):
            return None
        quoted = [one.replace('"', '""') for one in tables]
        counts = [database.execute(f'SELECT count(*) FROM "{one}"').fetchone()[0] for one in quoted]
        indexes = database.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (name,)
        ).fetchone()
        nodes = database.execute(f'SELECT nodeno, length(data) FROM "{quoted[2]}"').fetchall()
        srs = database.execute(
            "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
        ).fetchall()
    if counts != [0, 0, 1, 0] or indexes != (0,) or nodes[0][0] != 1 or len(srs) != 1:
        return None
    return EmptyLayer(path, name, tuple(known[one] for one in tables), srs[0][0], nodes[0][1])


def fill(layer: EmptyLayer, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    """Write all rows of a layer, and its index.

    A batch at a time is in memory, and the boxes of all features: about 65 bytes for each while
    they are packed, as with GDAL.

    Args:
        layer: see `empty_layer`.
        batches: of the schema.
        schema: columns that `column_kinds` knows, geometry last.

    Raises:
        ValueError: a geometry is not a two-dimensional line or polygon, or several of these.
        OSError, sqlite3.Error: the file cannot be written.
    """
    kinds = column_kinds(schema)
    boxes, extent, n = [], np.array([np.inf, -np.inf] * 2), 0
    with closing(Pages(layer.path)) as pages:
        table = TableTree(pages, len(schema))
        for batch in batches:
            shapes = geometries(batch, layer.srs)
            ids = np.arange(n + 1, n + 1 + batch.num_rows)
            table.add(ids, rows(batch, kinds, shapes))
            boxes.append(outward(shapes.boxes))
            extent[::2] = np.minimum(extent[::2], shapes.boxes[:, ::2].min(axis=0))
            extent[1::2] = np.maximum(extent[1::2], shapes.boxes[:, 1::2].max(axis=0))
            n += batch.num_rows
        new = [table.finish(n)]
        if extent[0] <= extent[1]:
            new += write_rtree(pages, *_with_boxes(boxes), layer.node_size)
        pages.link(dict(zip(layer.roots, new, strict=False)))
    _tell(layer, n, extent)


def _with_boxes(
    boxes: list[NDArray[np.float32]],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give ids and boxes of the features that have any; the list is emptied."""
    together = np.concatenate(boxes)
    boxes.clear()
    has = together[:, 0] <= together[:, 1]
    ids = np.flatnonzero(has) + 1
    return ids, together if has.all() else together[has]


def _tell(layer: EmptyLayer, n: int, extent: NDArray[np.float64]) -> None:
    """Write down the number of rows and their extent where GDAL does."""
    with closing(sqlite3.connect(layer.path, isolation_level=None)) as database:
        database.execute("BEGIN")
        database.execute(
            "UPDATE gpkg_ogr_contents SET feature_count = ? WHERE table_name = ?", (n, layer.name)
        )
        if n:
            database.execute("DELETE FROM sqlite_sequence WHERE name = ?", (layer.name,))
            database.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (layer.name, n))
        if extent[0] <= extent[1]:
            database.execute(
                "UPDATE gpkg_contents SET min_x = ?, max_x = ?, min_y = ?, max_y = ? "
                "WHERE table_name = ?", (*extent.tolist(), layer.name),
            )
        database.execute("COMMIT")
