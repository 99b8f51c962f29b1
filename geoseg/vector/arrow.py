"""Arrow record batches as what SQLite's records are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geoseg.vector.boxes import KNOWN, find_boxes
from geoseg.vector.records import BLOB, INTEGER, NULL, REAL, TEXT, Rows

KINDS = {
    pa.bool_(): INTEGER, pa.int32(): INTEGER, pa.int64(): INTEGER, pa.float64(): REAL,
    pa.string(): TEXT, pa.large_string(): TEXT, pa.binary(): BLOB,
}
"""Types of columns that can be laid out."""
HEAD = np.dtype([
    ("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("srs", "<i4"), ("box", "<f8", 4),
])
"""What a GeoPackage puts before the WKB (standard, 2.1.3)."""
BOXED, EMPTY = 0b00011, 0b10001
"""Flags: lowest byte first, with a box or empty without."""


@dataclass(frozen=True, slots=True)
class Geometries:
    """The geometries of a batch."""

    starts: NDArray[np.int64]
    """(n,) where each begins in the bytes."""
    sizes: NDArray[np.int64]
    """(n,) bytes of each; NULL where there is none."""
    wkb: NDArray[np.uint8]
    """All bytes."""
    boxes: NDArray[np.float64]
    """(n, 4) left, right, bottom, top; left > right where there are no points."""
    heads: NDArray[np.void]
    """(n,) HEAD."""


def column_kinds(schema: pa.Schema) -> list[int] | None:
    """Give the kind of each column, geometry first as in a table; None where one is not known."""
    kinds = [KINDS.get(field.type) for field in schema]
    if None in kinds or BLOB in kinds[:-1] or kinds[-1] != BLOB:
        return None
    return [kinds[-1], *kinds[:-1]]


def geometries(batch: pa.RecordBatch, srs: int) -> Geometries:
    """Find the boxes of a batch's geometries, the last column.

    Args:
        batch: WKB; see `find_boxes`.
        srs: number of the CRS.

    Raises:
        ValueError: a geometry is of another kind.
    """
    starts, sizes, wkb = _bytes(batch.column(batch.num_columns - 1))
    boxes = np.empty((len(starts), 4))
    row = find_boxes(wkb, starts, sizes, boxes)
    if row != KNOWN:
        raise ValueError(f"geometry {row} of a batch is not a line or polygon of two dimensions")
    heads = np.zeros(len(starts), HEAD)
    has_box = boxes[:, 0] <= boxes[:, 1]
    heads["magic"], heads["srs"] = b"GP", srs
    heads["flags"] = np.where(has_box, BOXED, EMPTY)
    heads["box"] = np.where(has_box[:, None], boxes, 0)
    return Geometries(starts, sizes, wkb, boxes, heads)


def rows(batch: pa.RecordBatch, kinds: list[int], shapes: Geometries) -> Rows:
    """Lay a batch out for `pack`.

    Args:
        batch: geometry last.
        kinds: see `column_kinds`.
        shapes: the batch's.
    """
    n = batch.num_rows
    words, sizes = np.zeros((len(kinds), n), np.int64), np.zeros((len(kinds), n), np.int64)
    words[0], sizes[0] = shapes.starts, shapes.sizes
    texts = [np.zeros(0, np.uint8)]
    for k, kind in enumerate(kinds[1:], 1):
        column = batch.column(k - 1)
        if kind == TEXT:
            words[k], sizes[k], content = _bytes(column.cast(pa.string()))
            words[k] += sum(map(len, texts))
            texts.append(content)
        else:
            words[k], is_null = _numbers(column)
            sizes[k, is_null] = NULL
    is_empty = shapes.boxes[:, 0] > shapes.boxes[:, 1]
    head_sizes = np.where(is_empty, HEAD.fields["box"][1], HEAD.itemsize)
    return Rows(
        np.array(kinds), words, sizes, shapes.heads.view(np.uint8).reshape(n, -1),
        np.where(shapes.sizes == NULL, 0, head_sizes), np.concatenate(texts), shapes.wkb,
    )


def _numbers(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give integers, or the bits of doubles, and which are null; SQLite has no NaN."""
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    if column.type != pa.float64():
        return column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), is_null
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    return values.view(np.int64), is_null | np.isnan(values)


def _bytes(
    column: pa.Array,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Give starts, sizes (NULL where there is none) and bytes of text or blobs."""
    _, offsets, content = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    ends = ends.astype(np.int64)
    sizes = np.diff(ends)
    if column.null_count:
        sizes[column.is_null().to_numpy(zero_copy_only=False)] = NULL
    content = np.zeros(0, np.uint8) if content is None else np.frombuffer(content, np.uint8)
    return ends[:-1] - ends[0], sizes, content[ends[0] : ends[-1]]
