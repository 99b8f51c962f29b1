"""Probability, class or label raster -> polygons that fit together."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import geoseg
from geoseg.errors import OptionError
from geoseg.publish import publishing
from geoseg.raster import MaskReader
from geoseg.run import facts
from geoseg.run.plan import label_strip
from geoseg.run.progress import Progress, silent, stage
from geoseg.run.workspace import Workspace, workspace
from geoseg.spec import ModelSpec
from geoseg.tools.inputs import LayerLike, RasterLike, as_paths
from geoseg.tools.lines import DEFAULT_LAYER, LineOutput, OpenLines, collecting_lines
from geoseg.tools.parcels import LineChoice, line_options, write_probabilities
from geoseg.tools.rebuild import SNAP, rebuild, refuse_with_lines
from geoseg.tools.result import Result
from geoseg.vector import check_output, write_parcels
from geoseg.vectorizer import announce
from geoseg.vectorizer import parcels as draw_parcels

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ValueStrips:
    """One band of a class or label raster, as strips of whole rows."""

    raster: MaskReader
    """The opened raster."""
    band: int
    """From 1."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.raster.shape

    def read(self, row_start: int, row_stop: int) -> NDArray[np.integer]:
        """Read (rows, width) values."""
        return self.raster.read_band(self.band, row_start, row_stop)


@dataclass(frozen=True, slots=True)
class ValueChoice:
    """What the user chose about a class or label raster."""

    band: int | None
    """From 1; None: the only one."""
    field: str
    """Name of the attribute that holds the pixels' value."""
    nodata: int | None
    """Value that makes no polygon; None: the raster's own."""
    connectivity: int
    """4 or 8."""


@as_paths(rasters=("mask",), layers=("parcels",))
def polygonize(
    mask: RasterLike | None,
    out: str | Path,
    *,
    layer: str = "parcels",
    band: int | None = None,
    field: str = "value",
    nodata: int | None = None,
    connectivity: int = 4,
    simplify: float | None = None,
    threshold: float | None = None,
    min_area: float | None = None,
    min_confidence: float | None = None,
    simplify_by: str = "dp",
    instances: str = "basins",
    shape: str = "plain",
    trim: float | None = None,
    lines: str | Path | None = None,
    lines_layer: str = DEFAULT_LAYER,
    parcels: LayerLike | None = None,
    snap: float = SNAP,
    tile: int | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    progress: Progress = silent,
) -> Result:
    """Make polygons of a raster; neighbours share identical borders.

    A probability raster of `predict` becomes parcels, as in `vectorize`. Of any other raster of
    integers every region of equal values becomes a polygon: no minimum area, no hole filled.
    Without a raster, border lines that were corrected become parcels again: see
    `geoseg.tools.rebuild`.

    Args:
        mask: the raster, in any form that `vectorize` takes; None to build parcels of `lines`.
        out: vector file; its suffix chooses the format.
        layer: name of the layer.
        band: of a class or label raster, from 1; None: the only one.
        field: name of the attribute that holds the pixels' value.
        nodata: value that makes no polygon; None: the raster's own.
        connectivity: 4, or 8 to join pixels that touch at a corner.
        simplify: tolerance in metres on the ground. None: 0 for values, one pixel for
            probabilities.
        simplify_by: as in `vectorize`.
        threshold: as in `vectorize`; for probabilities only.
        min_area: as in `vectorize`; for probabilities only.
        min_confidence: as in `vectorize`; for probabilities only.
        instances: as in `vectorize`; for probabilities only.
        shape: as in `vectorize`.
        trim: as in `vectorize`; None: 0 for values, four pixels for probabilities.
        lines: where to write the borders as lines too, as in `vectorize`; without a mask, the
            lines to read.
        lines_layer: name of their layer.
        parcels: without a mask: old parcels, whose numbers and attributes are kept.
        snap: without a mask: metres within which a loose end is led to a line.
        tile: rows that are worked on at once; the result does not depend on it.
        threads: on the CPU; None: all. The result does not depend on them.
        overwrite: replace an existing layer.
        restart: throw away what an unfinished run left.
        progress: takes the events.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    if mask is None:
        return _rebuilt(
            lines, out, lines_layer=lines_layer, layer=layer, parcels=parcels, snap=snap,
            overwrite=overwrite, unfit={
                "band": band, "nodata": nodata, "simplify": simplify, "threshold": threshold,
                "min_area": min_area, "min_confidence": min_confidence, "trim": trim,
                "field": None if field == "value" else field,
                "connectivity": None if connectivity == 4 else connectivity,
                "simplify_by": None if simplify_by == "dp" else simplify_by,
                "instances": None if instances == "basins" else instances,
                "shape": None if shape == "plain" else shape,
            },
        )
    if parcels is not None:
        raise OptionError("--parcels is for building parcels of --lines, without a MASK")
    if connectivity not in (4, 8):
        raise OptionError(f"--connectivity is {connectivity}, wanted 4 or 8")
    check_output(out, layer)
    choice = LineChoice(
        threshold, min_area, simplify, instances, shape, min_confidence, simplify_by, trim
    )
    return _made(
        mask, Path(out), choice, ValueChoice(band, field, nodata, connectivity), layer=layer,
        strip=tile,
        borders=LineOutput.of(lines, lines_layer, out, layer), overwrite=overwrite,
        restart=restart, progress=progress, threads=threads,
    )


def _made(
    mask: str, out: Path, choice: LineChoice, values: ValueChoice, *, layer: str,
    borders: LineOutput, strip: int | None, restart: bool, **options: Any,
) -> Result:
    """Make polygons of a raster, or know them again from a run that was killed."""
    started = time.monotonic()
    about = facts.of_software() | facts.of_file("mask", mask) | choice.as_dict() | asdict(values)
    about |= {"command": "polygonize", "layer": layer, "format": out.suffix.lower()}
    announce()
    with MaskReader(mask) as raster:
        report: dict[str, Any] = {"mask": Path(mask).name, "geoseg": geoseg.__version__}
        if raster.is_probability:
            report["options"] = choice.as_dict()
        else:
            values = replace(values, band=_integer_band(raster, values.band))
        with workspace(out, about, inputs=(mask,), restart=restart) as work:
            done = work.published("parcels", out) or _publish(
                raster, out, work, choice, values, strip=strip or label_strip(raster.shape[1]),
                layer=layer, borders=borders, report=report, **options,
            )
    count = done["count"]
    report |= {"seconds": round(time.monotonic() - started, 3), "parcels": count}
    report |= borders.about(done.get("lines", 0))
    if count == 0:
        log.warning("%s has no regions; %s has an empty layer", mask, out)
    return Result(out, count, layer, report)


def _rebuilt(
    lines: str | Path | None, out: str | Path, *, unfit: Mapping[str, Any], **options: Any
) -> Result:
    """Build parcels of lines; `unfit` are the options that need a raster."""
    refuse_with_lines(**unfit)
    if lines is None:
        raise OptionError(f"there is no MASK to make {out} of; give one, or corrected --lines")
    return rebuild(lines, out, **options)


def _publish(
    raster: MaskReader,
    out: Path,
    work: Workspace,
    choice: LineChoice,
    values: ValueChoice,
    *,
    strip: int,
    layer: str,
    borders: LineOutput,
    report: dict[str, Any],
    overwrite: bool,
    progress: Progress,
    threads: int | None,
) -> Mapping[str, Any]:
    """Make the polygons; return what is noted about them."""
    layers, predicted = borders.layers(layer), raster.is_probability
    with publishing(out, overwrite=overwrite, layer=layers, lock=False) as partial:
        with collecting_lines(
            borders, partial, work, predicted=predicted, overwrite=overwrite
        ) as lines:
            if predicted:
                counts = write_probabilities(
                    raster, partial, ModelSpec.from_json(raster.tags["GEOSEG_SPEC"]), choice,
                    layer=layer, report=report, scratch=work.folder, progress=progress,
                    lines=lines, threads=threads,
                )
            else:
                counts = _write_regions(
                    raster, partial, values, choice, strip=strip, layer=layer,
                    report=report, progress=progress, lines=lines, threads=threads,
                )
        return work.note_result("parcels", partial, count=counts[0], lines=counts[1])


def _write_regions(
    raster: MaskReader,
    out: Path,
    values: ValueChoice,
    choice: LineChoice,
    *,
    strip: int,
    layer: str,
    report: dict[str, Any],
    progress: Progress,
    lines: OpenLines | None,
    threads: int | None,
) -> tuple[int, int]:
    """Write every region of equal values as a polygon; return how many, and how many lines."""
    skip = raster.nodata if values.nodata is None else values.nodata
    options = line_options(
        raster.geobox, choice, 0.0, 0.0, connectivity=values.connectivity, **_nodata(skip),
    )
    batches = draw_parcels(
        ValueStrips(raster, values.band), raster.geobox, options=options,
        strip=strip, progress=stage(progress, "draw polygons", raster.shape[0]),
        lines=None if lines is None else lines.store.add, threads=threads,
    )
    count = write_parcels(
        out, batches, crs=raster.geobox.crs, layer=layer, metadata=report,
        value_field=values.field, multi=values.connectivity == 8,
    )
    return count, 0 if lines is None else lines.write(raster.geobox.crs, report)


def _nodata(value: float | None) -> dict[str, Any]:
    """Give the vectorizer's options for the value that makes no polygon."""
    return {"skip": ()} if value is None else {"skip": (int(value),), "nodata": int(value)}


def _integer_band(raster: MaskReader, band: int | None) -> int:
    """Choose the band of classes or labels, and check that it is one."""
    if band is None and raster.count > 1:
        raise OptionError(
            f"{raster.path} has {raster.count} bands and is no mask of geoseg predict; for parcels "
            "of a scene use geoseg vectorize, for one band of classes or labels say --band"
        )
    band = band or 1
    if not 1 <= band <= raster.count:
        raise OptionError(f"{raster.path} has {raster.count} bands; --band was {band}")
    if not np.issubdtype(np.dtype(raster.dtype), np.integer):
        raise OptionError(
            f"{raster.path} has {raster.dtype} pixels, wanted integers (classes or labels); "
            "round it first, or give a probability raster of geoseg predict"
        )
    return band
