"""Compare parcels with parcels, as polygons or as label rasters; count, divide."""

from geoseg.evaluation.blocks import Blocks, plan_blocks
from geoseg.evaluation.compare import Distances, Parcels, compare
from geoseg.evaluation.judge import Judged, judge
from geoseg.evaluation.matching import ParcelCounts, count_parcels
from geoseg.evaluation.overlaps import Overlaps, overlaps_of_labels, overlaps_of_polygons
from geoseg.evaluation.scores import intervals, parcel_scores, scores
from geoseg.evaluation.tables import Comparison, together
from geoseg.evaluation.tally import SizeClass, Tally, tally

__all__ = [
    "Blocks", "Comparison", "Distances", "Judged", "Overlaps", "ParcelCounts", "Parcels",
    "SizeClass", "Tally", "compare", "count_parcels", "intervals", "judge", "overlaps_of_labels",
    "overlaps_of_polygons", "parcel_scores", "plan_blocks", "scores", "tally", "together",
]
