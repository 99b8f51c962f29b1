"""Parcel labels as a raster that is read in strips; the pixels lie in a scratch file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from geoseg.errors import OutputError

MEMORY_FILE = 1 << 26
"""Bytes of labels that are kept in memory before they go to disk."""


@contextmanager
def writing_labels() -> Iterator[None]:
    """Say what to do where the scratch folder is full.

    Raises:
        OutputError: it is.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write labels to the scratch folder ({error}); give another one"
        ) from error


class LabelRaster:
    """Parcel labels as a strip source: above 0 a parcel, 0 background, -1 no data.

    Labels are 1 to `count` in the order of their first pixels; their regions are 4-connected. The
    basins lie in a scratch file that has no name and goes with the object; one reader at a time.
    """

    def __init__(self, shape: tuple[int, int], scratch: Path | None) -> None:
        self.shape = shape
        """(height, width)."""
        self.count = 0
        """Number of parcels."""
        self._final = np.zeros(1, np.int32)
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=MEMORY_FILE, dir=scratch)

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give the rows [row_start, row_stop) as (rows, width) int32."""
        self._file.seek(row_start * self.shape[1] * 4)
        data = self._file.read((row_stop - row_start) * self.shape[1] * 4)
        return self._final[np.frombuffer(data, np.int32)].reshape(-1, self.shape[1])

    def append(self, labels: np.ndarray, offset: int) -> None:
        """Write the next strip of basins.

        Args:
            labels: (rows, width) int32 of the strip's own basins, 0 at no data; changed.
            offset: what makes them names of the scene's basins.

        Raises:
            OutputError: the scratch folder is full.
        """
        np.add(labels, np.int32(offset), out=labels, where=labels > 0)
        with writing_labels():
            self._file.write(np.ascontiguousarray(labels).data)

    def finish(self, final: np.ndarray, count: int) -> None:
        """Say which label each basin has."""
        self._final, self.count = final, count

    def close(self) -> None:
        """Delete the scratch file."""
        self._file.close()
