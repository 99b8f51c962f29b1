"""What became of every name that strips gave their basins, in memory or in a scratch file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

import numpy as np

from geoseg.kernels.compiled import kernel
from geoseg.vectorizer.label_raster import MEMORY_FILE, writing_labels

GONE = -1
"""In place of a name: background."""


class Names:
    """For each name an earlier one of the same parcel, itself where it is the first, or GONE.

    Four bytes a basin, the one thing that grows with the scene; many of them lie in a scratch file.
    """

    def __init__(self, scratch: Path | None) -> None:
        """Begin with name 0, no data; the folder is the system's where it is None."""
        self._scratch = scratch
        self._file: IO[bytes] | None = None
        self.first = np.zeros(1, np.int32)
        """(names,) int32."""

    def grow(self, count: int) -> None:
        """Make room for so many names.

        Raises:
            OutputError: the scratch folder is full.
        """
        if 4 * count <= MEMORY_FILE:
            self.first.resize(count, refcheck=False)
            return
        with writing_labels():
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._scratch)
                self._file.write(self.first.data)
            self._file.seek(0, 2)
            self._file.write(bytes(4 * (count - len(self.first))))
            self._file.flush()
        self.first = np.asarray(np.memmap(self._file, np.int32, "r+", shape=(count,)))

    def number(self) -> tuple[np.ndarray, int]:
        """Number the parcels 1, 2, ... by their first names, for good.

        Returns:
            (names,) int32 labels, 0 for background and -1 for name 0; and the number of parcels.
        """
        return self.first, int(_number(self.first))


@kernel
def _number(first):
    """Put labels in the places of names, and give their number."""
    count = np.int64(0)
    for name in range(1, first.size):
        if first[name] == name:
            count += 1
            first[name] = count
        else:
            first[name] = first[first[name]] if first[name] >= 0 else 0
    first[0] = -1
    return count
