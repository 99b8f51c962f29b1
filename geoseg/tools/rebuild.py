"""Corrected border lines -> parcels that fit together."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from affine import Affine

import geoseg
from geoseg.errors import CRSError, OptionError, VectorError
from geoseg.grid import GeoBox
from geoseg.ground import pixel_size
from geoseg.publish import publishing
from geoseg.raster import Scene
from geoseg.tools.result import Result
from geoseg.vector import Carried, carried, check_output, read_lines, write_carried
from geoseg.vectorizer import Faces, build_faces, keep_ids, look_aside, measure_shapes, weigh

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

log = logging.getLogger(__name__)

SNAP = 1.0
"""Metres within which a loose end is led to a line."""
NEW_LINE, NO_PARCEL = -1, 0
"""What a side says beside the number of a parcel: drawn by hand; no parcel there."""
GRID = 1000
"""Pixels per side of the grid on which the ground is measured."""


def rebuild(
    lines: str | Path,
    out: str | Path,
    *,
    lines_layer: str,
    layer: str,
    parcels: str | Path | None,
    snap: float,
    overwrite: bool,
    scene: str | Path | None = None,
) -> Result:
    """Make parcels of border lines that were corrected.

    What lines enclose is a parcel, unless most of its border says that there is none (`left` and
    `right` of the lines that `--lines` wrote). Numbers and attributes come from the old parcels,
    by the largest overlap; without them numbers come from `left` and `right`, by the longest
    border. Of several pieces of a parcel the largest keeps its number, others get new ones.

    Args:
        lines: vector file.
        out: vector file to write.
        lines_layer: layer of the lines, where there are several.
        layer: layer to write.
        parcels: the old parcels; None for none.
        snap: metres within which a loose end is led to a line.
        overwrite: replace an existing layer.
        scene: what the borders were found in, to be named in the result; it must lie under them.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    started = time.monotonic()
    check_output(out, layer)
    if not 0 <= snap < math.inf:
        raise OptionError(f"--snap is {snap}, wanted 0 or more metres")
    table, crs = read_lines(lines, layer=lines_layer)
    box = _grid(table, crs)
    if scene is not None:
        _check_scene(scene, lines, table, crs)
    faces = build_faces(table.geometry.to_numpy(), tolerance=snap / _metres_per_unit(box))
    _say_what_was_left(faces, snap)
    if not len(faces.shapes):
        raise VectorError(f"{lines} encloses nothing: none of its lines meet to a ring")
    old = None if parcels is None else (parcels, layer)
    made = _parcels(table, faces.shapes, old, crs)
    report = {
        "lines": Path(lines).name, "geoseg": geoseg.__version__, "snap": snap,
        "snapped": faces.snapped, "dangles": len(faces.dangles),
    } | ({} if scene is None else {"scene": Path(scene).name})
    area, perimeter = measure_shapes(made.shapes, box)
    with publishing(out, overwrite=overwrite, layer=layer) as partial:
        write_carried(
            partial, made.shapes, made.carried, parcel_id=made.ids, area_m2=area,
            perimeter_m=perimeter, edge=made.edge, crs=crs, layer=layer, metadata=report,
        )
    seconds = round(time.monotonic() - started, 3)
    return Result(
        Path(out), len(made.ids), layer, report | {"seconds": seconds, "parcels": len(made.ids)}
    )


@dataclass(frozen=True, slots=True)
class _Parcels:
    """Faces that are parcels."""

    shapes: np.ndarray
    """(n,) polygons."""
    ids: np.ndarray
    """(n,) int64, above 0, unique."""
    edge: np.ndarray
    """(n,) bool, has a border on the scene's edge."""
    carried: Carried | None
    """Attributes of the old parcels."""


def _parcels(
    table: GeoDataFrame, shapes: np.ndarray, old: tuple[str | Path, str] | None, crs: str | None
) -> _Parcels:
    """Choose the faces that are parcels and say what is known of them."""
    sides = look_aside(table.geometry.to_numpy(), shapes)
    says = _says(table)
    said = np.where(sides.is_left, says[sides.line, 0], says[sides.line, 1])
    faces, ids, sums = weigh(sides.face, said, sides.length)
    is_empty = ids == NO_PARCEL
    empty = np.bincount(faces[is_empty], sums[is_empty], len(shapes))
    full = np.bincount(faces[~is_empty], sums[~is_empty], len(shapes))
    chosen = np.flatnonzero(full >= empty)
    edge = np.zeros(len(shapes), bool)
    if "edge" in table:
        edge[sides.face[table["edge"].fillna(0).to_numpy(bool)[sides.line]]] = True
    attributes = None
    if old is not None:
        attributes = carried(*old, shapes[chosen], crs)
        faces, ids, sums = attributes.faces, attributes.ids, attributes.overlaps
    else:
        keep = (ids > 0) & np.isin(faces, chosen)
        faces, ids, sums = np.searchsorted(chosen, faces[keep]), ids[keep], sums[keep]
    numbers = keep_ids(len(chosen), faces, ids, sums)
    return _Parcels(shapes[chosen], numbers, edge[chosen], attributes)


def refuse_with_lines(**options: Any) -> None:
    """Refuse options that find parcels in a raster, where they are built of corrected lines.

    Raises:
        OptionError: one of them is given.
    """
    given = sorted(name for name, value in options.items() if value is not None)
    if given:
        raise OptionError(
            f"parcels are built of lines without looking at a raster: {given[0]} has no meaning "
            "there; leave it out"
        )


def _check_scene(
    scene: str | Path, lines: str | Path, table: GeoDataFrame, crs: str | None
) -> None:
    with Scene(scene) as opened:
        box = opened.geobox
    if (crs is None) != (box.crs is None):
        one, other = (lines, scene) if crs is None else (scene, lines)
        raise CRSError(f"{one} has no CRS, but {other} has one; give it its own")
    corners = (0, 0), (box.width, 0), (box.width, box.height), (0, box.height)
    view = shapely.Polygon([box.transform @ corner for corner in corners])
    ground = shapely.box(*(table if crs is None else table.to_crs(box.crs)).total_bounds)
    if not shapely.intersects(view, ground):
        raise CRSError(f"{lines} lies outside {scene}; give the scene that they came from")


def _says(table: GeoDataFrame) -> np.ndarray:
    """Give (n, 2) int64: the parcel that each line names on its left and on its right."""
    if not {"left", "right"} <= set(table.columns):
        return np.full((len(table), 2), NEW_LINE)
    says = np.array(table[["left", "right"]].fillna(NO_PARCEL), np.int64)
    says[(says <= NO_PARCEL).all(axis=1)] = NEW_LINE
    return np.maximum(says, NEW_LINE)


def _grid(table: GeoDataFrame, crs: str | None) -> GeoBox:
    """Lay a grid over the lines, to measure on."""
    west, south, east, north = table.total_bounds
    side = max(east - west, north - south) or 1.0
    return GeoBox(GRID, GRID, Affine(side / GRID, 0, west, 0, -side / GRID, north), crs)


def _metres_per_unit(box: GeoBox) -> float:
    return math.sqrt(math.prod(pixel_size(box))) / box.transform.a


def _say_what_was_left(faces: Faces, snap: float) -> None:
    if faces.snapped:
        log.warning("%d loose ends of lines were led to a line within %g m", faces.snapped, snap)
    if len(faces.dangles):
        x, y = shapely.get_coordinates(faces.dangles[0])[0]
        log.warning(
            "%d lines part nothing and were left out; the first one starts at %.10g, %.10g",
            len(faces.dangles), x, y,
        )
