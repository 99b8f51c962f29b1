"""Write GeoParquet 1.1: zstd, row groups of one size, a bounding box per parcel.

A layer of parcels is a collection of fiboa (Field Boundaries for Agriculture) too: beside its own
columns it has those that fiboa names.
"""

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

SHAPE = "geometry"
"""Name of the geometry column in GeoParquet, as fiboa has it."""
FROM_OWN = {
    "id": ("parcel_id", pa.field("id", pa.string(), nullable=False)),
    "metrics:area": ("area_m2", pa.field("metrics:area", pa.float32())),
    "metrics:perimeter": ("perimeter_m", pa.field("metrics:perimeter", pa.float32())),
}
"""Columns of fiboa, and what each is made of: square metres and metres on the ground."""
SCHEMAS = (
    "https://vecorel.org/specification/v0.1.0/schema.yaml",
    "https://fiboa.org/specification/v0.3.0/schema.yaml",
    "https://vecorel.org/geometry-metrics-extension/v0.1.0/schema.yaml",
)
"""What a collection keeps to."""
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
    own = [field.remove_metadata() for field in columns.schema()]
    own[-1] = pa.field(SHAPE, pa.binary(), nullable=False)
    is_fiboa = FROM_OWN["id"][0] in columns.schema().names
    more = [field for _, field in FROM_OWN.values()] if is_fiboa else []
    box = pa.field("bbox", pa.struct([(edge, pa.float64()) for edge in EDGES]))
    schema = pa.schema([*own, *more, box])
    try:
        with pq.ParquetWriter(  # Arrow's own schema would hide what is added at the end
            path, schema, compression="zstd", store_schema=False
        ) as writer:
            rows, extent = _write_groups(writer, batches, schema, FROM_OWN if is_fiboa else ())
            writer.add_key_value_metadata({
                "geo": json.dumps(_geo(crs, extent, columns), sort_keys=True),
                "geoseg": json.dumps(dict(metadata), sort_keys=True),
                **({"collection": json.dumps(_collection(metadata), sort_keys=True)}
                   if is_fiboa else {}),
            })
        stored = pq.read_metadata(path).num_rows
    except (pa.ArrowIOError, pa.ArrowInvalid) as error:
        free = shutil.disk_usage(path.parent).free >> 20
        raise OutputError(
            f"{path} cannot be written; its disk has {free} MiB left ({error})"
        ) from error
    if stored != rows:
        raise OutputError(f"{path} has {stored} of {rows} features; the disk is full or failing")


def _write_groups(
    writer: pq.ParquetWriter, batches: Iterable[pa.RecordBatch], schema: pa.Schema,
    more: Iterable[str],
) -> tuple[int, NDArray[np.float64]]:
    """Write row groups with more columns and bounding boxes; give the rows, and what they span."""
    rows, extent = 0, np.array([np.inf, np.inf, -np.inf, -np.inf])
    for batch in rechunked(batches, ROW_GROUP):
        shapes = batch.column(GEOMETRY).to_numpy(zero_copy_only=False)
        bounds = shapely.bounds(shapely.from_wkb(shapes))
        arrays = [*batch.columns, *(_extra(batch, name) for name in more), _boxes(bounds)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        writer.write_batch(batch, row_group_size=ROW_GROUP)
        rows, extent = rows + batch.num_rows, _grown(extent, bounds)
    return rows, extent


def _grown(extent: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.minimum(extent[:2], bounds[:, :2].min(axis=0))
    return np.concatenate([low, np.maximum(extent[2:], bounds[:, 2:].max(axis=0))])


def _boxes(bounds: NDArray[np.float64]) -> pa.StructArray:
    columns = [pa.array(np.ascontiguousarray(column)) for column in bounds.T]
    return pa.StructArray.from_arrays(columns, EDGES)


def _extra(batch: pa.RecordBatch, name: str) -> pa.Array:
    source, field = FROM_OWN[name]
    return batch.column(source).cast(field.type)


def _collection(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Say what holds of all parcels.

    Source: fiboa 0.3.0 and Vecorel 0.1.0, GeoParquet encoding.
    """
    name = str(metadata.get("scene") or metadata.get("mask") or metadata.get("lines") or "parcels")
    about = {"schemas": {name: list(SCHEMAS)}, "collection": name}
    if "determination:method" in metadata:
        about["determination:method"] = metadata["determination:method"]
        details = [f"{key} {metadata[key]}" for key in ("geoseg", "model") if key in metadata]
        about["determination:details"] = ", ".join(details)
    return about


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
    return {"version": "1.1.0", "primary_column": SHAPE, "columns": {SHAPE: column}}
