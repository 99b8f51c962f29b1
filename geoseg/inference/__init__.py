"""Run any predictor over a scene of any size in bounded memory.

    scene --strips--> tiles --batches--> predictor --> cores of the probability raster
"""

from geoseg.inference.averaged import Averaged
from geoseg.inference.batches import Core, Pixels, Predictor, Sweep
from geoseg.inference.blended import blend_cores
from geoseg.inference.engine import predict_cores
from geoseg.inference.section import Section

__all__ = [
    "Averaged", "Core", "Pixels", "Predictor", "Section", "Sweep", "blend_cores",
    "predict_cores",
]
