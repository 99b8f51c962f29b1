"""Border lines in a file: put by while parcels are written, then written as a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geoseg.errors import OutputError
from geoseg.vector.schema import WKB, binary
from geoseg.vector.write import write_layer


class Lines(Protocol):
    """What `geoseg.vectorizer.LineBatch` gives: one array per column, of equal length."""

    line_id: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    length_m: NDArray[np.float64]
    boundary: NDArray[np.float64]
    edge: NDArray[np.bool_]

    def wkb(self) -> tuple[NDArray[Any], Any]:
        """Give (n + 1,) offsets and the bytes they cut into geometries."""
        ...


@dataclass(frozen=True, slots=True)
class LineColumns:
    """Which columns a layer of borders has."""

    predicted: bool
    """True where there are probabilities; else there is no column for them."""

    @property
    def geometry_type(self) -> str:
        """LineString."""
        return "LineString"

    def schema(self) -> pa.Schema:
        """Give the layer's columns in order, geometry last."""
        likelihood = [pa.field("boundary", pa.float64())] if self.predicted else []
        return pa.schema([
            pa.field("line_id", pa.int64()), pa.field("left", pa.int64()),
            pa.field("right", pa.int64()), pa.field("length_m", pa.float64()), *likelihood,
            pa.field("edge", pa.bool_()), WKB,
        ])

    def record_batch(self, batch: Lines) -> pa.RecordBatch:
        """Lay a batch's arrays side by side; what is not known, and no parcel, become null."""
        sides = [pa.array(one, mask=one == 0) for one in (batch.left, batch.right)]
        likelihood = [pa.array(batch.boundary, from_pandas=True)] if self.predicted else []
        columns = [
            pa.array(batch.line_id), *sides, pa.array(batch.length_m), *likelihood,
            pa.array(batch.edge), binary(*batch.wkb()),
        ]
        return pa.record_batch(columns, schema=self.schema())


class LineStore:
    """Lines that wait in a file until the parcels are written; memory is O(batch)."""

    def __init__(self, path: Path, columns: LineColumns) -> None:
        self.path, self.columns = path, columns
        self._writer = pa.ipc.new_stream(str(path), columns.schema())

    def add(self, batch: Lines) -> None:
        """Put lines by.

        Raises:
            OutputError: the disk is full or failing.
        """
        try:
            self._writer.write_batch(self.columns.record_batch(batch))
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error}") from error

    def write(
        self, path: Path, *, crs: str | None, layer: str, metadata: Mapping[str, Any]
    ) -> int:
        """Write all lines as one layer; return how many.

        Raises:
            OptionError, CRSError, OutputError: see `write_parcels`.
        """
        self._writer.close()
        return write_layer(
            path, self._batches(), self.columns, crs=crs, layer=layer, metadata=metadata,
            style="lines",
        )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
            yield from stream

    def close(self) -> None:
        """Remove the file."""
        self._writer.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def line_store(path: Path, *, predicted: bool) -> Iterator[LineStore]:
    """Open a store of lines; its file is removed at the end.

    Args:
        path: a scratch file.
        predicted: True where there are probabilities.

    Raises:
        OutputError: the file cannot be made.
    """
    try:
        store = LineStore(path, LineColumns(predicted))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}") from error
    try:
        yield store
    finally:
        store.close()
