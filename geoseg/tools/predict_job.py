"""A model that is ready to run: the steps that `predict`, `vectorize` and shards share."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import geoseg
from geoseg.cpus import usable_cpus
from geoseg.grid import GeoBox, Window
from geoseg.inference import Averaged, Pixels, Sweep, blend_cores, predict_cores
from geoseg.learning.bundled import find_model
from geoseg.learning.stored import open_predictor
from geoseg.run import facts
from geoseg.run.cores import StoredCores
from geoseg.run.plan import Plan, check_disk, make_plan
from geoseg.run.progress import Progress, stage
from geoseg.run.workspace import Workspace
from geoseg.spec import ModelSpec
from geoseg.tools.growing_mask import GrowingMask
from geoseg.tools.scene import Prepared, prepared_scene

log = logging.getLogger(__name__)

DEFAULT_MODEL = "parcels-aerial"
"""The bundled model."""


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """What `predict` and `vectorize` share; None means: choose."""

    model: str = DEFAULT_MODEL
    """Name of a bundled model, or path of a model file."""
    bands: tuple[int, ...] | None = None
    """Band numbers of the scene, in the model's order."""
    extent: tuple[float, float, float, float] | None = None
    """(xmin, ymin, xmax, ymax) in the scene's CRS."""
    aoi: str | None = None
    """Vector file whose polygons limit what is used."""
    tile: int | None = None
    """Side of a tile's core in pixels."""
    batch: int | None = None
    """Tiles per call of the network."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int | None = None
    """Threads on the CPU, of the network and of drawing."""
    memory: int | None = None
    """Bytes of main memory that may be used."""
    precision: str = "fp32"
    """Numbers that the network computes in: fp32, bf16 or fp16."""
    tta: bool = False
    """Ask the network eight times, for every turn and mirror image of a tile, and average."""
    profile: str | None = None
    """Where to write a trace of the network's first batches."""


class PredictJob:
    """A model that is ready to run, and the steps that `predict` and `vectorize` share."""

    def __init__(self, options: PredictOptions) -> None:
        self.options = options
        self.model_path = find_model(options.model)
        self.network = open_predictor(
            self.model_path, device=options.device, threads=options.threads,
            precision=options.precision,
        )
        self.predictor = Averaged(self.network) if options.tta else self.network
        self.spec, self.device = self.network.spec, str(self.network.device)
        self.steps: dict[str, float] = {}

    def prepared(
        self, scenes: Sequence[str], *, stretch: tuple[Any, Any] | None = None
    ) -> AbstractContextManager[Prepared]:
        """Open a scene, or scenes of one grid as one, as the model wants it."""
        chosen = self.options
        return prepared_scene(
            scenes, self.spec, bands=chosen.bands, extent=chosen.extent, aoi=chosen.aoi,
            stretch=stretch,
        )

    def plan(
        self, prepared: Prepared, progress: Progress, *, parcels: bool = True,
        probe: bool = False,
    ) -> Plan:
        """Make the plan, say it, and send it as an event.

        Args:
            prepared: the scene.
            progress: takes the event.
            parcels: whether parcels are made too.
            probe: predict two batches of tiles, and plan the time after the second one.
        """
        itemsize = np.dtype(prepared.pixels.dtype).itemsize
        plan = make_plan(
            prepared.pixels.geobox,
            self.spec,
            device=self.device,
            bytes_per_pixel=itemsize * len(prepared.bands),
            tile=self.options.tile,
            batch=self.options.batch,
            memory=self.options.memory,
            parcels=parcels,
            halo=self.network.halo,
            activation_bytes=self.network.activation_bytes,
        )
        if probe:
            plan = plan.timed(self._probe(prepared, plan))
        log.info("%s", plan.describe())
        if not self.spec.exact:
            log.warning(
                "%s is blended, not exact: the result depends on the size of the tiles",
                self.spec.name,
            )
        progress({"event": "plan", **plan.as_dict()})
        return plan

    def _probe(self, prepared: Prepared, plan: Plan) -> float:
        """Read and predict a tile at a third of the scene and one at two; time the second."""
        side, seconds = plan.core + 2 * plan.halo, 0.0
        for third in (1, 2):
            started = time.perf_counter()
            col, row = (size * third // 3 - side // 2 for size in (plan.width, plan.height))
            data, valid = prepared.pixels.read(Window(col, row, side, side))
            self.predictor.predict(
                np.stack([data] * plan.batch), np.stack([valid] * plan.batch),
                low=prepared.low, high=prepared.high, halo=plan.halo if self.spec.exact else 0,
            )
            seconds = time.perf_counter() - started
        return seconds

    def facts(self, scenes: Sequence[str], prepared: Prepared, plan: Plan) -> dict[str, Any]:
        """Say what the probabilities depend on, and how they are cut into cores."""
        first, *others = scenes
        of_others = [facts.of_file(f"scene {Path(one).name}", one) for one in others]
        return {
            **facts.of_software(*self.network.packages),
            **facts.of_model(self.model_path),
            **facts.of_scene(first, prepared.pixels),
            **{name: value for one in of_others for name, value in one.items()},
            "bands": list(prepared.bands),
            "low": prepared.low.tolist(),
            "high": prepared.high.tolist(),
            "device": plan.device,
            "precision": self.options.precision,
            "tta": self.options.tta,
            "tile": plan.core,
        }

    def run(
        self, prepared: Prepared, plan: Plan, work: Workspace, progress: Progress,
        mask: GrowingMask | None = None,
    ) -> StoredCores:
        """Predict what is not in the journal yet; give all of it, and let the network go.

        Args:
            prepared, plan: the scene, and how it is cut.
            work: where the journal is.
            progress: takes the events.
            mask: gets the rows as they are done.
        """
        cores = StoredCores(
            work.journal, prepared.pixels.geobox, classes=len(self.spec.classes)
        )
        check_disk(plan, work.folder, used=work.used_bytes)
        if cores.done:
            log.info("%d of %d tiles were done before", len(cores.done), plan.tiles)

        def settle() -> None:
            cores.settle()
            if mask is not None:
                mask.follow(cores, strips=2)

        engine = predict_cores if self.spec.exact else blend_cores
        with self.network.profiling(self.options.profile):
            seconds = engine(
                self.sweep(prepared, plan),
                cores.add,
                done=frozenset(cores.done),
                progress=stage(progress, "predict", plan.tiles),
                settle=settle,
                ahead=plan.device != "cpu",
            )
        self._note(seconds)
        self.network.close()
        if mask is not None:
            mask.follow(cores)
        return cores

    def sweep(self, prepared: Prepared, plan: Plan, pixels: Pixels | None = None) -> Sweep:
        """Say how the network goes over a scene, or over some pixels of it."""
        return Sweep(
            pixels or prepared.pixels, self.predictor, plan.core, plan.halo, self.spec.divisor,
            plan.batch, prepared.low, prepared.high,
        )

    def _note(self, seconds: dict[str, float]) -> None:
        """Keep, for the report, how long each step of the prediction took."""
        self.steps = {step: round(one, 3) for step, one in seconds.items()}
        say = log.info if self.options.profile else log.debug
        say("predicting took %s",
            ", ".join(f"{one:.2f} s ({step})" for step, one in seconds.items()))

    def mask(self, path: Path, geobox: GeoBox, *, classes: bool = False) -> GrowingMask:
        """Begin the probability raster, or that of classes, in a new file."""
        threads = self.options.threads or usable_cpus()
        return GrowingMask(path, geobox, self.spec, classes=classes, threads=threads)

    def model_facts(self) -> dict[str, str]:
        """Describe the model for people."""
        spec = self.spec
        wants = f"{', '.join(band.name for band in spec.bands)} as {spec.dtype}"
        return {
            "model": f"{spec.name} ({spec.architecture}, width {spec.width})",
            "it wants": f"{wants}, pixels of {spec.metres}",
        }


def provenance(
    scenes: Sequence[str], spec: ModelSpec, bands: tuple[int, ...]
) -> dict[str, Any]:
    """Say what a result was made of; a scene by its name, several by all of theirs."""
    names = [Path(scene).name for scene in scenes]
    return {
        "geoseg": geoseg.__version__,
        "scene": names[0] if len(names) == 1 else names,
        "model": spec.name,
        "bands": list(bands),
        "determination:method": "auto-imagery",
    }
