"""What GDAL's drivers are told: their names by suffix, options, the CRS, names of columns."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyproj

from geoseg.crs import transformer
from geoseg.errors import CRSError
from geoseg.vector.schema import GEOMETRY

log = logging.getLogger(__name__)

DRIVERS = {
    ".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".geojson": "GeoJSON", ".shp": "ESRI Shapefile",
    ".parquet": "Parquet",
}
"""Format of each suffix."""
SHORT_NAMES = {"perimeter_m": "perim_m"}
"""A Shapefile's names have at most 10 letters."""


def driver_options(driver: str, crs: str | None, *, new: bool) -> tuple[dict, dict]:
    """Give dataset and layer options of a driver."""
    if driver == "GPKG":
        dataset = {"VERSION": "1.2"} if new else {}  # later ones make older QGIS warn
        undefined = {"SRID": "-1"} if crs is None else {}
        replace = {"OVERWRITE": "YES"}  # pyogrio removes no layer whose name has other capitals
        return dataset, {
            "GEOMETRY_NAME": GEOMETRY, "SPATIAL_INDEX": "YES", **replace, **undefined
        }
    if driver == "GeoJSON":
        if crs is None:
            log.warning("GeoJSON is in longitude and latitude, but the scene has no CRS")
            return {}, {"COORDINATE_PRECISION": "7"}
        _check_on_earth(crs)
        return {}, {"RFC7946": "YES", "COORDINATE_PRECISION": "7"}
    if driver == "ESRI Shapefile":
        return {}, {"ENCODING": "UTF-8"}
    return {}, {}


def known_crs(crs: str | None) -> str | None:
    """Name a CRS by its EPSG code where it is exactly that one; else keep its WKT."""
    if crs is None:
        return None
    try:
        code = pyproj.CRS.from_wkt(crs).to_epsg(min_confidence=100)
    except pyproj.exceptions.CRSError as error:
        raise CRSError(f"the CRS of the scene cannot be read: {error}") from error
    return crs if code is None else f"EPSG:{code}"


def _check_on_earth(crs: str) -> None:
    try:
        transformer(crs, "EPSG:4326")
    except CRSError as error:
        raise CRSError(
            "GeoJSON is in longitude and latitude of WGS 84, which the scene's CRS cannot be "
            f"turned into ({error}); write a .gpkg"
        ) from error


def shortened(schema: pa.Schema) -> pa.Schema:
    """Give columns the names that a Shapefile can hold."""
    return pa.schema(
        [field.with_name(SHORT_NAMES.get(field.name, field.name[:10])) for field in schema]
    )
