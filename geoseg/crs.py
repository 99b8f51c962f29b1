"""Ways between coordinate reference systems: nothing else builds a transformer."""

from __future__ import annotations

from functools import lru_cache

import pyproj
from pyproj.exceptions import ProjError

from geoseg.errors import CRSError

CRS = str | pyproj.CRS | None
"""WKT, a name such as EPSG:3035, or read already; None, which is no CRS, leads nowhere."""


@lru_cache(maxsize=16)
def transformer(crs: CRS, target: CRS) -> pyproj.Transformer:
    """Give the way from a CRS to another; x, or longitude, comes first on both sides.

    Raises:
        CRSError: one of them is no CRS, or no way leads there.
    """
    try:
        return pyproj.Transformer.from_crs(crs, target, always_xy=True)
    except ProjError as error:
        raise CRSError(f"coordinates cannot be brought into {target}: {error}") from error


def to_lonlat(crs: pyproj.CRS) -> pyproj.Transformer:
    """Give the way from a CRS to its own longitudes and latitudes.

    Raises:
        CRSError: it has none.
    """
    return transformer(crs, crs.geodetic_crs)


def wkt_of(crs: str) -> str:
    """Write a CRS, such as EPSG:3035, as WKT.

    Raises:
        CRSError: there is no such CRS.
    """
    try:
        return pyproj.CRS.from_user_input(crs).to_wkt()
    except ProjError as error:
        raise CRSError(f"there is no CRS {crs!r}: {error}") from error
