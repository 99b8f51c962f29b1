"""Run any predictor over a scene of any size in bounded memory.

    scene --strips--> tiles --batches--> predictor --> cores of the probability raster
"""

from geoseg.inference.engine import Core, Predictor, predict_cores

__all__ = ["Core", "Predictor", "predict_cores"]
