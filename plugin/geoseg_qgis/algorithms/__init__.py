"""The algorithms, in the order of the Toolbox."""

from .doctor import Doctor
from .evaluate import EvaluateParcels
from .model_info import ModelInfo
from .polygonize import PolygonizeMask
from .predict import PredictMask
from .segment import SegmentParcels
from .train import TrainModel

ALGORITHMS = (
    SegmentParcels, PredictMask, PolygonizeMask, TrainModel, EvaluateParcels, ModelInfo, Doctor,
)
