"""Scenes -> a plan of independent shards that any machine can work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoseg.crs import transformer
from geoseg.errors import OptionError
from geoseg.raster import Scene, grid_offset
from geoseg.run import facts
from geoseg.run.progress import Progress, silent
from geoseg.run.shards import PLAN, SHARD_PIXELS, Mosaic, ShardPlan, cut_rows
from geoseg.run.store import Store, open_store
from geoseg.tools.parcels import LineChoice, label_options
from geoseg.tools.predict_job import PredictJob, PredictOptions, provenance
from geoseg.tools.scene import Prepared
from geoseg.tools.scene_list import read_scenes

CHOSEN_BY_WORKER = ("device", "threads", "batch", "memory", "profile")
"""Options that each machine may choose anew: they do not change the result."""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What `plan` made."""

    place: str
    """Where the plan and its shards lie."""
    plan: ShardPlan
    """The plan."""
    report: dict[str, Any]
    """For people and programs."""


def plan(
    scenes: Sequence[str | Path],
    out: str | Path,
    *,
    shard_rows: int | None = None,
    layer: str = "parcels",
    crs: str | None = None,
    restart: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> PlanResult:
    """Cut a job into shards and write the plan; nothing is predicted yet.

    Scenes on one pixel grid become one mosaic, in which each pixel is predicted once: where they
    overlap, the first that has data wins. Others are mosaics of their own.

    Args:
        scenes: rasters, or text files that list some; see `read_scenes`.
        out: folder that all machines see, or a URL such as s3://bucket/job.
        shard_rows: rows of a shard, rounded to whole tiles; the result does not depend on it.
        layer: name of the layer.
        crs: CRS of one output for all scenes; None: one output for each mosaic, in its own CRS.
        restart: replace another plan.
        progress: takes the events.
        options: fields of LineChoice and of PredictOptions.

    Raises:
        OptionError: another plan is there, or the model is not exact.
        GeosegError: one of its kinds, with what to do.
    """
    made = make_shards(
        scenes, shard_rows=shard_rows, layer=layer, crs=crs, progress=progress, **options
    )
    store = open_store(out)
    _refuse_other(store, made, restart)
    made.save(store)
    return PlanResult(str(out), made, _report(made))


def make_shards(
    scenes: Sequence[str | Path],
    *,
    shard_rows: int | None = None,
    layer: str = "parcels",
    crs: str | None = None,
    progress: Progress = silent,
    **options: Any,
) -> ShardPlan:
    """Cut a job into shards; arguments and errors as in `plan`."""
    about_parcels = {field.name for field in fields(LineChoice)} & set(options)
    choice = LineChoice(**{name: options.pop(name) for name in about_parcels})
    chosen = PredictOptions(**options)
    if chosen.profile is not None:
        raise OptionError("--profile works with one scene in one process only; leave it out")
    groups = _mosaics(read_scenes(scenes))
    job, device = _planning_job(chosen)
    if not job.spec.exact:
        raise OptionError(
            f"{job.spec.name} is not exact at any halo: its tiles are blended with their "
            "neighbours, which shards do not have; use geoseg vectorize"
        )
    mosaics: list[Mosaic] = []
    for paths in groups:
        with job.prepared(paths) as prepared:
            if crs is not None:
                transformer(prepared.pixels.geobox.crs, crs)
            whole = job.plan(prepared, progress)
            about = shard_facts(job, paths, prepared, choice, whole.core, device=device)
            wanted = shard_rows or max(1, SHARD_PIXELS // whole.width)
            rows = tuple(cut_rows(whole.height, core=whole.core, rows=wanted))
            name = _name(paths[0], len(groups), len(mosaics))
            made_of = provenance(paths, job.spec, prepared.bands)
            mosaics.append(Mosaic(name, tuple(paths), about, made_of, rows, whole.width))
    kept = {k: v for k, v in asdict(chosen).items() if k not in CHOSEN_BY_WORKER}
    return ShardPlan(
        tuple(mosaics), job.spec.to_json(), kept | {"device": device}, asdict(choice), layer, crs
    )


def shard_facts(
    job: PredictJob, paths: Sequence[str], prepared: Prepared, choice: LineChoice, core: int, *,
    device: str,
) -> dict[str, Any]:
    """Say what a shard's bytes depend on, the same on every machine.

    Args:
        job: the model.
        paths: the scenes.
        prepared: the scenes as the model wants them.
        choice: how parcels are made.
        core: side of a tile's core in pixels.
        device: cpu or cuda; their results differ in the last bit.
    """
    geobox = prepared.pixels.geobox
    about = facts.of_software() | facts.of_model(job.model_path)
    about |= facts.of_scene(paths[0], prepared.pixels)
    for path in paths[1:]:
        about |= facts.of_file(f"scene {Path(path).name}", path)
    if job.options.aoi is not None:
        about |= facts.of_file("aoi", job.options.aoi)
    # A copy of a file has another time than its original.
    about = {key: value for key, value in about.items() if not key.endswith(" time")}
    labels = label_options(geobox, job.spec.instances, choice)
    return about | {
        "bands": list(prepared.bands), "low": np.asarray(prepared.low).tolist(),
        "high": np.asarray(prepared.high).tolist(), "device": device, "tile": core,
        "extent": None if job.options.extent is None else list(job.options.extent),
        "precision": job.options.precision, "tta": job.options.tta, "labels": asdict(labels),
    }


def _planning_job(options: PredictOptions) -> tuple[PredictJob, str]:
    """Give a job to plan with, and the kind of its device; a GPU need not be here yet."""
    kind = options.device.partition(":")[0]
    try:
        job = PredictJob(replace(options, device=kind))
    except OptionError:
        if kind != "cuda":
            raise
        return PredictJob(replace(options, device="cpu")), kind
    return job, job.network.device.type


def _mosaics(paths: Sequence[str]) -> list[list[str]]:
    """Put scenes of one grid together, in their order."""
    groups: list[tuple[Any, list[str]]] = []
    for path in paths:
        with Scene(path) as scene:
            box = scene.geobox
        home = next((own for first, own in groups if grid_offset(first, box) is not None), None)
        if home is None:
            groups.append((box, [path]))
        else:
            home.append(path)
    return [own for _, own in groups]


def _name(path: str, count: int, number: int) -> str:
    return "" if count == 1 else f"{number + 1}-{Path(path).stem}"


def _refuse_other(store: Store, made: ShardPlan, restart: bool) -> None:
    if restart or PLAN not in store.names():
        return
    old = ShardPlan.load(store)
    changes = facts.differences(flat(old), flat(made))
    if changes:
        raise OptionError(
            f"{store} holds another plan ({changes}); use another --out, or pass --restart to "
            "replace it"
        )


def flat(plan: ShardPlan) -> Mapping[str, Any]:
    """Give all that a plan says, for comparison."""
    values = {"layer": plan.layer, "crs": plan.crs, **plan.choice, "mosaics": len(plan.mosaics)}
    for mosaic in plan.mosaics:
        mark = f"{mosaic.name} " if mosaic.name else ""
        values |= {f"{mark}{key}": value for key, value in mosaic.facts.items()}
        values[f"{mark}shards"] = [list(rows) for rows in mosaic.rows]
    return values


def _report(plan: ShardPlan) -> dict[str, Any]:
    shards = plan.shards
    return {
        "shards": len(shards), "pixels": sum(shard.pixels for shard in shards),
        "mosaics": [
            {"name": one.name, "scenes": len(one.scenes), "shards": len(one.rows)}
            for one in plan.mosaics
        ],
    }
