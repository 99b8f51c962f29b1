"""Parcels that were built anew, with the attributes of the old ones by the largest overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from geoseg.errors import VectorError
from geoseg.vector.read import POLYGONS, preferred_layer, read_table, reprojected
from geoseg.vector.schema import DEFAULT_CLASS, WKB
from geoseg.vector.write import CHUNK, write_layer

ID = "parcel_id"
"""Number of a parcel."""
MEASURED = (ID, "area_m2", "perimeter_m", "edge")
"""Attributes that are never carried: they are measured anew."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The old parcels under new ones."""

    faces: NDArray[np.int64]
    """(n,) new parcel of each pair that overlaps, rising; the largest overlap first."""
    ids: NDArray[np.int64]
    """(n,) number of the old parcel."""
    overlaps: NDArray[np.float64]
    """(n,) area that they share, square CRS units."""
    rows: pd.DataFrame
    """One row per new parcel: the attributes of its largest overlap."""


def carried(path: str | Path, layer: str, shapes: NDArray[Any], crs: str | None) -> Carried:
    """Lay new parcels over old ones.

    Args:
        path: the old parcels, in any CRS.
        layer: their layer, where there are several.
        shapes: (n,) polygons.
        crs: their CRS as WKT.

    Raises:
        VectorError: the file cannot be read, or has no parcels.
        CRSError: only one of the two has a CRS.
    """
    table = read_table(path, layer=preferred_layer(path, layer))
    table = table[table.geometry.notna() & table.geometry.type.isin(POLYGONS)]
    if table.empty:
        raise VectorError(f"{path} has no polygons; give the parcels that the lines came from")
    old = shapely.make_valid(reprojected(path, table.geometry, crs).to_numpy())
    if ID in table and table[ID].notna().all() and (table[ID] > 0).all():
        ids = table[ID].to_numpy(np.int64)
    else:
        ids = np.arange(1, len(table) + 1)
    face, row = shapely.STRtree(old).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[face], old[row]))
    face, row, shared = face[shared > 0], row[shared > 0], shared[shared > 0]
    order = np.lexsort((row, -shared, face))
    face, row, shared = face[order], row[order], shared[order]
    best = np.full(len(shapes), -1)
    first = np.flatnonzero(np.diff(face, prepend=-1))
    best[face[first]] = row[first]
    attributes = pd.DataFrame(table.drop(columns=table.geometry.name)).reset_index(drop=True)
    return Carried(face, ids[row], shared, attributes.reindex(best).reset_index(drop=True))


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of the old parcels, or the least that parcels have."""

    table: pa.Schema
    """Geometry last."""

    @property
    def geometry_type(self) -> str:
        """Polygon."""
        return "Polygon"

    def schema(self) -> pa.Schema:
        """Give the columns in order, geometry last."""
        return self.table


def write_carried(
    path: Path,
    shapes: NDArray[Any],
    attributes: Carried | None,
    *,
    crs: str | None,
    layer: str,
    metadata: Mapping[str, Any],
    **measured: NDArray[Any],
) -> int:
    """Write parcels with carried attributes; return how many.

    Args:
        path, crs, layer, metadata: see `write_parcels`.
        shapes: (n,) polygons.
        attributes: None where there were no old parcels.
        measured: (n,) arrays of the attributes MEASURED.

    Raises:
        OptionError, CRSError, OutputError: see `write_parcels`.
    """
    if attributes is None:
        rows = pd.DataFrame({ID: measured[ID], "class": DEFAULT_CLASS})
    else:
        rows = attributes.rows.drop(columns=["fid", "bbox"], errors="ignore")
    for name in MEASURED:
        rows[name] = measured[name]
    rows = rows[[ID, *(name for name in rows if name != ID)]]
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata()
    flat = shapely.to_wkb(shapely.orient_polygons(shapes), output_dimension=2)
    wkb = pa.array(flat.tolist(), pa.binary())
    table = table.append_column(WKB, wkb)
    return write_layer(
        path, _batches(table), _Columns(table.schema), crs=crs, layer=layer, metadata=metadata,
        style="parcels",
    )


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches(max_chunksize=CHUNK)
