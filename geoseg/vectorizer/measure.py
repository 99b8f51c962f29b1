"""Measure parcels: ground area and perimeter, and the probabilities inside and along the border."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from affine import Affine
from pyproj.exceptions import ProjError

from geoseg.crs import to_lonlat
from geoseg.errors import CRSError
from geoseg.grid import GeoBox
from geoseg.kernels.compiled import helper, kernel
from geoseg.spec import PROBABILITY_NODATA
from geoseg.vectorizer.regions import BORDER_SUM, PARCEL_SUM

DISTORTION = 1e-3
"""Relative difference of planar and geodesic area from which the geodesic is used."""


@helper
def add_known(table, row, column, value):
    """Add a stored probability, if there is one, to a sum and to the count in the next column."""
    if value != PROBABILITY_NODATA:
        table[row, column] += value
        table[row, column + 1] += 1


@helper
def _tally_row(starts, regions, first, last, pixels, row, table):
    """Add the pixels of one row to their regions, and the pixels beside its vertical borders."""
    for run in range(first, last - 1):
        region = regions[run]
        left, right = starts[run], starts[run + 1] - 1
        for col in range(left, right + 1):
            add_known(table, region, PARCEL_SUM, pixels[0, row, col])
        add_known(table, region, BORDER_SUM, pixels[1, row, left])
        add_known(table, region, BORDER_SUM, pixels[1, row, right])
        if run > first:
            add_known(table, regions[run - 1], BORDER_SUM, pixels[1, row, left])
            add_known(table, region, BORDER_SUM, pixels[1, row, left - 1])


@helper
def _tally_between(starts, regions, one, two, last, pixels, row, table):
    """Add the pixels on both sides of the horizontal borders between two rows.

    Args:
        starts, regions: runs; [one, two) are the row above, [two, last) the row; one may be empty.
        pixels: (2, rows, width) uint8.
        row: the row in it.
        table: region table.
    """
    has_above, has_below = two > one, last > two
    width = starts[two - 1] if has_above else starts[last - 1]
    col = 0
    while col < width:
        first = regions[one] if has_above else 0
        second = regions[two] if has_below else 0
        stop = starts[one + 1] if has_above else width
        if has_below and starts[two + 1] < stop:
            stop = starts[two + 1]
        if first != second:
            for place in range(col, stop):
                if has_above:
                    add_known(table, first, BORDER_SUM, pixels[1, row - 1, place])
                    add_known(table, second, BORDER_SUM, pixels[1, row - 1, place])
                if has_below:
                    add_known(table, first, BORDER_SUM, pixels[1, row, place])
                    add_known(table, second, BORDER_SUM, pixels[1, row, place])
        one += has_above and starts[one + 1] == stop
        two += has_below and starts[two + 1] == stop
        col = stop


@kernel
def tally(offsets, starts, regions, probabilities, table):
    """Add the probabilities of all rows but the first to their regions.

    Args:
        offsets, starts, regions: runs; the first row is the one above.
        probabilities: (2, rows, width) uint8, rows of the same runs; a row outside has any values.
        table: (regions, 7) int64, region table, written.
    """
    for row in range(1, len(offsets) - 1):
        above, here, stop = offsets[row - 1], offsets[row], offsets[row + 1]
        _tally_row(starts, regions, here, stop, probabilities, row, table)
        if stop > above:
            _tally_between(starts, regions, above, here, stop, probabilities, row, table)


@kernel
def _measure_planar(coords, ring_offsets, polygon_offsets, areas, perimeters):
    """Add up the signed areas and the lengths of each polygon's rings.

    Areas are from its first point as origin.
    """
    for polygon in range(len(polygon_offsets) - 1):
        first = ring_offsets[polygon_offsets[polygon]]
        x0, y0 = coords[first, 0], coords[first, 1]
        area = length = 0.0
        for ring in range(polygon_offsets[polygon], polygon_offsets[polygon + 1]):
            start = ring_offsets[ring]
            x, y = coords[start, 0], coords[start, 1]
            ax, ay = x - x0, y - y0
            for k in range(start + 1, ring_offsets[ring + 1]):
                dx, dy = coords[k, 0] - x, coords[k, 1] - y
                length += math.sqrt(dx * dx + dy * dy)
                x, y = coords[k, 0], coords[k, 1]
                bx, by = x - x0, y - y0
                area += ax * by - bx * ay
                ax, ay = bx, by
        areas[polygon], perimeters[polygon] = area / 2, length


@kernel
def _shoelace(coords, ring_offsets, polygon_offsets, period, areas):
    """Add up the signed areas of each polygon's rings, from its first point as origin."""
    for polygon in range(len(polygon_offsets) - 1):
        first = ring_offsets[polygon_offsets[polygon]]
        x0, y0 = coords[first, 0], coords[first, 1]
        total = 0.0
        for ring in range(polygon_offsets[polygon], polygon_offsets[polygon + 1]):
            ax = ay = 0.0
            for k in range(ring_offsets[ring], ring_offsets[ring + 1]):
                bx, by = coords[k, 0] - x0, coords[k, 1] - y0
                if period > 0:
                    bx = (bx + period / 2) % period - period / 2
                if k > ring_offsets[ring]:
                    total += ax * by - bx * ay
                ax, ay = bx, by
        areas[polygon] = total / 2


@kernel
def _add_lengths(lengths, ring_offsets, polygon_offsets, perimeters):
    for polygon in range(len(polygon_offsets) - 1):
        total = 0.0
        for ring in range(polygon_offsets[polygon], polygon_offsets[polygon + 1]):
            for k in range(ring_offsets[ring], ring_offsets[ring + 1] - 1):
                total += lengths[k]
        perimeters[polygon] = total


def _equal_area(lon: np.ndarray, lat: np.ndarray, geod: pyproj.Geod) -> np.ndarray:
    """Map radians to coordinates in which planar areas are areas on the ellipsoid.

    Source: Snyder, Map Projections: A Working Manual, 1987, equation 3-12 (Lambert cylindrical).
    """
    sine, e = np.sin(lat), math.sqrt(geod.es)
    q = 2 * sine
    if e > 0:
        q = (1 - e * e) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e)
    return np.column_stack([lon, geod.a**2 / 2 * q])


@dataclass(frozen=True, slots=True)
class Ground:
    """How lengths and areas of a CRS become metres and square metres."""

    unit: float
    """Metres per CRS unit; radians where the CRS is geographic; not used with `to_lonlat`."""
    geod: pyproj.Geod | None
    """The ellipsoid; None where planar measures are right."""
    to_lonlat: pyproj.Transformer | None
    """To degrees; None where the CRS is geographic, or planar."""

    def lonlat(self, coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give longitude and latitude in radians."""
        x, y = coords[:, 0], coords[:, 1]
        if self.to_lonlat is None:
            return x * self.unit, y * self.unit
        lonlat = np.radians(self.to_lonlat.transform(x, y))
        lonlat[~np.isfinite(lonlat)] = np.nan
        return lonlat[0], lonlat[1]

    @property
    def is_planar(self) -> bool:
        """Tell whether planar measures are right."""
        return self.geod is None

    def measure_steps(
        self, area2: np.ndarray, across: np.ndarray, down: np.ndarray, transform: Affine
    ) -> tuple[np.ndarray, np.ndarray]:
        """Measure polygons whose borders are those of pixels, where planar measures are right.

        Args:
            area2: (n,) twice their signed areas in pixels.
            across, down: (n,) pixels that their borders go along rows and along columns.
            transform: pixel corner to CRS coordinates.

        Returns:
            Areas in square metres, perimeters in metres.
        """
        a, b, _, d, e, _ = transform[:6]
        pixel = abs(a * e - b * d) * self.unit**2 / 2
        along = math.hypot(a, d) * self.unit, math.hypot(b, e) * self.unit
        return np.abs(area2) * pixel, across * along[0] + down * along[1]

    def measure(self, coords, ring_offsets, polygon_offsets) -> tuple[np.ndarray, np.ndarray]:
        """Measure polygons, given as ragged arrays, and their borders, holes included.

        Returns:
            Areas in square metres, perimeters in metres.
        """
        parts = ring_offsets, polygon_offsets
        areas, perimeters = np.zeros((2, len(polygon_offsets) - 1))
        if self.geod is None:
            _measure_planar(coords, *parts, areas, perimeters)
            return np.abs(areas) * self.unit**2, perimeters * self.unit
        lon, lat = self.lonlat(coords)
        # A transformer's longitudes jump at the antimeridian; a geographic grid's own go on.
        period = 0.0 if self.to_lonlat is None else 2 * math.pi
        _shoelace(_equal_area(lon, lat, self.geod), *parts, period, areas)
        lengths = self.geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:], radians=True)[2]
        _add_lengths(lengths, *parts, perimeters)
        return np.abs(areas), perimeters


def _distortion(geobox: GeoBox, ground: Ground, planar: Ground) -> float:
    """Compare planar with geodesic areas in nine places of a grid; the largest difference."""
    worst = 0.0
    side = np.linspace(0, 1, 9)
    ring = np.concatenate([
        np.column_stack([side, 0 * side])[:-1], np.column_stack([1 + 0 * side, side])[:-1],
        np.column_stack([1 - side, 1 + 0 * side])[:-1], np.column_stack([0 * side, 1 - side]),
    ])
    offsets = (np.array([0, len(ring)]), np.array([0, 1]))
    for place in range(9):
        cols = (ring[:, 0] + place % 3) * geobox.width / 3
        rows = (ring[:, 1] + place // 3) * geobox.height / 3
        a, b, c, d, e, f = geobox.transform[:6]
        coords = np.column_stack([a * cols + b * rows + c, d * cols + e * rows + f])
        (one,), (two,) = ground.measure(coords, *offsets)[0], planar.measure(coords, *offsets)[0]
        worst = max(worst, abs(two / one - 1) if one > 0 and math.isfinite(one) else math.inf)
    return worst


def ground_of(geobox: GeoBox) -> Ground:
    """Choose how to measure on a grid: planar, or on the ellipsoid where the CRS distorts.

    Without a CRS, or with one of no place on Earth, units of the transform count as metres.
    """
    planar = Ground(1.0, None, None)
    if geobox.crs is None:
        return planar
    try:
        crs = pyproj.CRS.from_wkt(geobox.crs)
        geod = crs.get_geod()
        unit = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
        if geod is not None and crs.is_geographic:
            return Ground(unit or math.radians(1), geod, None)
        planar = Ground(unit or 1.0, None, None)
        if geod is None or not crs.is_projected:
            return planar
        ground = Ground(1.0, geod, to_lonlat(crs))
        distortion = _distortion(geobox, ground, planar)
    except (ProjError, CRSError):
        return planar
    return ground if DISTORTION < distortion < math.inf else planar


def measure_shapes(shapes: np.ndarray, geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Measure shapely polygons on the ground.

    Args:
        shapes: (n,) polygons.
        geobox: a grid that covers them, in their CRS.

    Returns:
        Areas in square metres, perimeters in metres.
    """
    ground = ground_of(geobox)
    _, coords, (ring_offsets, polygon_offsets) = shapely.to_ragged_array(shapes)
    parts = coords, ring_offsets.astype(np.int64), polygon_offsets.astype(np.int64)
    return ground.measure(*parts)
