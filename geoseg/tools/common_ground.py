"""Where two layers are compared: on the ground of both, in a CRS in which areas are true."""

from __future__ import annotations

import logging
import math

import pyproj
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import LambertAzimuthalEqualAreaConversion
from pyproj.exceptions import ProjError

from geoseg.crs import to_lonlat
from geoseg.errors import CRSError, VectorError
from geoseg.tools.layers import Layer

log = logging.getLogger(__name__)

SCALE_ERROR = 0.01
"""A CRS whose lengths are this right is used as it is."""


def same_ground(parcels: Layer, truth: Layer) -> None:
    """Refuse to compare layers of which only one has a CRS.

    Raises:
        CRSError: only one has.
    """
    if parcels.crs is None and truth.crs is None:
        log.warning("%s and %s have no CRS: coordinates are used as they are",
                    parcels.path, truth.path)
    elif parcels.crs is None or truth.crs is None:
        one, other = (parcels, truth) if parcels.crs is None else (truth, parcels)
        raise CRSError(
            f"{one.path} has no CRS, but {other.path} has one; give it its own: in QGIS with "
            "'Assign projection', for a raster with gdal_edit -a_srs"
        )


def comparison_crs(truth: Layer) -> str | None:
    """Choose where areas are compared: in the truth's CRS if true to scale, or equal-area there.

    Raises:
        VectorError: the truth has no polygons.
    """
    if truth.bounds is None:
        raise VectorError(f"{truth.path} has no polygons; give a layer of polygons")
    if truth.crs is None:
        return None
    own = pyproj.CRS.from_wkt(truth.crs)
    base = own.geodetic_crs
    west, south, east, north = to_lonlat(own).transform_bounds(*truth.bounds)
    degrees = 180 / math.pi * base.axis_info[0].unit_conversion_factor
    lon, lat = (west + east) / 2 * degrees, (south + north) / 2 * degrees
    if _is_true_to_scale(own, lon, lat):
        return truth.crs
    center = LambertAzimuthalEqualAreaConversion(
        latitude_natural_origin=lat, longitude_natural_origin=lon
    )
    return ProjectedCRS(center, geodetic_crs=base).to_wkt()


def _is_true_to_scale(crs: pyproj.CRS, lon: float, lat: float) -> bool:
    """Tell whether a unit of a CRS is a metre on the ground; in Web Mercator it is not."""
    if not crs.is_projected or crs.axis_info[0].unit_conversion_factor != 1:
        return False
    try:
        factors = pyproj.Proj(crs).get_factors(lon, lat)
    except ProjError:
        return False
    scales = (factors.meridional_scale, factors.parallel_scale)
    return all(abs(scale - 1) <= SCALE_ERROR for scale in scales)
