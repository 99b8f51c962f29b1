"""Write a raster of probabilities or classes row by row, and check it by reading it back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from geoseg.errors import OutputError, RasterError
from geoseg.grid import GeoBox
from geoseg.raster.cog import first_bad_block, write_cog
from geoseg.raster.halves import Rows, mean_of_four, most_of_four
from geoseg.raster.opening import CONTENT
from geoseg.raster.pyramid import BLOCK, COMPRESSION, Pyramid
from geoseg.raster.strips import MaskReader, Strips
from geoseg.raster.tiff import Directory, read_directory
from geoseg.spec import PROBABILITY_NODATA, PROBABILITY_SCALE

SCRATCH = ".blocks"
"""What is added to the name of the file that blocks wait in until they are laid out."""

Colors = Mapping[int, tuple[int, int, int, int]]
"""Red, green, blue and opacity, 0 to 255, of values."""


class MaskWriter:
    """A cloud-optimised GeoTIFF of uint8 bands, written in rows from the top; 255 is no data.

    Use it in a `with` statement. Without colors it is of probabilities: one band per class,
    value / 254 is the probability. With colors it is one band of classes and has a colour table.
    Rows are compressed as they come; laying them out in the end takes little.

    Attributes:
        path: of the new file.
        rows: how many have come.
    """

    def __init__(
        self, path: Path, geobox: GeoBox, names: tuple[str, ...], *, tags: dict[str, str],
        colors: Colors | None = None, threads: int = 1,
    ) -> None:
        """Begin a file.

        Args:
            path: of the new file.
            geobox: where its pixels are.
            names: of the bands.
            tags: of the file.
            colors: of classes; None for probabilities.
            threads: that compress; the bytes do not depend on them.

        Raises:
            OutputError: the file cannot be written.
        """
        self.path, self.rows = path, 0
        self._geobox = geobox
        try:
            self._template = _template(geobox, names, tags, colors)
            self._scratch = path.with_name(path.name + SCRATCH).open("x+b")
        except (RasterioError, OSError) as error:
            raise _unwritable(path, error) from error
        self._pyramid = Pyramid(
            self._scratch, *geobox.shape, mean_of_four if colors is None else most_of_four,
            threads=threads,
        )

    def __enter__(self) -> MaskWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._pyramid.close()
        try:
            if kind is None:
                self._finish()
        finally:
            with contextlib.suppress(OSError):  # a full disk; the file goes anyway
                self._scratch.close()
            Path(self._scratch.name).unlink(missing_ok=True)

    def write(self, rows: Rows) -> None:
        """Write the next rows; rows is (bands, rows, width) uint8.

        Raises:
            OutputError: the file cannot be written.
        """
        try:
            self._pyramid.add(rows)
        except (RasterioError, OSError) as error:
            raise _unwritable(self.path, error) from error
        self.rows += rows.shape[1]

    def follow(self, source: Strips, stop: int, *, strips: int | None = None) -> None:
        """Write rows of a source, in strips of whole blocks, as far as there are any up to a row.

        Args:
            source: of the rows.
            stop: where they end; where that is not the last row, what is not a whole strip waits.
            strips: how many strips at most; None for all.

        Raises:
            OutputError: the file cannot be written.
        """
        height = self._geobox.height
        while self.rows < stop and strips != 0:
            end = min(self.rows + BLOCK, height)
            if end > stop:
                return
            self.write(source.read(self.rows, end))
            strips = None if strips is None else strips - 1

    def _finish(self) -> None:
        """Lay the file out, and read it back: a full disk may show only then."""
        levels = self._pyramid.levels
        assert self.rows == self._geobox.height
        try:
            self._scratch.flush()
            start = write_cog(self.path, self._template, levels, self._scratch)
            bad = first_bad_block(self.path, start, levels)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        if bad is not None:
            raise OutputError(
                f"{self.path} was not stored whole (the block at byte {bad} reads back "
                "differently); the disk is full or failing"
            )
        try:
            with MaskReader(self.path) as mask:
                stored = mask.shape
        except RasterError as error:
            raise _unwritable(self.path, error) from error
        if stored != self._geobox.shape:
            raise OutputError(f"{self.path} reads back as {stored}, not {self._geobox.shape}")


def _template(
    geobox: GeoBox, names: tuple[str, ...], tags: dict[str, str], colors: Colors | None
) -> Directory:
    """Let GDAL say, in a file without pixels, where and what a raster is."""
    options = {
        "driver": "GTiff", "dtype": "uint8", "count": len(names), "height": geobox.height,
        "width": geobox.width, "transform": geobox.transform, "crs": geobox.crs,
        "nodata": PROBABILITY_NODATA, "interleave": "pixel", "tiled": True, "blockxsize": BLOCK,
        "blockysize": BLOCK, "sparse_ok": True, "bigtiff": "yes", "endianness": "little",
        "alpha": "no",  # else GDAL takes the fourth of four classes for opacity
        **COMPRESSION,
    }
    if colors is None:
        options["photometric"] = "minisblack"  # else GDAL takes three classes for colours
    with MemoryFile() as file:
        with file.open(**options) as dataset:
            if colors is None:
                dataset.scales = (1 / PROBABILITY_SCALE,) * len(names)
            else:
                dataset.write_colormap(1, dict(colors))
            content = "probability" if colors is None else "class"
            dataset.update_tags(**{CONTENT: content}, **tags)
            for band, name in enumerate(names, 1):
                dataset.set_band_description(band, name)
        return read_directory(memoryview(file.getbuffer()))


def _unwritable(path: Path, error: Exception) -> OutputError:
    return OutputError(f"{path} cannot be written: {error}; check the folder and the disk's space")
