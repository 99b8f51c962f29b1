"""Scene -> parcels: the main job."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoseg.errors import OptionError
from geoseg.publish import publishing
from geoseg.run.cores import StoredCores
from geoseg.run.plan import Plan
from geoseg.run.progress import Progress, silent
from geoseg.run.workspace import Workspace, workspace
from geoseg.tools.inputs import LayerLike, RasterLike, as_paths
from geoseg.tools.lines import DEFAULT_LAYER, LineOutput, collecting_lines
from geoseg.tools.parcels import LineChoice, write_probabilities
from geoseg.tools.predict_job import PredictJob, PredictOptions, provenance
from geoseg.tools.rebuild import SNAP, rebuild, refuse_with_lines
from geoseg.tools.result import Result
from geoseg.tools.run_report import peak_memory, run_pages
from geoseg.tools.scene import Prepared
from geoseg.tools.run_item import write_item
from geoseg.tools.scene_list import read_scenes
from geoseg.vector import check_output

log = logging.getLogger(__name__)


@as_paths(rasters=("scene",), layers=("aoi", "edited_lines", "parcels"))
def vectorize(
    scene: RasterLike | None,
    out: str | Path,
    *,
    layer: str = "parcels",
    threshold: float | None = None,
    min_area: float | None = None,
    min_confidence: float | None = None,
    simplify: float | None = None,
    simplify_by: str = "dp",
    instances: str = "basins",
    shape: str = "plain",
    trim: float | None = None,
    mask: str | Path | None = None,
    lines: str | Path | None = None,
    lines_layer: str = DEFAULT_LAYER,
    report: str | Path | None = None,
    preview: str | Path | None = None,
    stac: str | Path | None = None,
    edited_lines: LayerLike | None = None,
    parcels: LayerLike | None = None,
    snap: float = SNAP,
    overwrite: bool = False,
    restart: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> Result:
    """Find the parcels of a scene and write them as polygons that fit together.

    Neighbours share identical borders; the CRS is the scene's.

    Args:
        scene: the raster: a path, a URL, a STAC item, a folder of scenes on one grid, an open
            rasterio dataset, (array, GeoBox), or a DataArray with rioxarray. With `edited_lines`
            it is only named in the result, and None will do.
        out: vector file; its suffix chooses the format (.gpkg, .parquet, .fgb, .geojson, .shp).
        layer: name of the layer; other layers of a GeoPackage are kept.
        threshold: parcel probability, 0 to 1, from which a pixel is in a parcel; None: the
            model's own.
        min_area: square metres; a smaller piece joins a neighbour. None: the model's own.
        min_confidence: parcels of a lower mean parcel probability are left out; None: the model's
            own; 0: none is.
        simplify: tolerance in metres on the ground; None: one pixel; 0: keep the pixels' stairs.
        simplify_by: "dp" (Douglas-Peucker), which keeps every line within the tolerance, or "vw"
            (Visvalingam-Whyatt), which drops the smallest bends first.
        instances: "basins", which closes gaps in borders, or "components".
        shape: "plain"; "smooth", which rounds bends; or "regular", which makes borders straight
            and right-angled where they nearly are, by a tolerance of three pixels unless
            `simplify` says another. Both need memory for all borders at once.
        trim: metres on the ground; spurs that hang on a parcel, or reach into it, by a narrower
            foot are cut off, and both neighbours share the cut. None: four pixels; 0: none is.
        mask: where to keep the probability raster too; None to drop it.
        lines: where to write the borders too, as lines; each shared border once, with the parcels
            on its left and right. The parcels' own GeoPackage gets them as a second layer.
        lines_layer: name of their layer.
        report: HTML file for people: the parcels over the scene, charts, what was done.
        preview: PNG of the scene with the parcels over it.
        stac: STAC item (JSON) that names the results.
        edited_lines: the borders that `lines` gave, corrected by hand. Parcels are built of them
            alone; options about finding parcels are refused then.
        parcels: with `edited_lines`: the old parcels, whose numbers and attributes are kept.
        snap: with `edited_lines`: metres within which a loose end is led to a line.
        overwrite: replace an existing layer.
        restart: throw away what an unfinished run left; without it the run goes on there.
        dry_run: plan only, write nothing.
        progress: takes the events.
        options: fields of PredictOptions.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    if edited_lines is not None:
        refuse_with_lines(
            threshold=threshold, min_area=min_area, min_confidence=min_confidence,
            simplify=simplify, trim=trim, mask=mask, lines=lines, report=report, preview=preview,
            stac=stac, dry_run=dry_run or None,
            simplify_by=None if simplify_by == "dp" else simplify_by,
            instances=None if instances == "basins" else instances,
            shape=None if shape == "plain" else shape, **options,
        )
        return rebuild(
            edited_lines, out, lines_layer=lines_layer, layer=layer, parcels=parcels, snap=snap,
            overwrite=overwrite, scene=scene,
        )
    if scene is None or parcels is not None:
        raise OptionError("give a scene, or edited_lines and perhaps their old parcels")
    check_output(out, layer)
    borders = LineOutput.of(lines, lines_layer, out, layer)
    choice = LineChoice(
        threshold, min_area, simplify, instances, shape, min_confidence, simplify_by, trim
    )
    files = {"parcels": out, "lines": lines, "mask": mask, "report": report, "preview": preview}
    return _made(
        str(scene), files, PredictOptions(**options), choice, layer=layer, borders=borders,
        stac=stac, overwrite=overwrite, restart=restart, dry_run=dry_run, progress=progress,
    )


def _made(
    scene: str, files: Mapping[str, Any], options: PredictOptions, choice: LineChoice, *,
    layer: str, borders: LineOutput, stac: str | Path | None, overwrite: bool, restart: bool,
    dry_run: bool, progress: Progress,
) -> Result:
    """Find the parcels of a scene, and write all that is wanted about them."""
    started, scenes, job = time.monotonic(), read_scenes([scene]), PredictJob(options)
    out = Path(files["parcels"])
    wanted = (None, None) if dry_run else (files["report"], files["preview"])
    with run_pages(*wanted, overwrite=overwrite) as pages, job.prepared(scenes) as prepared:
        plan = job.plan(prepared, progress, probe=dry_run)
        if dry_run:
            return Result(out, 0, layer, {"plan": plan.as_dict()})
        task = _Task(job, scenes, prepared, plan, choice, layer, borders)
        about = task.facts() | {"format": out.suffix.lower()}
        with workspace(out, about, inputs=(scene,), restart=restart) as work:
            done = work.published("parcels", out) or task.run(
                work, out, files["mask"], overwrite, progress
            )
        if done["count"] == 0:
            log.warning("no parcels were found in %s; %s has an empty layer", scene, out)
        about = task.about(done, started)
        made = Result(out, done["count"], layer, about)
        pages.write(made, prepared, job.model_facts())
        if stac is not None:
            write_item(stac, files, geobox=prepared.pixels.geobox, scene=scene, report=about,
                       overwrite=overwrite)
        return made


@dataclass(frozen=True, slots=True)
class _Task:
    """A scene and a model that are ready, and what to make of them."""

    job: PredictJob
    """The model."""
    scenes: list[str]
    """Their paths."""
    prepared: Prepared
    """The scene as the model wants it."""
    plan: Plan
    """What was planned."""
    choice: LineChoice
    """How parcels are made."""
    layer: str
    """Where they go."""
    borders: LineOutput
    """Where their borders go."""

    def facts(self) -> dict[str, Any]:
        """Say what the parcels depend on."""
        about = self.job.facts(self.scenes, self.prepared, self.plan)
        return about | {"command": "vectorize", "layer": self.layer, **self.choice.as_dict()}

    def report(self) -> dict[str, Any]:
        """Say what the parcels were made of."""
        made_of = provenance(self.scenes, self.job.spec, self.prepared.bands)
        return made_of | {"options": self.choice.as_dict()}

    def about(self, done: Mapping[str, Any], started: float) -> dict[str, Any]:
        """Say what was made, for people and programs; started as `time.monotonic` has it."""
        return self.report() | {
            "plan": self.plan.as_dict(), "steps": self.job.steps,
            "seconds": round(time.monotonic() - started, 3), "memory_bytes": peak_memory(),
            "parcels": done["count"], **self.borders.about(done.get("lines", 0)),
        }

    def run(
        self, work: Workspace, out: str | Path, mask: str | Path | None, overwrite: bool,
        progress: Progress,
    ) -> Mapping[str, Any]:
        """Make the parcels, and the mask if it is wanted; return what is noted about them."""
        ours = mask is not None and work.published("mask", mask) is not None
        keeping = nullcontext() if mask is None else publishing(mask, overwrite=overwrite or ours)
        layers = self.borders.layers(self.layer)
        with publishing(out, overwrite=overwrite, layer=layers, lock=False) as partial:
            with keeping as kept, collecting_lines(
                self.borders, partial, work, predicted=True, overwrite=overwrite
            ) as lines:
                cores = self._predicted(work, kept, progress)
                count, line_count = write_probabilities(
                    cores, partial, self.job.spec, self.choice, layer=self.layer,
                    report=self.report(), scratch=work.folder, progress=progress, lines=lines,
                    threads=self.job.options.threads,
                )
                if kept is not None:
                    work.note_result("mask", kept)
            return work.note_result("parcels", partial, count=count, lines=line_count)

    def _predicted(self, work: Workspace, mask: Path | None, progress: Progress) -> StoredCores:
        """Run the network, and write the mask meanwhile."""
        grid = self.prepared.pixels.geobox
        with nullcontext() if mask is None else self.job.mask(mask, grid) as rows:
            return self.job.run(self.prepared, self.plan, work, progress, rows)
