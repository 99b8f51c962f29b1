"""One shard of a plan, on any machine that sees the store and the scenes."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from geoseg.errors import OptionError
from geoseg.inference import Core, Section, predict_cores
from geoseg.run import facts
from geoseg.run.packed import pack
from geoseg.run.plan import label_strip, make_plan
from geoseg.run.progress import Progress, silent, stage
from geoseg.run.shards import Shard, ShardPlan
from geoseg.run.store import open_store
from geoseg.spec import PROBABILITY_NODATA
from geoseg.tools.parcels import LineChoice, label_options
from geoseg.tools.plan import shard_facts
from geoseg.tools.predict_job import PredictJob, PredictOptions
from geoseg.tools.scene import Prepared
from geoseg.vectorizer import announce

log = logging.getLogger(__name__)


def run_shard(
    place: str | Path,
    number: int,
    *,
    device: str | None = None,
    threads: int | None = None,
    batch: int | None = None,
    memory: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Predict one shard of a plan and store it, whole or not at all.

    A shard that is in the store already is left as it is.

    Args:
        place: the plan's folder or URL.
        number: of the shard, from 0.
        device: where the network runs; None: as planned.
        threads: of the network on the CPU.
        batch: tiles per call of the network.
        memory: bytes that may be used.
        progress: takes the events.

    Returns:
        The shard's number, pixels, stored bytes, seconds, and whether it was done before.

    Raises:
        OptionError: no such shard, or the plan is of other inputs than are here.
        OutputError: the store cannot be written.
    """
    started = time.monotonic()
    store = open_store(place)
    plan = ShardPlan.load(store)
    shard = plan.shard(number)
    made = {"shard": number, "pixels": shard.pixels}
    if shard.name in store.names():
        log.info("shard %d is done already", number)
        return made | {"bytes": 0, "seconds": 0.0, "done_before": True}
    job = _job(_options(plan, device, threads, batch, memory))
    blob = _made(job, shard, LineChoice(**plan.choice), progress)
    store.put(shard.name, blob)
    seconds = round(time.monotonic() - started, 3)
    return made | {"bytes": len(blob), "seconds": seconds, "done_before": False}


def _made(job: PredictJob, shard: Shard, choice: LineChoice, progress: Progress) -> bytes:
    """Predict a shard and cut it into basins; give its object."""
    about = shard.mosaic.facts
    with job.prepared(shard.mosaic.scenes, stretch=(about["low"], about["high"])) as prepared:
        _refuse_other(job, shard, prepared, choice)
        data = _predict(job, shard, prepared, progress)
        geobox = prepared.pixels.geobox
    announce()
    options = label_options(geobox, job.spec.instances, choice)
    return pack(data, shard, options, height=geobox.height, strip=label_strip(geobox.width))


@lru_cache(maxsize=1)
def _job(options: PredictOptions) -> PredictJob:
    """Load a model once for all shards that this process works on."""
    return PredictJob(options)


def forget_model() -> None:
    """Give the memory of the model back; the next shard loads it again."""
    _job.cache_clear()


def _options(
    plan: ShardPlan, device: str | None, threads: int | None, batch: int | None,
    memory: int | None,
) -> PredictOptions:
    values = plan.options | {"threads": threads, "batch": batch, "memory": memory}
    if device is not None:
        values["device"] = device
    for key in ("bands", "extent"):
        values[key] = None if values[key] is None else tuple(values[key])
    return PredictOptions(**values)


def _refuse_other(job: PredictJob, shard: Shard, prepared: Prepared, choice: LineChoice) -> None:
    """Refuse to mix what other inputs or another version would give into the result."""
    mosaic = shard.mosaic
    here = shard_facts(
        job, mosaic.scenes, prepared, choice, mosaic.facts["tile"],
        device=job.network.device.type,
    )
    changes = facts.differences(mosaic.facts, here)
    if changes:
        raise OptionError(
            f"the plan is of other inputs than are here ({changes}); make them the same, or plan "
            "again"
        )


def _predict(
    job: PredictJob, shard: Shard, prepared: Prepared, progress: Progress
) -> np.ndarray:
    """Give (classes, rows, width) stored probabilities of a shard."""
    section = Section(prepared.pixels, shard.row_start, shard.row_stop)
    options = job.options
    itemsize = np.dtype(prepared.pixels.dtype).itemsize
    plan = make_plan(
        section.geobox, job.spec, device=str(job.network.device),
        bytes_per_pixel=itemsize * len(prepared.bands), tile=shard.mosaic.facts["tile"],
        batch=options.batch, memory=options.memory, halo=job.network.halo,
        activation_bytes=job.network.activation_bytes,
    )
    shape = (len(job.spec.classes), *section.geobox.shape)
    data = np.full(shape, PROBABILITY_NODATA, np.uint8)

    def store(cores: list[Core]) -> None:
        for window, values in cores:
            if values is not None:
                rows = slice(window.row_off, window.row_stop)
                data[:, rows, window.col_off : window.col_stop] = values

    predict_cores(
        job.sweep(prepared, plan, section), store,
        progress=stage(progress, f"shard {shard.number}", plan.tiles),
        ahead=plan.device != "cpu",
    )
    return data
