"""Scene -> probability raster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from geoseg.publish import publishing
from geoseg.run.plan import Plan
from geoseg.run.progress import Progress, silent
from geoseg.run.workspace import Workspace, workspace
from geoseg.tools.inputs import RasterLike, as_paths
from geoseg.tools.predict_job import PredictJob, PredictOptions, provenance
from geoseg.tools.result import MaskResult
from geoseg.tools.scene import Prepared
from geoseg.tools.scene_list import read_scenes


@as_paths(rasters=("scene",), layers=("aoi",))
def predict(
    scene: RasterLike,
    mask: str | Path,
    *,
    classes: bool = False,
    overwrite: bool = False,
    restart: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> MaskResult:
    """Predict parcel and boundary probabilities of a scene, on the model's grid.

    Args:
        scene: the raster: a path, a URL, a STAC item, a folder of scenes on one grid, an open
            rasterio dataset, (array, GeoBox), or a DataArray with rioxarray.
        mask: GeoTIFF to write: one uint8 band per class, value / 254 is the probability, 255
            is no data. It lies exactly over the scene; where the scene was resampled its pixels
            are a whole number of times coarser or finer.
        classes: write one band of classes instead, with names and a colour table, for maps: 0
            background, 1 parcel, 2 boundary, 255 no data, by the model's thresholds.
        overwrite: replace an existing mask.
        restart: throw away what an unfinished run left; without it the run goes on there.
        dry_run: plan only, write nothing.
        progress: takes the events.
        options: fields of PredictOptions.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    started, scenes = time.monotonic(), read_scenes([scene])
    job = PredictJob(PredictOptions(**options))
    with job.prepared(scenes) as prepared:
        plan = job.plan(prepared, progress, parcels=False, probe=dry_run)
        if not dry_run:
            about = job.facts(scenes, prepared, plan) | {"command": "predict"}
            with workspace(mask, about, inputs=(scene,), restart=restart) as work:
                if work.published("mask", mask) is None:
                    _publish(mask, job, prepared, plan, work, overwrite, progress, classes)
    report = provenance(scenes, job.spec, prepared.bands)
    report |= {"plan": plan.as_dict(), "steps": job.steps}
    report["seconds"] = round(time.monotonic() - started, 3)
    return MaskResult(Path(mask), plan, report)


def _publish(
    mask: str | Path, job: PredictJob, prepared: Prepared, plan: Plan, work: Workspace,
    overwrite: bool, progress: Progress, classes: bool,
) -> None:
    with publishing(mask, overwrite=overwrite, lock=False) as partial:
        with job.mask(partial, prepared.pixels.geobox, classes=classes) as rows:
            job.run(prepared, plan, work, progress, rows)
        work.note_result("mask", partial)
