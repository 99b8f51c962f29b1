"""The shards of a plan -> parcels, the same to the byte as one run on one machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from affine import Affine

from geoseg.crs import transformer, wkt_of
from geoseg.errors import OptionError, ShardsMissingError
from geoseg.grid import GeoBox
from geoseg.publish import publishing
from geoseg.run.joined import Joined, JoinedLabels, join
from geoseg.run.plan import label_strip
from geoseg.run.progress import Progress, silent, stage
from geoseg.run.shards import Mosaic, Shard, ShardPlan
from geoseg.run.store import Folder, Store, open_store
from geoseg.spec import ModelSpec
from geoseg.tools.parcels import LineChoice, drawn, label_options
from geoseg.tools.result import Result
from geoseg.vector import check_output, write_parcels
from geoseg.vectorizer import ParcelBatch, announce

log = logging.getLogger(__name__)

NAMED = 8
"""Most missing shards that a message names."""


def merge(
    place: str | Path,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[Result]:
    """Join the shards of a plan: each parcel is written once, also where shards cut it.

    Memory is O(width x strip), and four bytes for each basin, whatever the shards are.

    Args:
        place: the plan's folder or URL.
        out: vector file. Where the plan has several mosaics and no CRS for all, the name of each
            is added to it. None: parcels.gpkg in the plan's folder.
        overwrite: replace an existing layer.
        progress: takes the events.

    Returns:
        One result for each file.

    Raises:
        ShardsMissingError: shards are not done; the message names them.
        OutputError: a shard is damaged, or an output cannot be written.
    """
    store = open_store(place)
    plan = ShardPlan.load(store)
    _refuse_missing(plan, store)
    return [
        Merge(plan, store, mosaics, path, progress).write(overwrite=overwrite)
        for path, mosaics in outputs(plan, _target(store, out)).items()
    ]


def outputs(plan: ShardPlan, out: Path) -> dict[Path, tuple[Mosaic, ...]]:
    """Say which file holds which mosaics."""
    check_output(out, plan.layer)
    if plan.crs is not None or len(plan.mosaics) == 1:
        return {out: plan.mosaics}
    return {out.with_name(f"{out.stem}-{one.name}{out.suffix}"): (one,) for one in plan.mosaics}


def _target(store: Store, out: str | Path | None) -> Path:
    if out is not None:
        return Path(out)
    if isinstance(store, Folder):
        return store.path / "parcels.gpkg"
    raise OptionError(f"the plan is in {store}; say with --output which file to write")


def _refuse_missing(plan: ShardPlan, store: Store) -> None:
    missing = plan.missing(store)
    if missing:
        named = ", ".join(str(shard.number) for shard in missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise ShardsMissingError(
            f"{len(missing)} of {len(plan.shards)} shards are not done: {named}{more}; run each "
            f"with geoseg run {store} --shard N, then merge again"
        )


@dataclass(frozen=True, slots=True)
class Merge:
    """One output and the mosaics that go into it."""

    plan: ShardPlan
    """The whole job."""
    store: Store
    """Where its shards are."""
    mosaics: tuple[Mosaic, ...]
    """In their order in the output."""
    out: Path
    """The output."""
    progress: Progress
    """Takes the events."""

    def write(
        self, *, overwrite: bool, scratch: Path | None = None, lock: bool = True,
        note: Callable[[Path, int], Any] = lambda partial, count: None,
    ) -> Result:
        """Join the shards and publish the output.

        Args:
            overwrite: replace an existing layer.
            scratch: folder for a file without a name; None: the output's.
            lock: keep other runs away; False where the caller already does.
            note: told of the finished partial before it is published, and its parcels.
        """
        started, plan = time.monotonic(), self.plan
        choice, report = LineChoice(**plan.choice), _report(plan, self.mosaics)
        boxes = [_geobox(mosaic) for mosaic in self.mosaics]
        crs = boxes[0].crs if plan.crs is None else wkt_of(plan.crs)
        with publishing(
            self.out, overwrite=overwrite, layer=plan.layer, lock=lock
        ) as partial:
            batches = self._batches(boxes, choice, scratch or self.out.parent)
            count = write_parcels(partial, batches, crs=crs, layer=plan.layer, metadata=report)
            note(partial, count)
        if count == 0:
            log.warning("no parcels were found; %s has an empty layer", self.out)
        return self.result(count, seconds=round(time.monotonic() - started, 3))

    def result(self, count: int, *, seconds: float = 0.0) -> Result:
        """Say what was made."""
        report = _report(self.plan, self.mosaics) | {"seconds": seconds, "parcels": count}
        return Result(self.out, count, self.plan.layer, report)

    def _batches(
        self, boxes: Sequence[GeoBox], choice: LineChoice, scratch: Path
    ) -> Iterator[ParcelBatch]:
        """Give the parcels of all mosaics; their numbers go on from one to the next."""
        spec, first = ModelSpec.from_json(self.plan.spec), 0
        for mosaic, box in zip(self.mosaics, boxes, strict=True):
            shards = [shard for shard in self.plan.shards if shard.mosaic == mosaic]
            for batch in _parcels(
                shards, self.store, box, spec, choice, scratch, self.progress
            ):
                yield _moved(batch, first, box.crs, self.plan.crs)
            first += box.height * box.width


def _report(plan: ShardPlan, mosaics: Sequence[Mosaic]) -> dict[str, Any]:
    about = dict(mosaics[0].provenance)
    if len(mosaics) > 1:
        about["scene"] = [one.provenance["scene"] for one in mosaics]
    return about | {"options": dict(plan.choice)}


def _geobox(mosaic: Mosaic) -> GeoBox:
    """Give the grid of a mosaic as it was planned."""
    height, width, *transform = mosaic.facts["scene grid"]
    return GeoBox(height, width, Affine(*transform), mosaic.facts["scene crs"])


def _parcels(
    shards: Sequence[Shard], store: Store, box: GeoBox, spec: ModelSpec, choice: LineChoice,
    scratch: Path, progress: Progress,
) -> Iterator[ParcelBatch]:
    """Give the parcels of one mosaic."""
    announce()
    joined = Joined(store, shards, box, classes=len(spec.classes))
    options = label_options(box, spec.instances, choice)
    labels = JoinedLabels(box.shape, scratch)
    try:
        join(
            joined, options, labels, strip=label_strip(box.width), scratch=scratch,
            progress=stage(progress, "join shards", box.height),
        )
        yield from drawn(labels, joined, choice, progress=progress)
    finally:
        labels.close()


def _moved(
    batch: ParcelBatch, first: int, crs: str | None, target: str | None
) -> ParcelBatch:
    """Bring a batch into the CRS of the output, corner by corner: neighbours stay neighbours."""
    if target is None:
        return batch
    x, y = transformer(crs, target).transform(*batch.coords.T)
    coords = batch.coords.copy()
    coords[:, 0], coords[:, 1] = x, y
    return replace(batch, coords=coords, parcel_id=batch.parcel_id + first)
