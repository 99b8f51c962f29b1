"""Borders as lines beside the parcels: in a file of their own, or a second layer of the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoseg.errors import OptionError
from geoseg.publish import publishing
from geoseg.run.workspace import Workspace
from geoseg.vector import LineStore, check_output, line_store

DEFAULT_LAYER = "lines"
"""Name of the layer of borders."""


@dataclass(frozen=True, slots=True)
class LineOutput:
    """Where the borders go, if they are wanted."""

    path: Path | None
    """None: no lines."""
    layer: str
    """Name of their layer."""
    shared: bool
    """True where they are a second layer of the parcels' GeoPackage."""

    @classmethod
    def of(
        cls, lines: str | Path | None, lines_layer: str, out: str | Path, layer: str
    ) -> LineOutput:
        """Check what the user chose.

        Raises:
            OptionError: an unknown suffix, a bad layer name, or two results in one place.
        """
        if lines is None:
            return cls(None, lines_layer, False)
        check_output(lines, lines_layer)
        same = Path(lines).resolve() == Path(out).resolve()
        if same and Path(out).suffix.lower() != ".gpkg":
            raise OptionError(f"--lines is {lines}, the parcels' file; only a .gpkg holds both")
        if same and lines_layer.lower() == layer.lower():
            raise OptionError(f"--lines-layer is {lines_layer}, the parcels' layer; name another")
        return cls(Path(lines), lines_layer, same)

    def layers(self, layer: str) -> tuple[str, ...]:
        """Name the layers that the parcels' file gets."""
        return (layer, self.layer) if self.shared else (layer,)

    def about(self, count: int) -> dict[str, Any]:
        """Say where the lines are and how many, for the report."""
        if self.path is None:
            return {}
        return {"lines": {"path": str(self.path), "layer": self.layer, "lines": count}}


@dataclass(frozen=True, slots=True)
class OpenLines:
    """Lines that are being collected, and where they will be written."""

    store: LineStore
    """Takes the batches."""
    partial: Path
    """The file to write."""
    layer: str
    """Its layer."""

    def write(self, crs: str | None, report: Mapping[str, Any]) -> int:
        """Write the collected lines, once the parcels are written; return how many."""
        return self.store.write(self.partial, crs=crs, layer=self.layer, metadata=report)


@contextmanager
def collecting_lines(
    output: LineOutput, partial: Path, work: Workspace, *, predicted: bool, overwrite: bool
) -> Iterator[OpenLines | None]:
    """Collect lines in the workspace; publish their own file, if they have one, at the end.

    Args:
        output: where they go.
        partial: the parcels' file in the making.
        work: the run's workspace.
        predicted: True where there are probabilities.
        overwrite: replace an existing file or layer.

    Yields:
        What takes the lines; None where none are wanted.
    """
    if output.path is None:
        yield None
        return
    ours = work.published("lines", output.path) is not None
    own = nullcontext(partial) if output.shared else publishing(
        output.path, overwrite=overwrite or ours, layer=output.layer
    )
    with own as path, line_store(work.folder / "lines.arrow", predicted=predicted) as store:
        yield OpenLines(store, path, output.layer)
        if not output.shared:
            work.note_result("lines", path)
