"""Run any predictor over a scene of any size in bounded memory.

    scene --strips--> tiles --batches--> predictor --cores--> rows of the probability raster
"""

from geoseg.inference.engine import Predictor, predict_rows

__all__ = ["Predictor", "predict_rows"]
