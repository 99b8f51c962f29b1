"""From probabilities to labels, arcs and parcels that fit together like a cadastre."""

from geoseg.vectorizer.batch import ParcelBatch
from geoseg.vectorizer.border_lines import LineBatch
from geoseg.vectorizer.compiled import announce
from geoseg.vectorizer.label import LabelOptions, label
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.parcels import coverage, parcels

__all__ = [
    "LabelOptions", "LineBatch", "LineOptions", "ParcelBatch", "announce", "coverage", "label",
    "parcels",
]
