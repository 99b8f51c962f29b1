"""Metres on the ground, whatever the CRS: what a pixel measures."""

from __future__ import annotations

import math

import pyproj
from pyproj.exceptions import ProjError

from geoseg.crs import to_lonlat
from geoseg.errors import CRSError
from geoseg.grid import GeoBox


def metres_per_pixel(geobox: GeoBox) -> tuple[float, float] | None:
    """Measure one pixel at the centre of the grid, along its columns and along its rows.

    Distances are geodesic on the ellipsoid of the CRS, so degrees, feet and Web Mercator come
    out right.

    Returns:
        (metres per column, metres per row); None where the grid has no CRS or lies outside it.
    """
    if not geobox.is_georeferenced:
        return None
    col, row = geobox.width / 2, geobox.height / 2
    points = [(col, row), (col + 1, row), (col, row + 1)]
    try:
        crs = pyproj.CRS.from_wkt(geobox.crs)
        lonlat = [geobox.transform @ point for point in points]
        if not crs.is_geographic:
            move = to_lonlat(crs)
            lonlat = [move.transform(*place) for place in lonlat]
        geod = crs.get_geod()
    except (ProjError, CRSError):
        return None
    if geod is None or not all(math.isfinite(value) for pair in lonlat for value in pair):
        return None
    (lon, lat), (lon1, lat1), (lon2, lat2) = lonlat
    across = geod.inv(lon, lat, lon1, lat1)[2]
    down = geod.inv(lon, lat, lon2, lat2)[2]
    return (across, down) if across > 0 and down > 0 else None


def pixel_size(geobox: GeoBox) -> tuple[float, float]:
    """Give metres per column and per row; without a place on Earth, units of the transform."""
    a, b, _, d, e, _ = geobox.transform[:6]
    return metres_per_pixel(geobox) or (math.hypot(a, d), math.hypot(b, e))
