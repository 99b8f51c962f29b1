"""What algorithms that read a scene share: their checks before a run."""

from __future__ import annotations

import os

from ..inputs import raster_problem
from ..outputs import destination_text
from ..parameters import is_given
from .base import EngineAlgorithm


class SceneAlgorithm(EngineAlgorithm):
    """An algorithm with INPUT, MODEL and a raster output MASK."""

    def checkParameterValues(self, parameters, context):
        """Refuse what the engine would refuse, before it starts."""
        good, text = super().checkParameterValues(parameters, context)
        if not good:
            return good, text
        problem = (
            raster_problem(self.parameterAsRasterLayer(parameters, "INPUT", context))
            or self._model_problem(parameters, context)
            or mask_problem(parameters, context)
        )
        return not problem, problem

    def _model_problem(self, parameters, context) -> str:
        model = self.parameterAsString(parameters, "MODEL", context)
        looks_like_path = model.endswith(".safetensors") or os.sep in model
        if looks_like_path and not os.path.isfile(model):
            return f"there is no model file {model}"
        return ""


def mask_problem(parameters, context) -> str:
    """Say why a raster cannot be written under the name that was chosen."""
    if not is_given(parameters, "MASK"):
        return ""
    text = destination_text(parameters["MASK"], context)
    if text in ("", "TEMPORARY_OUTPUT") or text.lower().endswith((".tif", ".tiff")):
        return ""
    return f"{text} cannot be written: the probabilities are a GeoTIFF, so its name ends in .tif"
