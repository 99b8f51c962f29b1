"""Probability raster -> parcels in a vector file: the second half of the main job."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geoseg.errors import OptionError
from geoseg.grid import GeoBox
from geoseg.ground import pixel_size
from geoseg.raster import MaskReader
from geoseg.run.joined import Joined
from geoseg.run.cores import StoredCores
from geoseg.run.plan import label_strip
from geoseg.run.progress import Progress, stage
from geoseg.spec import Instances, ModelSpec
from geoseg.tools.lines import OpenLines
from geoseg.vector import write_parcels
from geoseg.vectorizer import (
    LabelOptions, LineOptions, ParcelBatch, announce, label, parcels,
)
from geoseg.vectorizer.shaped import StripSource

MIN_PIXELS = 16
"""A smaller piece is noise at any resolution, unless the user says otherwise."""
SIMPLIFY_PIXELS = 1.0
"""Default tolerance: the stairs of the pixel grid go, what is larger stays."""
TRIM_PIXELS = 4.0
"""Default width of spurs that are trimmed off parcels: that of the borders that models learn."""
REGULAR_PIXELS = 3.0
"""Default tolerance of regular borders: so far may a border wander about a straight line."""


Probabilities = MaskReader | StoredCores | Joined
"""A probability raster as strips of whole rows."""


@dataclass(frozen=True, slots=True)
class LineChoice:
    """What the user chose about parcels; None: the model's or the grid's own."""

    threshold: float | None = None
    """Parcel probability, 0 to 1."""
    min_area: float | None = None
    """Square metres."""
    simplify: float | None = None
    """Metres."""
    instances: str = "basins"
    """basins or components."""
    shape: str = "plain"
    """plain, smooth or regular."""
    min_confidence: float | None = None
    """Mean parcel probability of a parcel, 0 to 1."""
    simplify_by: str = "dp"
    """dp (Douglas-Peucker) or vw (Visvalingam-Whyatt)."""
    trim: float | None = None
    """Metres."""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise OptionError(f"--threshold is {self.threshold}, wanted above 0 and below 1")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise OptionError(f"--min-confidence is {self.min_confidence}, wanted 0 to 1")
        if self.instances not in ("basins", "components"):
            raise OptionError(f"--instances is {self.instances!r}, wanted basins or components")
        if self.simplify_by not in ("dp", "vw"):
            raise OptionError(f"--simplify-by is {self.simplify_by!r}, wanted dp or vw")
        for name in ("min_area", "simplify", "trim"):
            value, name = getattr(self, name), f"--{name.replace('_', '-')}"
            if value is not None and not 0 <= value < math.inf:
                raise OptionError(f"{name} is {value}, wanted 0 or more")

    def as_dict(self) -> dict[str, float | str | None]:
        """Give the fields, for the provenance."""
        return asdict(self)


def label_options(geobox: GeoBox, model: Instances, choice: LineChoice) -> LabelOptions:
    """Turn thresholds and areas on the ground into pixels of a grid."""
    across, down = pixel_size(geobox)
    if choice.min_area is None:
        smallest = max(model.min_area_m2 / (across * down), MIN_PIXELS)
    else:
        smallest = choice.min_area / (across * down)
    return LabelOptions(
        method=choice.instances,
        parcel=model.parcel if choice.threshold is None else choice.threshold,
        boundary=model.boundary,
        merge=model.merge,
        neck=model.neck,
        min_area_pixels=smallest,
        max_hole_pixels=smallest,
        confidence=(
            model.confidence if choice.min_confidence is None else choice.min_confidence
        ),
    )


def line_options(
    geobox: GeoBox, choice: LineChoice, default_pixels: float, trim_pixels: float, **more: Any
) -> LineOptions:
    """Turn metres on the ground, or the defaults in pixels, into the vectorizer's options."""
    across, down = pixel_size(geobox)
    if choice.shape != "plain":
        default_pixels = REGULAR_PIXELS if choice.shape == "regular" else SIMPLIFY_PIXELS
        if choice.simplify == 0:
            raise OptionError("--simplify 0 keeps the stairs of the pixels: without --smooth and "
                              "--regularize")
    side = math.sqrt(across * down)
    metres = default_pixels * side if choice.simplify is None else choice.simplify
    if metres == 0:
        if choice.trim:
            raise OptionError("--trim is for borders without stairs; give --simplify METRES too")
        return LineOptions(tolerance=0, method="none", smooth="none", **more)
    return LineOptions(
        tolerance=metres / side, method=choice.simplify_by, shape=choice.shape,
        trim=trim_pixels if choice.trim is None else choice.trim / side, **more,
    )


def write_probabilities(
    probabilities: Probabilities,
    out: Path,
    spec: ModelSpec,
    choice: LineChoice,
    *,
    layer: str,
    report: dict[str, Any],
    scratch: Path,
    progress: Progress,
    lines: OpenLines | None = None,
    threads: int | None = None,
) -> tuple[int, int]:
    """Make parcels of a probability raster and write them, and their borders where wanted.

    Returns:
        How many parcels and how many lines.

    Raises:
        RasterError: the probabilities cannot be read.
        OutputError: the file cannot be written.
    """
    announce()
    labels = label(
        probabilities,
        options=label_options(probabilities.geobox, spec.instances, choice),
        scratch=scratch,
        strip=label_strip(probabilities.shape[1]),
        progress=stage(progress, "find parcels", probabilities.shape[0]),
    )
    batches = drawn(
        labels, probabilities, choice, progress=progress, lines=lines, threads=threads
    )
    crs = probabilities.geobox.crs
    count = write_parcels(out, batches, crs=crs, layer=layer, metadata=report)
    return count, 0 if lines is None else lines.write(crs, report)


def drawn(
    labels: StripSource,
    probabilities: Probabilities,
    choice: LineChoice,
    *,
    progress: Progress,
    lines: OpenLines | None = None,
    threads: int | None = None,
) -> Iterator[ParcelBatch]:
    """Draw labelled parcels as polygons, in batches."""
    geobox = probabilities.geobox
    return parcels(
        labels,
        geobox,
        options=line_options(geobox, choice, SIMPLIFY_PIXELS, TRIM_PIXELS),
        probabilities=probabilities,
        strip=label_strip(geobox.width),
        progress=stage(progress, "draw parcels", geobox.height),
        lines=None if lines is None else lines.store.add,
        threads=threads,
    )
