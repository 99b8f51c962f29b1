"""From probabilities to labels, arcs and parcels that fit together like a cadastre."""

from geoseg.vectorize.batch import ParcelBatch
from geoseg.vectorize.label import LabelOptions, label
from geoseg.vectorize.lines import LineOptions
from geoseg.vectorize.parcels import coverage, parcels

__all__ = ["LabelOptions", "LineOptions", "ParcelBatch", "coverage", "label", "parcels"]
