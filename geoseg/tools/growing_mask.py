"""A mask that is written while the network runs: what is compressed then, nobody waits for."""

from __future__ import annotations

from pathlib import Path

from geoseg.grid import GeoBox
from geoseg.raster import MaskWriter
from geoseg.run.cores import StoredCores
from geoseg.spec import ModelSpec
from geoseg.tools.classes import COLORS, ClassStrips, class_tags


class GrowingMask:
    """The probability raster of a run, or that of classes; use it in a `with` statement.

    Equal cores give equal bytes, whenever they come.
    """

    def __init__(
        self, path: Path, geobox: GeoBox, spec: ModelSpec, *, classes: bool = False,
        threads: int = 1,
    ) -> None:
        """Begin a file.

        Args:
            path: of the new file.
            geobox: the model's grid.
            spec: the model.
            classes: write classes, by the model's thresholds.
            threads: that compress.

        Raises:
            OutputError: the file cannot be written.
        """
        names = ("class",) if classes else tuple(one.name for one in spec.classes)
        tags = {"GEOSEG_MODEL": spec.name, "GEOSEG_SPEC": spec.to_json()}
        if classes:
            tags |= class_tags()
        self._spec = spec if classes else None
        self._writer = MaskWriter(
            path, geobox, names, tags=tags, colors=COLORS if classes else None, threads=threads
        )

    def __enter__(self) -> GrowingMask:
        self._writer.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.__exit__(*error)

    def follow(self, cores: StoredCores, *, strips: int | None = None) -> None:
        """Write the rows that are done, so many strips of them at most; None for all.

        Raises:
            OutputError: the file cannot be written.
        """
        source = cores if self._spec is None else ClassStrips(cores, self._spec)
        self._writer.follow(source, cores.complete, strips=strips)
