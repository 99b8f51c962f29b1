"""Write a raster of probabilities or classes row by row, and check it by reading it back."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from geoseg.errors import OutputError, RasterError
from geoseg.grid import GeoBox
from geoseg.raster.opening import CONTENT
from geoseg.raster.strips import MaskReader, Strips
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE

ROWS = ".rows"
"""What is added to the name of the file that rows are written to, before it is laid out anew."""
BLOCK = 512
"""Side of a block of the file, in pixels; cores align with it."""
LAYOUT = {
    "COMPRESS": "DEFLATE", "LEVEL": "1", "BLOCKSIZE": str(BLOCK), "BIGTIFF": "IF_SAFER",
    "OVERVIEWS": "FORCE_USE_EXISTING",
}
"""Options of GDAL's COG driver."""

Colors = Mapping[int, tuple[int, int, int, int]]
"""Red, green, blue and opacity, 0 to 255, of values."""


class MaskWriter:
    """A cloud-optimised GeoTIFF of uint8 bands, written in rows from the top; 255 is no data.

    Use it in a `with` statement. Without colors it is of probabilities: one band per class,
    value / 254 is the probability. With colors it is one band of classes and has a colour table.
    """

    def __init__(
        self, path: Path, geobox: GeoBox, names: tuple[str, ...], *, tags: dict[str, str],
        colors: Colors | None = None, threads: int = 1,
    ) -> None:
        self._threads = threads
        self._shrink = Resampling.average if colors is None else Resampling.mode
        self.path, self._raw = path, path.with_name(path.name + ROWS)
        self._rows: list[tuple[int, int, int]] = []
        options = {
            "driver": "GTiff", "dtype": "uint8", "count": len(names),
            "height": geobox.height, "width": geobox.width, "transform": geobox.transform,
            "crs": geobox.crs, "nodata": PROBABILITY_NODATA, "interleave": "band",
            "bigtiff": "if_safer",
        }
        if min(geobox.shape) >= BLOCK:
            options |= {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK}
        try:
            self._dataset = rasterio.open(self._raw, "w", **options)
            if colors is None:
                self._dataset.scales = (1 / PROBABILITY_SCALE,) * len(names)
            else:
                self._dataset.write_colormap(1, dict(colors))
            content = "probability" if colors is None else "class"
            self._dataset.update_tags(**{CONTENT: content}, **tags)
            for band, name in enumerate(names, 1):
                self._dataset.set_band_description(band, name)
        except RasterioError as error:
            raise _unwritable(path, error) from error

    def __enter__(self) -> MaskWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._dataset.close()
        try:
            if kind is None:
                self._optimise()
                self._verify()
        finally:
            self._raw.unlink(missing_ok=True)

    def write(self, row_off: int, rows: NDArray[np.uint8]) -> None:
        """Write whole rows; rows is (classes, rows, width) uint8.

        Raises:
            OutputError: the file cannot be written.
        """
        stop = row_off + rows.shape[1]
        window = ((row_off, stop), (0, rows.shape[2]))
        try:
            self._dataset.write(rows, window=window)
        except RasterioError as error:
            raise _unwritable(self.path, error) from error
        self._rows.append((row_off, stop, zlib.crc32(np.ascontiguousarray(rows))))

    def _optimise(self) -> None:
        """Lay the file out for reading over a network: overviews first, whole blocks.

        Rows and overviews are not compressed before this: GDAL's COG driver would compress and
        read its own overviews again, which took longer than all the rest.

        Source: OGC 21-026, Cloud Optimized GeoTIFF Standard.
        """
        try:
            with rasterio.open(self._raw, "r+") as raw:
                raw.build_overviews(_levels(raw.height, raw.width), self._shrink)
            options = LAYOUT | {"NUM_THREADS": self._threads}
            rasterio.shutil.copy(self._raw, self.path, driver="COG", **options)
        except RasterioError as error:
            raise _unwritable(self.path, error) from error

    def _verify(self) -> None:
        """Read back what was written: rasterio hides a full disk at close (1.4 and 1.5)."""
        with MaskReader(self.path) as mask:
            for start, stop, checksum in self._rows:
                try:
                    good = zlib.crc32(mask.read(start, stop)) == checksum
                except RasterError:
                    good = False
                if not good:
                    raise OutputError(
                        f"{self.path} was not stored whole (rows {start} to {stop} read back "
                        "differently); the disk is full or failing"
                    )


def write_mask(
    path: Path, source: Strips, geobox: GeoBox, names: tuple[str, ...], *, tags: dict[str, str],
    colors: Colors | None = None, threads: int = 1,
) -> None:
    """Write a raster from strips, as MaskWriter does; equal strips give equal bytes.

    Args:
        path: of the new file.
        source: rows, on request.
        geobox: where they are.
        names: of the bands.
        tags: of the file.
        colors: of classes; see MaskWriter.
        threads: that compress; the bytes do not depend on them.

    Raises:
        OutputError: the file cannot be written, or was not stored whole.
    """
    with MaskWriter(path, geobox, names, tags=tags, colors=colors, threads=threads) as writer:
        for row in range(0, geobox.height, BLOCK):
            writer.write(row, source.read(row, min(row + BLOCK, geobox.height)))


def _levels(height: int, width: int) -> list[int]:
    """Give the factors of overviews, down to one that a single block holds.

    >>> _levels(1024, 3000)
    [2, 4, 8]
    """
    factors = []
    while -(-max(height, width) // 2 ** len(factors)) > BLOCK:
        factors.append(2 ** (len(factors) + 1))
    return factors


def _unwritable(path: Path, error: Exception) -> OutputError:
    return OutputError(f"{path} cannot be written: {error}; check the folder and the disk's space")
