"""Scenes -> parcels through shards, in one command: here, or on the workers of a cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from geoseg.errors import OptionError
from geoseg.learning.devices import count_gpus
from geoseg.run.executors import run_here, run_on_dask
from geoseg.run.progress import Progress, silent, stage
from geoseg.run.shards import Shard, ShardPlan
from geoseg.run.store import Folder, Store, open_store
from geoseg.run.workspace import Workspace, workspace
from geoseg.tools.merge import Merge, outputs
from geoseg.tools.plan import flat, make_shards
from geoseg.tools.run import forget_model, run_shard
from geoseg.tools.result import Result
from geoseg.vector import check_output

log = logging.getLogger(__name__)

WORKER_OPTIONS = ("threads", "batch", "memory")
"""Options that are passed on to each shard."""


def vectorize_many(
    scenes: Sequence[str | Path],
    out: str | Path,
    *,
    dask: str | None = None,
    store: str | None = None,
    layer: str = "parcels",
    overwrite: bool = False,
    restart: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
    **chosen: Any,
) -> list[Result]:
    """Find the parcels of one or many scenes, shard by shard.

    The same shards, and so the same bytes, as `plan`, `run_shard` and `merge`. A run that was
    stopped goes on by the same command: shards that are done are kept.

    Args:
        scenes: as in `plan`.
        out: vector file; see `merge` for its name where there are several.
        dask: address of a scheduler, local, or local:N; None: this process alone.
        store: folder or URL for the shards, which all workers see; None: a hidden folder beside
            the output.
        layer: name of the layer.
        overwrite: replace an existing layer.
        restart: throw away what an unfinished run left.
        dry_run: plan only, write nothing.
        progress: takes the events.
        chosen: other arguments of `plan`.

    Returns:
        One result for each file.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    check_output(out, layer)
    gpus = _gpus(chosen, dask)
    if gpus:
        chosen, dask = chosen | {"device": "cuda"}, dask or "local"
    planned = make_shards(scenes, layer=layer, progress=progress, **chosen)
    if dry_run:
        return [Result(path, 0, layer, {"shards": len(planned.shards)})
                for path in outputs(planned, Path(out))]
    about = dict(flat(planned)) | {"command": "vectorize", "format": Path(out).suffix.lower()}
    inputs = [scene for mosaic in planned.mosaics for scene in mosaic.scenes]
    with workspace(out, about, inputs=inputs, restart=restart) as work:
        place = open_store(store or work.folder / "shards")
        planned.save(place)
        options = {name: chosen.get(name) for name in WORKER_OPTIONS}
        if dask is not None and chosen.get("threads") is None:
            options["threads"] = 1 if dask.startswith("local") and not gpus else None
        _predict(planned, place, work, options, dask, gpus, progress)
        made = list(_merged(planned, place, work, Path(out), overwrite, progress))
    return made


def _gpus(chosen: dict[str, Any], dask: str | None) -> int | None:
    """Say how many GPUs of this machine workers take; None where they need none."""
    device = chosen.get("device") or "auto"
    if device == "cuda:all":
        here = count_gpus()
        if here == 0:
            raise OptionError("no CUDA device for --device cuda:all; use cpu, or see geoseg doctor")
        return here
    return 1 if device.startswith("cuda") and dask is not None else None


def _predict(
    planned: ShardPlan, place: Store, work: Workspace, options: dict[str, Any],
    dask: str | None, gpus: int | None, progress: Progress,
) -> None:
    """Do the shards that are not in the store."""
    shards = planned.missing(place)
    total = sum(shard.pixels for shard in planned.shards)
    step = stage(progress, "predict", total)
    step(total - sum(shard.pixels for shard in shards))
    if len(shards) < len(planned.shards):
        log.info("%d of %d shards were done before", len(planned.shards) - len(shards),
                 len(planned.shards))

    def done(shard: Shard, made: dict[str, Any]) -> None:
        work.journal.add({"shard": shard.number})
        step(shard.pixels)

    url = str(place.path) if isinstance(place, Folder) else place.url
    task = partial(run_shard, url, **options)
    if dask is None:
        run_here(task, shards, done)
        forget_model()
    else:
        run_on_dask(task, shards, done, address=dask, gpus=gpus)


def _merged(
    planned: ShardPlan, place: Store, work: Workspace, out: Path, overwrite: bool,
    progress: Progress,
) -> Iterator[Result]:
    """Join the shards; a file that was published before a kill is known again."""
    for path, mosaics in outputs(planned, out).items():
        merge = Merge(planned, place, mosaics, path, progress)
        noted = work.published(path.name, path)
        if noted is not None:
            yield merge.result(noted["count"])
            continue
        yield merge.write(
            overwrite=overwrite, scratch=work.folder, lock=path != out,
            note=lambda partial, count: work.note_result(path.name, partial, count=count),
        )
