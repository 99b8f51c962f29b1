"""What the tools give back: paths, counts, and how they show themselves in a notebook."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoseg.learning.log_csv import LOG, logged
from geoseg.run.plan import Plan
from geoseg.tools.notebook import show, show_mask, show_training

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True, slots=True)
class Result:
    """What `vectorize` or `polygonize` made."""

    path: Path
    """The vector file."""
    count: int
    """How many parcels are in it."""
    layer: str = "parcels"
    """The layer's name."""
    report: dict[str, Any] = field(default_factory=dict)
    """Scene, model, options, seconds."""

    def _repr_html_(self) -> str:
        """Show the parcels in a notebook."""
        if not self.path.is_file():  # a dry run
            return f"<div>{html.escape(str(self.path))} is not there</div>"
        return show(self.parcels, f"{self.count} parcels in {self.path}")

    @property
    def parcels(self) -> GeoDataFrame:
        """Read the parcels."""
        return _read(self.path, self.layer)

    @property
    def lines(self) -> GeoDataFrame | None:
        """Read the borders; None if none were asked for."""
        made = self.report.get("lines")
        return None if made is None else _read(Path(made["path"]), made["layer"])


def _read(path: Path, layer: str) -> GeoDataFrame:
    from geoseg.vector import read_table  # needs memory, and `predict` does not

    return read_table(path, layer=layer if path.suffix == ".gpkg" else None)


@dataclass(frozen=True, slots=True)
class MaskResult:
    """What `predict` made."""

    path: Path
    """The probability raster."""
    plan: Plan
    """What was planned."""
    report: dict[str, Any]
    """Scene, model, options, seconds."""

    def _repr_html_(self) -> str:
        """Show the probabilities in a notebook."""
        return show_mask(self.path)


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What `train` made."""

    path: Path
    """The model file."""
    scores: dict[str, float]
    """Of the model that was kept, on the held-out chips."""
    steps: int
    """Updates done."""
    seconds: float
    """Time of the run, earlier parts of it included."""

    def _repr_html_(self) -> str:
        """Show the validations in a notebook: curves and a table."""
        title = f"{self.path}: {self.steps} steps in {self.seconds:.0f} s"
        return show_training(self.validations, title)

    @property
    def validations(self) -> list[dict[str, str]]:
        """Read the log: one row per validation, with step, losses and scores."""
        return logged(self.path.with_suffix(".training") / LOG)
