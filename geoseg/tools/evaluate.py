"""Parcels and truth -> scores."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import shapely

import geoseg
from geoseg.errors import OptionError, VectorError
from geoseg.evaluation import Comparison, Distances, SizeClass, judge, plan_blocks, tally
from geoseg.grid import bounds_text
from geoseg.publish import publishing
from geoseg.raster import Scene
from geoseg.run.progress import Progress, silent
from geoseg.tools.common_ground import comparison_crs, same_ground
from geoseg.tools.evaluate_result import EvaluateResult
from geoseg.tools.evaluation_map import Evidence
from geoseg.tools.evaluation_report import write_report
from geoseg.tools.inputs import LayerLike, RasterLike, as_paths
from geoseg.tools.judging import Task
from geoseg.tools.layers import Layer, joint_bounds
from geoseg.tools.size_classes import size_classes
from geoseg.vector import read_geometries

log = logging.getLogger(__name__)

METRES = (1.0, 2.0, 5.0)
"""Distances where no pixel is known."""
PIXELS = (1.0, 2.0, 5.0)
"""Distances where one is, in pixels."""


@as_paths(rasters=("scene",), layers=("parcels", "truth", "aoi", "ignore"))
def evaluate(
    parcels: LayerLike | RasterLike,
    truth: LayerLike | RasterLike,
    *,
    layer: str | None = None,
    truth_layer: str | None = None,
    aoi: LayerLike | None = None,
    ignore: LayerLike | None = None,
    class_field: str = "class",
    distances: Sequence[float] | None = None,
    sizes: Sequence[float] | None = None,
    block: float | None = None,
    report: str | Path | None = None,
    scene: RasterLike | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> EvaluateResult:
    """Score parcels against a truth: what is covered, which parcels were found, and how well.

    Args:
        parcels: vector file, GeoDataFrame, what `vectorize` gave, or raster of labels (path, open
            rasterio dataset, (array, GeoBox), DataArray with rioxarray), of the parcels to judge.
        truth: the same, of the true ones. Of a raster, each label above 0 is a parcel, 0 is
            none, and the truth below 0 or without data is not known.
        layer: of the parcels, None for the only one.
        truth_layer: of the truth, None for the only one.
        aoi: vector file or table; only what lies in its polygons counts.
        ignore: vector file or table, such as of towns; what lies in its polygons does not count.
        class_field: column with the class, of both layers; no scores per class without it.
        distances: tolerances for borders in metres on the ground; None: 1, 2 and 5 pixels, or
            metres where no pixel is known.
        sizes: areas in square metres that part the size classes; None: those of field statistics.
        block: side in metres of the blocks that intervals are drawn from; None: a tenth.
        report: HTML file to write: map, charts, and the worst parcels.
        scene: raster to show in it.
        overwrite: replace an existing report.
        progress: takes the events.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    started = time.monotonic()
    if scene is not None and report is None:
        raise OptionError("--scene is shown in the report; say with --report where that goes")
    with ExitStack() as close:
        page = None
        if report is not None:
            page = close.enter_context(publishing(report, overwrite=overwrite))
        view = None if scene is None else close.enter_context(Scene(scene))
        found = Layer(parcels, layer=layer, field=class_field, close=close)
        true = Layer(truth, layer=truth_layer, field=class_field, close=close)
        same_ground(found, true)
        _check_labels(true)
        task = _task(true, found, aoi, ignore, distances, block, close)
        evidence = _compared(task, aoi, progress)
        about = {
            "geoseg": geoseg.__version__, "parcels": Path(parcels).name,
            "truth": Path(truth).name, "block": task.blocks.side,
            "seconds": round(time.monotonic() - started, 3),
        }
        made = _counted(evidence, task.distances, size_classes(sizes, _unit(true)), about)
        if page is not None:
            write_report(page, made, evidence, view)
        return made


def _compared(task: Task, aoi: str | Path | None, progress: Progress) -> Evidence:
    """Compare the layers, and say which parcels match."""
    comparison, kinds = task.run(progress)
    if not len(comparison.pairs.common):
        _warn_apart(task)
    judged = judge(comparison)
    if aoi is not None and not judged.truth_counts.any():
        raise VectorError(f"{task.truth.path} has no polygons in the area of {aoi}; check both")
    return Evidence(task.truth, task.predicted, comparison, judged, task.blocks, kinds)


def _counted(
    evidence: Evidence, distances: Distances, sizes: tuple[SizeClass, ...], about: dict[str, Any]
) -> EvaluateResult:
    """Count what was compared, by block, class and size."""
    truth, found = evidence.truth, evidence.predicted
    counts = tally(
        evidence.comparison, evidence.judged, block=evidence.blocks.block_of,
        kinds=evidence.kinds if _share_classes(evidence.comparison) else (), sizes=sizes,
    )
    return EvaluateResult(
        counts, _unit(truth), distances.near, truth.pixel or found.pixel, about
    )


def _task(
    truth: Layer, found: Layer, aoi: str | Path | None, ignore: str | Path | None,
    distances: Sequence[float] | None, block: float | None, close: ExitStack,
) -> Task:
    crs = comparison_crs(truth)
    area = None if aoi is None else shapely.union_all(read_geometries(aoi, crs=crs))
    void = None
    if ignore is not None:
        void = Layer(ignore, layer=None, field="", close=close)
        same_ground(void, truth)
    for one in (truth, found, void):
        if one is not None:
            one.place(crs)
    near = _distances(distances, truth.pixel or found.pixel)
    bounds = joint_bounds(truth, found)
    blocks = plan_blocks(bounds, max(truth.count, found.count), side=block)
    return Task(truth, found, blocks, Distances(near, near[-1]), area, void)


def _warn_apart(task: Task) -> None:
    """Say where the layers are whose parcels never touch."""
    if task.predicted.count and task.truth.count:
        places = [f"{one.path} spans {bounds_text(one.bounds)}"
                  for one in (task.predicted, task.truth)]
        log.warning("no parcel lies on a true one: %s; is it the same ground?", "; ".join(places))


def _distances(given: Sequence[float] | None, pixel: float | None) -> tuple[float, ...]:
    if given is None:
        return METRES if pixel is None else tuple(n * pixel for n in PIXELS)
    near = tuple(sorted(set(map(float, given))))
    if not near or near[0] <= 0 or not math.isfinite(near[-1]):
        raise OptionError(f"--distances is {','.join(map(str, given))}, wanted numbers above 0")
    return near


def _unit(truth: Layer) -> str:
    if truth.crs is not None:
        return "m2"
    return "pixels" if truth.pixel == 1 else "squared units"


def _share_classes(comparison: Comparison) -> bool:
    """Tell whether both layers name classes and at least one name is in both."""
    common = np.intersect1d(comparison.truth.kind, comparison.predicted.kind)
    return len(common) > 0


def _check_labels(truth: Layer) -> None:
    if not truth.is_raster:
        return
    if truth.count == 1:
        log.warning(
            "%s has one label only, so it is judged as one parcel; if it is a class raster, "
            "make a label of each field first: geoseg polygonize", truth.path,
        )
    if truth.nodata == 0:
        log.warning(
            "0 is no data in %s, so ground outside its parcels is not known and false parcels "
            "there do not count; unset it if 0 means no parcel: gdal_edit -unsetnodata",
            truth.path,
        )
