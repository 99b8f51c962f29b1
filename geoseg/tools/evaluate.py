"""Parcels and truth -> scores."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

import geoseg
from geoseg.errors import OptionError, VectorError
from geoseg.evaluation import (
    Comparison,
    Distances,
    ParcelCounts,
    Tally,
    intervals,
    judge,
    plan_blocks,
    scores,
    tally,
)
from geoseg.evaluation.tally import TOTAL
from geoseg.grid import bounds_text
from geoseg.publish import publishing
from geoseg.raster import Scene
from geoseg.run.progress import Progress, silent
from geoseg.tools.common_ground import comparison_crs, same_ground
from geoseg.tools.evaluation_map import Evidence
from geoseg.tools.evaluation_report import write_report
from geoseg.tools.inputs import LayerLike, RasterLike, as_paths
from geoseg.tools.judging import Task
from geoseg.tools.layers import Layer, joint_bounds
from geoseg.tools.notebook import show_scores
from geoseg.tools.size_classes import size_classes
from geoseg.vector import read_geometries

log = logging.getLogger(__name__)

METRES = (1.0, 2.0, 5.0)
"""Distances where no pixel is known."""
PIXELS = (1.0, 2.0, 5.0)
"""Distances where one is, in pixels."""


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """The scores of one set of parcels against one truth; results of several scenes add up."""

    tally: Tally
    """Counts by block and group."""
    unit: str
    """Of areas: m2; squared units or pixels without a CRS."""
    distances: tuple[float, ...]
    """Tolerances of boundary scores 1, 2, 3 ..., in metres or units of the CRS."""
    pixel: float | None = None
    """Side of a pixel in the same unit, where one is known."""
    about: dict[str, Any] = field(default_factory=dict)
    """Version, names of the files, side of the blocks, seconds."""

    def __add__(self, other: EvaluateResult) -> EvaluateResult:
        """Add the counts of another scene.

        Raises:
            ValueError: it was judged at other distances.
        """
        if self.distances != other.distances:
            raise ValueError(f"distances differ: {self.distances} and {other.distances}")
        return EvaluateResult(self.tally + other.tally, self.unit, self.distances, self.pixel)

    def _repr_html_(self) -> str:
        """Show the scores in a notebook."""
        return show_scores(self)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups: all, then classes and size classes."""
        return self.tally.groups

    @property
    def scores(self) -> dict[str, float]:
        """Give every score of all parcels by its name; NaN where nothing can be divided."""
        return self.scores_of(TOTAL)

    def scores_of(self, group: str) -> dict[str, float]:
        """Give every score of a group."""
        return {name: float(value) for name, value in scores(self.tally.pooled(group)).items()}

    def intervals_of(self, group: str = TOTAL) -> dict[str, tuple[float, float]]:
        """Give how far chance could move each score of a group; {} for too few blocks."""
        return intervals(self.tally, group)

    @property
    def counts(self) -> dict[str, float]:
        """Give what the scores of all parcels are ratios of; areas are in `unit`."""
        return self.tally.pooled()

    @property
    def parcel_counts(self) -> ParcelCounts:
        """The counts at an IoU above 0.5."""
        c = self.counts
        whole = (c["truth"], c["predicted"], c["matched@0.5"])
        return ParcelCounts(*map(round, whole), c["iou"], round(c["split"]), round(c["merged"]))

    def as_dict(self) -> dict[str, Any]:
        """Give scores, intervals and counts for JSON; what is NaN becomes None."""
        groups = {
            name: {
                "scores": _plain(self.scores_of(name)),
                "intervals": {
                    key: [_number(low), _number(high)]
                    for key, (low, high) in self.intervals_of(name).items()
                },
                "counts": self.tally.pooled(name),
            }
            for name in self.groups
        }
        near = [
            {"metres" if self.unit == "m2" else "units": one,
             "pixels": None if self.pixel is None else one / self.pixel}
            for one in self.distances
        ]
        return _plain(self.scores) | {
            "unit": self.unit, "distances": near, "blocks": len(self.tally.counts),
            "groups": groups, **self.about,
        }


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
        comparison, kinds = task.run(progress)
        if not len(comparison.pairs.common):
            _warn_apart(task)
        judged = judge(comparison)
        if aoi is not None and not judged.truth_counts.any():
            raise VectorError(f"{truth} has no polygons in the area of {aoi}; check both")
        unit = _unit(true)
        counts = tally(
            comparison, judged, block=task.blocks.block_of,
            kinds=kinds if _share_classes(comparison) else (),
            sizes=size_classes(sizes, unit),
        )
        about = {
            "geoseg": geoseg.__version__, "parcels": Path(parcels).name,
            "truth": Path(truth).name, "block": task.blocks.side,
            "seconds": round(time.monotonic() - started, 3),
        }
        made = EvaluateResult(counts, unit, task.distances.near, true.pixel or found.pixel, about)
        if page is not None:
            evidence = Evidence(task.truth, task.predicted, comparison, judged, task.blocks, kinds)
            write_report(page, made, evidence, view)
        return made


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


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
