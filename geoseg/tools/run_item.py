"""A STAC item of a run: where its results lie, on what ground, and what they were made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyproj.exceptions import ProjError

from geoseg.crs import transformer
from geoseg.errors import CRSError
from geoseg.grid import GeoBox
from geoseg.publish import publishing

MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".fgb": "application/vnd.flatgeobuf",
    ".geojson": "application/geo+json",
    ".shp": "application/vnd.shp",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".html": "text/html",
    ".png": "image/png",
}
"""Media type of each suffix."""
ROLES = {"parcels": "data", "lines": "data", "mask": "data", "report": "overview",
         "preview": "thumbnail"}
"""What each result is for."""
TURN = 360.0
"""Degrees around the Earth."""
DENSITY = 21
"""Points per side of the scene's outline while it is turned into degrees."""


def write_item(
    path: str | Path,
    files: Mapping[str, str | Path | None],
    *,
    geobox: GeoBox,
    scene: str | Path,
    report: Mapping[str, Any],
    overwrite: bool,
) -> None:
    """Write the item of a run.

    Args:
        path: JSON file; results in its folder or below are named relative to it.
        files: results by name; None for those that were not asked for.
        geobox: grid of the scene.
        scene: as the user named it.
        report: what is known of the run.
        overwrite: replace an existing file.

    Raises:
        CRSError: the scene has no place on Earth.
        OutputError: the file exists or cannot be written.

    Source: SpatioTemporal Asset Catalog 1.1.0, item specification.
    """
    item = make_item(Path(path), files, geobox=geobox, scene=scene, report=report)
    with publishing(path, overwrite=overwrite) as partial:
        partial.write_text(json.dumps(item, indent=2) + "\n", encoding="utf-8")


def make_item(
    path: Path,
    files: Mapping[str, str | Path | None],
    *,
    geobox: GeoBox,
    scene: str | Path,
    report: Mapping[str, Any],
) -> dict[str, Any]:
    """Give the item that `write_item` writes; its id is the name of the parcels' file."""
    west, south, east, north = box = _degrees(geobox)
    parcels = Path(str(files["parcels"]))
    known = ("geoseg", "model", "bands", "options", "parcels", "determination:method")
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": parcels.stem,
        "bbox": list(box),
        "geometry": _outline(west, south, east, north),
        "properties": {
            "title": f"Land parcels seen in {Path(scene).name}",
            "datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{name if ":" in name else f"geoseg:{name}": report[name]
               for name in known if name in report},
        },
        "links": [{"rel": "derived_from", "href": href_of(scene, path), "title": "scene"}],
        "assets": {
            name: {
                "href": href_of(file, path), "title": name, "roles": [ROLES[name]],
                "type": MEDIA_TYPES.get(Path(file).suffix.lower(), "application/octet-stream"),
            }
            for name, file in files.items() if file is not None
        },
    }


def _degrees(geobox: GeoBox) -> tuple[float, float, float, float]:
    """Give west, south, east, north in degrees; west is above east across the antimeridian."""
    if not geobox.is_georeferenced:
        raise CRSError("the scene has no place on Earth: no --stac item can be made of it")
    corners = [(0, 0), (geobox.width, 0), (0, geobox.height), (geobox.width, geobox.height)]
    xs, ys = zip(*(geobox.transform @ corner for corner in corners), strict=True)
    try:
        turn = transformer(geobox.crs, "OGC:CRS84")
        box = turn.transform_bounds(min(xs), min(ys), max(xs), max(ys), densify_pts=DENSITY)
    except (ProjError, CRSError) as error:
        raise CRSError(f"the scene's CRS cannot be turned into degrees ({error})") from error
    if not all(map(math.isfinite, box)):
        raise CRSError("the scene lies where its CRS has no longitude and latitude")
    west, south, east, north = (round(value, 7) for value in box)
    if east - west >= TURN:
        return -180.0, south, 180.0, north
    return _wrapped(west), south, _wrapped(east), north


def _wrapped(longitude: float) -> float:
    inside = -180 <= longitude <= 180
    return longitude if inside else round((longitude + 180) % TURN - 180, 7)


def _outline(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    if west <= east:
        return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}
    halves = [_ring(west, south, 180.0, north)], [_ring(-180.0, south, east, north)]
    return {"type": "MultiPolygon", "coordinates": list(halves)}


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def href_of(file: str | Path, item: Path) -> str:
    """Name a file relative to the item where it lies beside or below it."""
    if "://" in str(file):
        return str(file)
    full, folder = Path(file).resolve(), item.resolve().parent
    if full.is_relative_to(folder):
        return "./" + full.relative_to(folder).as_posix()
    return full.as_posix()
