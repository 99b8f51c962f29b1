"""From probabilities to labels, arcs and parcels that fit together like a cadastre."""

from geoseg.kernels.compiled import announce
from geoseg.vectorizer.batch import ParcelBatch
from geoseg.vectorizer.border_lines import LineBatch
from geoseg.vectorizer.faces import Faces, build_faces, keep_ids, look_aside, weigh
from geoseg.vectorizer.label import label
from geoseg.vectorizer.label_options import LabelOptions
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.measure import measure_shapes
from geoseg.vectorizer.parcels import coverage, parcels

__all__ = [
    "Faces", "LabelOptions", "LineBatch", "LineOptions", "ParcelBatch", "announce", "build_faces",
    "coverage", "keep_ids", "label", "look_aside", "measure_shapes", "parcels", "weigh",
]
