"""What algorithms that read a scene share: their checks before a run."""

from __future__ import annotations

from ..inputs import model_problem, raster_problem
from ..outputs import destination_text
from ..parameters import is_given
from .base import EngineAlgorithm


class SceneAlgorithm(EngineAlgorithm):
    """An algorithm with INPUT, MODEL and a raster output MASK."""

    def problem(self, parameters, context) -> str:
        """Look at the scene, the model and the name of the mask."""
        return (
            raster_problem(self.parameterAsRasterLayer(parameters, "INPUT", context))
            or model_problem(self.parameterAsString(parameters, "MODEL", context))
            or mask_problem(parameters, context)
        )


def mask_problem(parameters, context) -> str:
    """Say why a raster cannot be written under the name that was chosen."""
    if not is_given(parameters, "MASK"):
        return ""
    text = destination_text(parameters["MASK"], context)
    if text in ("", "TEMPORARY_OUTPUT") or text.lower().endswith((".tif", ".tiff")):
        return ""
    return f"{text} cannot be written: the probabilities are a GeoTIFF, so its name ends in .tif"
