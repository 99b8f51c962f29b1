"""The columns of a parcel layer, and its Arrow record batches.

Geometry travels as WKB from the vectorizer's arrays to the driver; no Python object is made per
parcel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geoseg.errors import OptionError

GEOMETRY = "geom"
"""Name of the geometry column."""
DEFAULT_CLASS = "parcel"
"""Class of what the network found."""
WKB_POLYGON = 3
"""Second byte of a polygon's little-endian WKB."""
ONE_POLYGON = np.frombuffer(b"\x01\x06\x00\x00\x00\x01\x00\x00\x00", np.uint8)
"""Start of the WKB of a multipolygon of one polygon."""
WKB = pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
"""The geometry column."""
INT32_MAX = 2**31 - 1
MAX_BYTES = 128 << 20
"""Bytes of geometry in a chunk; a few huge features must not fill the memory."""


class Batch(Protocol):
    """What `geoseg.vectorizer.ParcelBatch` gives: one array per column, of equal length."""

    parcel_id: NDArray[np.int64]
    value: NDArray[np.int64]
    area_m2: NDArray[np.float64]
    perimeter_m: NDArray[np.float64]
    confidence: NDArray[np.float64]
    boundary: NDArray[np.float64]
    edge: NDArray[np.bool_]
    classes: Mapping[int, str] | None

    def wkb(self) -> tuple[NDArray[Any], Any]:
        """Give (n + 1,) offsets and the bytes they cut into geometries."""
        ...


class Table(Protocol):
    """What the writers must know of a layer."""

    @property
    def geometry_type(self) -> str:
        """Polygon, MultiPolygon or LineString."""

    def schema(self) -> pa.Schema:
        """Give the columns in order, geometry last."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a layer has: those of parcels, or those of plain regions of values."""

    value_field: str | None = None
    """Column for the pixels' value in place of the class, confidence and boundary."""
    multi: bool = False
    """True where a parcel may have several polygons; then all are stored as multipolygons."""

    def __post_init__(self) -> None:
        taken = {name for name, _ in _MEASURES} | {"parcel_id", GEOMETRY, "fid"}
        if self.value_field is not None and self.value_field.lower() in taken | {""}:
            raise OptionError(f"--field is {self.value_field!r}, a column that is there already")

    @property
    def geometry_type(self) -> str:
        """Polygon or MultiPolygon."""
        return "MultiPolygon" if self.multi else "Polygon"

    def schema(self) -> pa.Schema:
        """Give the layer's columns in order, geometry last."""
        kind = pa.field("class", pa.string())
        if self.value_field is not None:
            kind = pa.field(self.value_field, pa.int64())
        measures = [pa.field(name, dtype) for name, dtype in self._measures()]
        return pa.schema([pa.field("parcel_id", pa.int64()), kind, *measures, WKB])

    def record_batch(self, batch: Batch) -> pa.RecordBatch:
        """Lay a batch's arrays side by side; numbers that are not known become null."""
        kind = pa.array(batch.value) if self.value_field is not None else _names(batch)
        measures = [
            pa.array(getattr(batch, name), dtype, from_pandas=True)
            for name, dtype in self._measures()
        ]
        geometry = binary(*_kind(*batch.wkb(), multi=self.multi))
        columns = [pa.array(batch.parcel_id), kind, *measures, geometry]
        return pa.record_batch(columns, schema=self.schema())

    def record_batches(self, batches: Iterable[Batch]) -> Iterator[pa.RecordBatch]:
        """Turn batches into Arrow's, one at a time."""
        for batch in batches:
            if len(batch.parcel_id):
                yield self.record_batch(batch)

    def _measures(self) -> list[tuple[str, pa.DataType]]:
        predicted = ("confidence", "boundary")
        return [one for one in _MEASURES if self.value_field is None or one[0] not in predicted]


_MEASURES = [
    ("area_m2", pa.float64()),
    ("perimeter_m", pa.float64()),
    ("confidence", pa.float64()),
    ("boundary", pa.float64()),
    ("edge", pa.bool_()),
]


def _names(batch: Batch) -> pa.StringArray:
    """Name the class of each parcel; without names, all are parcels."""
    if batch.classes is None:
        values, index = [DEFAULT_CLASS], np.zeros(len(batch.value), np.intp)
    else:
        different, index = np.unique(batch.value, return_inverse=True)
        values = [batch.classes.get(int(value), str(value)) for value in different]
    return pa.array(values, pa.string()).take(pa.array(index.ravel()))


def _kind(
    offsets: NDArray[Any], content: Any, *, multi: bool
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Make multipolygons of all polygons, or check that there are only polygons."""
    raw = np.frombuffer(content, np.uint8)
    single = raw[offsets[:-1] + 1] == WKB_POLYGON
    if not multi:
        if not single.all():
            raise ValueError("a parcel has several polygons; write with multi=True")
        return offsets, raw
    extra = len(ONE_POLYGON) * np.cumsum(np.concatenate([[0], single]))
    moved = offsets + extra
    is_new = np.zeros(moved[-1], np.bool_)
    starts = moved[:-1][single]
    is_new[starts[:, None] + np.arange(len(ONE_POLYGON))] = True
    out = np.empty(moved[-1], np.uint8)
    out[is_new] = np.tile(ONE_POLYGON, len(starts))
    out[~is_new] = raw
    return moved, out


def binary(offsets: NDArray[Any], content: Any) -> pa.BinaryArray:
    """Wrap ragged bytes without a copy."""
    if int(offsets[-1]) > INT32_MAX:
        raise ValueError(f"a batch of {offsets[-1]} bytes is too large; make smaller batches")
    ends = np.ascontiguousarray(offsets, np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(content)]
    return pa.BinaryArray.from_buffers(pa.binary(), len(ends) - 1, buffers)


def rechunked(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Cut a stream anew, so that the file does not depend on where its batches end.

    Args:
        batches: with geometry in the last column.
        rows: of each chunk; fewer where MAX_BYTES of geometry are full before, and in the last.
    """
    waiting: list[pa.RecordBatch] = []
    have = size = 0
    for batch in batches:
        while batch.num_rows:
            ends = _ends(batch)
            fits = int(np.searchsorted(ends, MAX_BYTES - size, side="right"))
            n = min(rows - have, max(fits, 0 if waiting else 1), batch.num_rows)
            waiting.append(batch.slice(0, n))
            have, size = have + n, size + int(ends[n - 1] if n else 0)
            is_full = have == rows or n < batch.num_rows
            batch = batch.slice(n)
            if is_full:
                yield _together(waiting)
                waiting, have, size = [], 0, 0
    if have:
        yield _together(waiting)


def _together(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Put batches behind each other; one alone is not copied."""
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _ends(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Give the bytes of geometry up to and with each parcel."""
    column = batch.column(batch.num_columns - 1)
    offsets = np.frombuffer(column.buffers()[1], np.int32)
    cut = offsets[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return cut[1:] - cut[0]
