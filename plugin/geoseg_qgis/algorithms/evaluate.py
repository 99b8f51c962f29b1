"""Evaluate parcels: parcels and the truth -> scores."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFeatureSource,
)

from .. import parameters as ask
from ..command import option
from ..inputs import Inputs
from .base import EngineAlgorithm, read_json, work_folder

SCORES = {
    "F1": ("parcel_f1", "F1 of the parcels"),
    "PRECISION": ("parcel_precision", "Share of the found parcels that are true"),
    "RECALL": ("parcel_recall", "Share of the true parcels that were found"),
    "IOU": ("pixel_iou", "Intersection over union of the areas"),
}
"""Outputs, the engine's name for each, and its label."""


class EvaluateParcels(EngineAlgorithm):
    """parcels and truth -> scores."""

    NAME, TITLE = "evaluateparcels", "Evaluate parcels"
    GROUP = ("training", "Training and evaluation")
    PROMISE = "Scores parcels against true ones: found, missed, split and merged."
    ABOUT = (
        "A parcel is found where its intersection with a true one is more than half of their "
        "union. All scores are from 0 to 1."
    )
    TAGS = ("accuracy", "iou", "f1", "quality", "truth")

    def initAlgorithm(self, configuration=None):
        """Declare the parameters."""
        self.addParameter(ask.explained(
            QgsProcessingParameterFeatureSource("PARCELS", "Parcels", ask.POLYGONS),
            "What is scored; any coordinate system.",
        ))
        self.addParameter(ask.explained(
            QgsProcessingParameterFeatureSource("TRUTH", "True parcels", ask.POLYGONS),
            "A cadastre, or parcels that were drawn by hand; any coordinate system.",
        ))
        self.addParameter(ask.area_of_interest())
        for name, (_, label) in SCORES.items():
            self.addOutput(QgsProcessingOutputNumber(name, label))
        self.addOutput(QgsProcessingOutputString("SCORES", "All scores, as JSON"))

    def processAlgorithm(self, parameters, context, feedback):
        """Ask the engine."""
        with work_folder() as folder:
            inputs = Inputs(self, parameters, context, folder)
            arguments = ["evaluate", inputs.polygons("PARCELS"), inputs.polygons("TRUTH")]
            if ask.is_given(parameters, "AOI"):
                arguments += option("--aoi", inputs.polygons("AOI"))
            command = self.engine_command(feedback, folder)
            output = command and self.ask_engine(
                command, [*arguments, "--json"], feedback, folder, replaced=inputs.replaced
            )
        if not output:
            return {}
        values = read_json(output)
        scores = {name: values.get(key) for name, (key, _) in SCORES.items()}
        for name, score in scores.items():
            text = "undefined" if score is None else f"{score:.3f}"
            feedback.pushInfo(f"{SCORES[name][1]}: {text}")
        return {**scores, "SCORES": output}
