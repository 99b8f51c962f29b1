"""What a run made, for people: a web page with its parcels over the scene, and a PNG."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geoseg.cpus import usable_cpus
from geoseg.errors import OptionError
from geoseg.ground import metres_per_pixel
from geoseg.pages import MapLayer, Page, figure, histogram, map_section, table, text
from geoseg.pages.map import SCRIPT
from geoseg.publish import publishing
from geoseg.raster import Clipped, Looker, Scene, draw, encode
from geoseg.tools.axes import area_edges, area_ticks, share_axis
from geoseg.tools.scene import Prepared
from geoseg.tools.views import MOST_PARCELS, view_of
from geoseg.vector.measures import read_largest, read_measures

if TYPE_CHECKING:
    from geoseg.tools.result import Result

MOST_DRAWN = 200_000
"""On the preview."""
PREVIEW_SIDE, PREVIEW_LEAST = 2048, 768
"""Pixels along the longer side of the preview, at most and about at least."""
LINE = (255, 222, 60)
"""Yellow is on no field."""
CONFIDENCE = (0.6, 0.8)
"""Mean parcel probabilities that part doubtful, fair and sure parcels."""
LEVELS = (("doubtful, below 0.6", "missed"), ("fair, 0.6 to 0.8", "split"),
          ("sure, from 0.8", "matched"))
MIB = 1 << 20


@dataclass(slots=True)
class Pages:
    """The page and the picture that a run is to leave, and the warnings it gave."""

    report: Path | None
    """Partial of the page."""
    preview: Path | None
    """Partial of the picture."""
    warnings: list[str] = field(default_factory=list)
    """In the order in which they came."""

    def write(self, made: Result, prepared: Prepared, model: dict[str, Any]) -> None:
        """Write what is wanted; the run's output is finished by now."""
        if self.report is None and self.preview is None:
            return
        layer = made.layer if made.path.suffix.lower() == ".gpkg" else None
        measures = read_measures(made.path, ("area_m2", "confidence", "boundary"), layer=layer)
        most = MOST_PARCELS if self.preview is None else MOST_DRAWN
        parcels = read_largest(made.path, measures["area_m2"], most, layer=layer)
        scene = _scene(prepared)
        crs = None if parcels.crs is None else parcels.crs.to_wkt()
        view = view_of((0, 0, 1, 1), crs, scene, down=True, bands=prepared.bands)
        shapes = view.move(parcels.geometry.to_numpy())
        if self.preview is not None:
            self.preview.write_bytes(_preview(view.looker, shapes))
        if self.report is not None:
            page = Page(f"Parcels of {Path(scene.path).name}", str(made.path), scripts=(SCRIPT,))
            page.add("In short", _headlines(made, measures))
            if self.warnings:
                said = [f'<p class="warning">{text(one)}</p>' for one in self.warnings]
                page.add("Warnings", "".join(said))
            page.add("Map", _map(parcels, shapes, made.count, view))
            page.add("Charts", _charts(measures))
            page.add("What was done", _facts(made, scene, model))
            self.report.write_text(page.to_html(), encoding="utf-8")


@contextmanager
def run_pages(
    report: str | Path | None, preview: str | Path | None, *, overwrite: bool
) -> Iterator[Pages]:
    """Refuse existing outputs before the run, gather its warnings, publish at its end.

    Raises:
        OptionError: the preview is not named .png.
        OutputError, LockedError: an output exists, or cannot be written.
    """
    if preview is not None and Path(preview).suffix.lower() != ".png":
        raise OptionError(f"--preview is {preview}, wanted a name that ends in .png")
    with ExitStack() as close:
        partials = [
            None if one is None else close.enter_context(publishing(one, overwrite=overwrite))
            for one in (report, preview)
        ]
        pages = Pages(*partials)
        handler = _Gathering(pages.warnings)
        logger = logging.getLogger("geoseg")
        logger.addHandler(handler)
        close.callback(logger.removeHandler, handler)
        yield pages


class _Gathering(logging.Handler):
    """Keeps warnings."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())


def peak_memory() -> int | None:
    """Give the most main memory that this process had, in bytes; None where it is not known."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _scene(prepared: Prepared) -> Scene:
    pixels = prepared.pixels
    return (pixels.pixels if isinstance(pixels, Clipped) else pixels).scene


def _preview(looker: Looker, shapes: NDArray[np.object_]) -> bytes:
    look = looker.look(PREVIEW_SIDE, least=PREVIEW_LEAST)
    lines = shapely.transform(shapely.boundary(shapes), lambda xy: xy * look.scale)
    return encode(draw(look.rgb, list(lines), LINE, width=1.5), "png")


def _headlines(made: Result, measures: dict[str, NDArray[np.float64]]) -> str:
    area = measures["area_m2"]
    shown = [("parcels", f"{made.count:,}")]
    if made.count:
        shown += [
            ("in parcels", _area(float(area.sum()))),
            ("median parcel", _area(float(np.median(area)))),
        ]
        confidence = measures.get("confidence", np.zeros(0))
        if np.isfinite(confidence).any():
            shown.append(("median confidence", f"{np.nanmedian(confidence):.2f}"))
    shown.append(("time", _time(made.report["seconds"])))
    memory = made.report.get("memory_bytes")
    if memory is not None:
        shown.append(("memory", f"{memory / MIB:,.0f} MiB"))
    boxes = "".join(
        f'<div class="tile"><small>{text(name)}</small><b>{text(value)}</b></div>'
        for name, value in shown
    )
    return f'<div class="tiles">{boxes}</div>'


def _area(square_metres: float) -> str:
    if square_metres >= 1e7:
        return f"{square_metres / 1e6:,.1f} km²"
    return f"{square_metres / 1e4:,.2f} ha"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _map(parcels: Any, shapes: NDArray[np.object_], count: int, view: Any) -> str:
    if len(parcels) > MOST_PARCELS:
        largest = np.argsort(-parcels["area_m2"].to_numpy(), kind="stable")[:MOST_PARCELS]
        parcels, shapes = parcels.iloc[largest], shapes[largest]
    facts: dict[str, list[Any]] = {}
    for name, label, digits in (
        ("parcel_id", "parcel", None), ("class", "class", None), ("area_m2", "area, m²", 0),
        ("perimeter_m", "perimeter, m", 0), ("confidence", "confidence", 2),
        ("boundary", "boundary", 2),
    ):
        if name in parcels:
            values = parcels[name].tolist()
            facts[label] = values if digits is None else [_rounded(one, digits) for one in values]
    confidence = parcels["confidence"].to_numpy(np.float64)
    level = np.searchsorted(CONFIDENCE, np.nan_to_num(confidence, nan=1.0), side="right")
    layer = MapLayer("Parcels by confidence", shapes, level, LEVELS, facts)
    note = "Click a parcel. Drag, scroll, or use + and -."
    if len(parcels) < count:
        note += f" The map shows the largest {len(parcels):,} of {count:,} parcels."
    return map_section([layer], view.frame, picture=view.picture(), note=note)


def _rounded(value: float, digits: int) -> float | int | None:
    if value is None or not np.isfinite(value):
        return None
    return round(value, digits) if digits else round(value)


def _charts(measures: dict[str, NDArray[np.float64]]) -> str:
    edges = area_edges(measures["area_m2"])
    ticks, label = area_ticks(edges, "m2")
    parts = [figure("Parcels by area", histogram(
        [("parcels", measures["area_m2"], "plain")], edges, label=label, ticks=ticks
    ))]
    shares, shown = share_axis()
    for name, caption in (
        ("confidence", "Parcels by confidence (mean parcel probability inside)"),
        ("boundary", "Parcels by the mean boundary probability along their border"),
    ):
        if name in measures:
            chart = histogram(
                [("parcels", measures[name], "plain")], shares, label=name, ticks=shown
            )
            parts.append(figure(caption, chart))
    return f'<div class="columns">{"".join(parts)}</div>'


def _facts(made: Result, scene: Scene, model: dict[str, Any]) -> str:
    report, box = made.report, scene.geobox
    plan = report["plan"]
    size = metres_per_pixel(box)
    ground = "unknown" if size is None else f"{size[0]:.3g} x {size[1]:.3g} m"
    crs = "none" if box.crs is None else pyproj.CRS.from_wkt(box.crs).name
    options = ", ".join(
        f"{name.replace('_', ' ')} {'default' if value is None else value}"
        for name, value in report["options"].items()
    )
    rows = [
        ("scene", scene.path), ("its pixels", f"{box.width} x {box.height}, {ground}"),
        ("its CRS", crs), ("bands used", ", ".join(map(str, report["bands"]))),
        *model.items(), ("options", options),
        ("device", f"{plan['device']} ({usable_cpus()} processors)"),
        ("tiles", f"{plan['tiles']} of {plan['core']} + 2 x {plan['halo']} pixels"),
        ("time", _time(report["seconds"])),
        ("memory", f"{_mib(report.get('memory_bytes'))}; planned {_mib(plan['memory_bytes'])}"),
        ("output", f"{made.path}, layer {made.layer}"), ("geoseg", report["geoseg"]),
        ("what the parcels are", "what can be seen in the image, not legal boundaries"),
    ]
    return table((), rows, kind="facts")


def _mib(size: int | None) -> str:
    return "not known" if size is None else f"{size / MIB:,.0f} MiB"
