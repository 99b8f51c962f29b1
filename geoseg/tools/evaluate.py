"""Parcels and truth -> scores."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import LambertAzimuthalEqualAreaConversion
from shapely.geometry.base import BaseGeometry

from geoseg import confusion
from geoseg.confusion import ConfusionMatrix
from geoseg.errors import VectorError
from geoseg.evaluation import (
    Overlaps,
    ParcelCounts,
    compare_areas,
    compare_labels,
    match,
    overlaps_of_labels,
    overlaps_of_polygons,
    parcels,
)
from geoseg.grid import Window
from geoseg.raster import Scene, rasterize
from geoseg.vector import layer_crs, read_geometries, read_polygons

log = logging.getLogger(__name__)

RASTERS = (".tif", ".tiff", ".vrt", ".png", ".jp2", ".img")
"""Suffixes of label rasters; any other truth is a vector file."""
STRIP_PIXELS = 1 << 24
"""Pixels that are compared at once."""

Polygons = list[BaseGeometry]


@dataclass(frozen=True, slots=True)
class Result:
    """The scores of one set of parcels against one truth."""

    area: ConfusionMatrix
    """Class 1 is parcel; counts are of `unit`."""
    parcels: ParcelCounts
    """Matches at an IoU above 0.5."""
    unit: str
    """pixels; m2 where polygons were compared with polygons; squared units without a CRS."""

    @property
    def scores(self) -> dict[str, float]:
        """Give every ratio by its name; NaN where nothing can be divided."""
        counts = self.parcels
        return {
            "pixel_iou": confusion.iou(self.area),
            "pixel_precision": confusion.precision(self.area),
            "pixel_recall": confusion.recall(self.area),
            "pixel_f1": confusion.f1(self.area),
            "parcel_precision": parcels.precision(counts),
            "parcel_recall": parcels.recall(counts),
            "parcel_f1": parcels.f1(counts),
            "segmentation_quality": parcels.segmentation_quality(counts),
            "panoptic_quality": parcels.panoptic_quality(counts),
            "over_segmentation": parcels.over_segmentation(counts),
            "under_segmentation": parcels.under_segmentation(counts),
        }

    def as_dict(self) -> dict[str, Any]:
        """Give scores and counts for JSON; what is NaN becomes None."""
        scores = {k: None if math.isnan(v) else v for k, v in self.scores.items()}
        return scores | {"unit": self.unit, "counts": asdict(self.parcels)}


def evaluate(
    parcels: str | Path,
    truth: str | Path,
    *,
    layer: str | None = None,
    truth_layer: str | None = None,
    aoi: str | Path | None = None,
) -> Result:
    """Score parcels against a truth: what is covered, and which parcels were found.

    Args:
        parcels: vector file of the parcels to judge.
        truth: vector file, or raster of labels: above 0 one label per parcel, 0 no parcel, below
            0 or no data not known. On a raster, the parcels are burned into its grid.
        layer: of the parcels, None for the only one.
        truth_layer: of the truth, None for the only one.
        aoi: vector file; only what lies in its polygons counts.

    Raises:
        GeosegError: one of its kinds, with what to do.
    """
    if Path(truth).suffix.lower() in RASTERS:
        return _against_raster(parcels, truth, layer, aoi)
    return _against_polygons(parcels, truth, layer, truth_layer, aoi)


def _against_raster(
    path: str | Path, truth: str | Path, layer: str | None, aoi: str | Path | None
) -> Result:
    with Scene(truth) as labels:
        box = labels.geobox
        found = read_polygons(path, crs=box.crs, layer=layer)
        area = None if aoi is None else read_geometries(aoi, crs=box.crs)
        matrix, overlaps = ConfusionMatrix(np.zeros((2, 2), np.int64)), None
        rows = max(1, STRIP_PIXELS // box.width)
        for start in range(0, box.height, rows):
            window = Window(0, start, box.width, min(rows, box.height - start))
            true = _true_labels(labels, window, area)
            predicted = rasterize(found, box, window)
            matrix += compare_labels(true, predicted)
            strip = overlaps_of_labels(true, predicted)
            overlaps = strip if overlaps is None else overlaps + strip
    _check_labels(truth, overlaps)
    return Result(matrix, match(overlaps), "pixels")


def _true_labels(labels: Scene, window: Window, area: Polygons | None) -> NDArray[np.int64]:
    data, valid = labels.read(window, (1,))
    if area is not None:
        valid = valid & (rasterize(area, labels.geobox, window) > 0)
    return np.where(valid, data[0], -1).astype(np.int64)


def _check_labels(truth: str | Path, overlaps: Overlaps) -> None:
    if len(overlaps.truth) == 1:
        log.warning(
            "%s has one label only (%d), so it is judged as one parcel; if it is a class raster, "
            "make a label of each field first: geoseg polygonize", truth, overlaps.truth[0],
        )


def _against_polygons(
    path: str | Path, truth: str | Path, layer: str | None, truth_layer: str | None,
    aoi: str | Path | None,
) -> Result:
    crs = comparison_crs(truth, truth_layer)
    true = read_geometries(truth, crs=crs, layer=truth_layer)
    found = read_polygons(path, crs=crs, layer=layer)
    if aoi is not None:
        area = shapely.union_all(read_geometries(aoi, crs=crs))
        true, found = _clipped(true, area), _clipped(found, area)
        if not true:
            raise VectorError(f"{truth} has no polygons in the area of {aoi}; check both")
    unit = "squared units" if crs is None else "m2"
    return Result(compare_areas(true, found), match(overlaps_of_polygons(true, found)), unit)


def comparison_crs(truth: str | Path, layer: str | None) -> str | None:
    """Choose where areas are compared: in the truth's CRS if in metres, or equal-area around it.

    Raises:
        VectorError: the truth has no polygons.
    """
    crs = layer_crs(truth, layer)
    if crs is None:
        return None
    own = pyproj.CRS.from_wkt(crs)
    if own.is_projected and own.axis_info[0].unit_conversion_factor == 1:
        return crs
    base = own.geodetic_crs
    polygons = read_geometries(truth, crs=base.to_wkt(), layer=layer)
    west, south, east, north = shapely.total_bounds(polygons)
    degrees = 180 / math.pi * base.axis_info[0].unit_conversion_factor
    center = LambertAzimuthalEqualAreaConversion(
        latitude_natural_origin=(south + north) / 2 * degrees,
        longitude_natural_origin=(west + east) / 2 * degrees,
    )
    return ProjectedCRS(center, geodetic_crs=base).to_wkt()


def _clipped(polygons: Polygons, area: BaseGeometry) -> Polygons:
    """Keep the parts of polygons that lie in an area."""
    parts = shapely.intersection(np.array(polygons, object), area)
    return [part for part in parts if part.area > 0]
