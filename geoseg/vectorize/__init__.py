"""From probabilities to labels, arcs and parcels that fit together like a cadastre."""

from geoseg.vectorize.batch import ParcelBatch
from geoseg.vectorize.label import LabelOptions, label
from geoseg.vectorize.parcels import LineOptions, parcels

__all__ = ["LabelOptions", "LineOptions", "ParcelBatch", "label", "parcels"]
