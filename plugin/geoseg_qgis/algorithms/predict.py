"""Predict mask: scene -> probability raster."""

from __future__ import annotations

import os

from qgis.core import QgsProcessingParameterRasterDestination

from .. import parameters as ask
from ..dress import dress, dress_mask
from ..inputs import Inputs, raster_path
from ..outputs import discard_raster, raster_destination
from .base import work_folder
from .scene import SceneAlgorithm


class PredictMask(SceneAlgorithm):
    """scene -> probability raster."""

    NAME, TITLE = "predictmask", "Predict mask"
    PROMISE = "Writes the probabilities of parcel and of boundary at each pixel of an image."
    ABOUT = (
        "The first half of Segment parcels. Parcels from mask is the second; it can be repeated "
        "with other thresholds, in a fraction of the time."
    )
    TAGS = ("probability", "inference", "u-net", "raster")
    STAGES = ("predict",)

    def initAlgorithm(self, configuration=None):
        """Declare the parameters."""
        for parameter in ask.scene_parameters():
            self.addParameter(parameter)
        self.addParameter(ask.restart(
            "Throw away what an unfinished run left beside this file, and use other options. "
            "Without it a run that failed or was killed goes on where it stopped."
        ))
        self.addParameter(ask.explained(
            QgsProcessingParameterRasterDestination("MASK", "Parcel and boundary probabilities"),
            "A GeoTIFF of two bands, parcel and boundary: probability times 254; 255 is no data.",
        ))

    def processAlgorithm(self, parameters, context, feedback):
        """Run the engine."""
        mask = raster_destination(self, "MASK", parameters, context)
        made: dict = {}
        try:
            with work_folder() as folder:
                inputs = Inputs(self, parameters, context, folder)
                raster = inputs.raster("INPUT")
                arguments = [
                    "predict", raster_path(raster), os.path.abspath(mask),
                    *inputs.scene_options(raster), "--overwrite",
                    *inputs.flag("RESTART", "--restart"),
                ]
                made = self.run_engine(arguments, feedback, folder, replaced=inputs.replaced)
        finally:
            if not made:
                discard_raster(context, mask, canceled=feedback.isCanceled())
        if not made:
            return {}
        dress(context, mask, f"Probabilities of {raster.name()}", dress_mask)
        return {"MASK": mask}
