"""Write GeoParquet 1.1: zstd, row groups of one size, a bounding box per parcel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from geoseg.errors import OutputError
from geoseg.vector.schema import GEOMETRY, Table, rechunked

ROW_GROUP = 50_000
"""Parcels in a row group; readers skip a group by its bounding box."""
EDGES = ("xmin", "ymin", "xmax", "ymax")
"""Fields of a bounding box, in the order of the standard."""


def write_parquet(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    columns: Table,
    *,
    crs: str | None,
    metadata: Mapping[str, Any],
) -> None:
    """Write record batches with WKB in the column `geom`; memory is O(row group).

    Raises:
        OutputError: the file cannot be written, or was not stored whole.

    Source: GeoParquet 1.1.0, metadata and bounding box covering.
    """
    plain = pa.schema([field.remove_metadata() for field in columns.schema()])
    box = pa.field("bbox", pa.struct([(edge, pa.float64()) for edge in EDGES]))
    extent = np.array([np.inf, np.inf, -np.inf, -np.inf])
    rows = 0
    try:
        with pq.ParquetWriter(path, plain.append(box), compression="zstd") as writer:
            for batch in rechunked(batches, ROW_GROUP):
                shapes = batch.column(GEOMETRY).to_numpy(zero_copy_only=False)
                bounds = shapely.bounds(shapely.from_wkb(shapes))
                extent = _grown(extent, bounds)
                arrays = [*batch.columns, _boxes(bounds)]
                batch = pa.RecordBatch.from_arrays(arrays, schema=plain.append(box))
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
            writer.add_key_value_metadata({
                "geo": json.dumps(_geo(crs, extent, columns), sort_keys=True),
                "geoseg": json.dumps(dict(metadata), sort_keys=True),
            })
        stored = pq.read_metadata(path).num_rows
    except (pa.ArrowIOError, pa.ArrowInvalid) as error:
        free = shutil.disk_usage(path.parent).free >> 20
        raise OutputError(
            f"{path} cannot be written; its disk has {free} MiB left ({error})"
        ) from error
    if stored != rows:
        raise OutputError(f"{path} has {stored} of {rows} features; the disk is full or failing")


def _grown(extent: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.minimum(extent[:2], bounds[:, :2].min(axis=0))
    return np.concatenate([low, np.maximum(extent[2:], bounds[:, 2:].max(axis=0))])


def _boxes(bounds: NDArray[np.float64]) -> pa.StructArray:
    columns = [pa.array(np.ascontiguousarray(column)) for column in bounds.T]
    return pa.StructArray.from_arrays(columns, EDGES)


def _geo(
    crs: str | None, extent: NDArray[np.float64], columns: Table
) -> dict[str, Any]:
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": [columns.geometry_type],
        "crs": None if crs is None else pyproj.CRS.from_wkt(crs).to_json_dict(),
        "covering": {"bbox": {edge: ["bbox", edge] for edge in EDGES}},
    }
    if columns.geometry_type != "LineString":
        column["orientation"] = "counterclockwise"
    if np.isfinite(extent).all():
        column["bbox"] = extent.tolist()
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
