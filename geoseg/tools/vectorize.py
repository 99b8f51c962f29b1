"""Scene -> parcels: the main job."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoseg.publish import publishing
from geoseg.raster import MaskReader
from geoseg.run.plan import Plan, check_disk
from geoseg.run.progress import Progress, silent
from geoseg.tools.parcels import LineChoice, write_probabilities
from geoseg.tools.predict import Job, PredictOptions
from geoseg.tools.scene import prepared_scene
from geoseg.vector import read_parcels

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What `vectorize` or `polygonize` made."""

    path: Path
    """The vector file."""
    count: int
    """How many parcels are in it."""
    layer: str = "parcels"
    """The layer's name."""
    report: dict[str, Any] = field(default_factory=dict)
    """Scene, model, options, seconds."""

    @property
    def parcels(self) -> GeoDataFrame:
        """Read the parcels."""
        return read_parcels(self.path, layer=self.layer if self.path.suffix == ".gpkg" else None)


def vectorize(
    scene: str | Path,
    out: str | Path,
    *,
    layer: str = "parcels",
    threshold: float | None = None,
    min_area: float | None = None,
    simplify: float | None = None,
    instances: str = "basins",
    mask: str | Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> Result:
    """Find the parcels of a scene and write them as polygons that fit together.

    Neighbours share identical borders; the CRS is the scene's.

    Args:
        scene: the raster.
        out: vector file; its suffix chooses the format (.gpkg, .parquet, .fgb, .geojson, .shp).
        layer: name of the layer; other layers of a GeoPackage are kept.
        threshold: parcel probability, 0 to 1, from which a pixel is in a parcel; None: the
            model's own.
        min_area: square metres; a smaller piece joins a neighbour. None: the model's own.
        simplify: tolerance in metres on the ground; None: one pixel; 0: keep the pixels' stairs.
        instances: "basins", which closes gaps in borders, or "components".
        mask: where to keep the probability raster too; None to drop it.
        overwrite: replace an existing layer.
        dry_run: plan only, write nothing.
        progress: takes the events.
        options: fields of PredictOptions.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    started = time.monotonic()
    job = Job(PredictOptions(**options))
    choice = LineChoice(threshold, min_area, simplify, instances)
    with prepared_scene(
        str(scene), job.spec, bands=job.options.bands, extent=job.options.extent,
        aoi=job.options.aoi,
    ) as prepared:
        plan = job.plan(prepared, progress)
        if dry_run:
            return Result(Path(out), 0, layer, {"plan": plan.as_dict()})
        with publishing(out, overwrite=overwrite, layer=layer) as partial:
            with _scratch(Path(out), plan) as folder:
                stored = folder / "probabilities.tif"
                job.run(prepared, plan, stored, progress)
                report = job.provenance(scene, prepared) | {"options": choice.as_dict()}
                with MaskReader(stored) as probabilities:
                    count = write_probabilities(
                        probabilities, partial, job.spec, choice,
                        layer=layer, report=report, scratch=folder, progress=progress,
                    )
                if mask is not None:
                    with publishing(mask, overwrite=overwrite) as kept:
                        shutil.copyfile(stored, kept)
    seconds = round(time.monotonic() - started, 3)
    if count == 0:
        log.warning("no parcels were found in %s; %s has an empty layer", scene, out)
    report |= {"plan": plan.as_dict(), "seconds": seconds, "parcels": count}
    return Result(Path(out), count, layer, report)


@contextmanager
def _scratch(out: Path, plan: Plan) -> Iterator[Path]:
    """Give an empty folder beside the output; the output's lock protects it."""
    folder = out.parent / f".{out.name}.geoseg-work"
    check_disk(plan, out.parent)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
