"""Compare mask with mask, and parcels with parcels."""

from geoseg.evaluation.overlaps import Overlaps, overlaps_of_labels, overlaps_of_polygons
from geoseg.evaluation.parcels import ParcelCounts, match
from geoseg.evaluation.pixels import compare_areas, compare_labels

__all__ = [
    "Overlaps", "ParcelCounts", "compare_areas", "compare_labels", "match", "overlaps_of_labels",
    "overlaps_of_polygons",
]
