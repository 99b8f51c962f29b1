"""Train model: scene and its parcels -> model file."""

from __future__ import annotations

import json
import os

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from .. import parameters as ask
from ..command import option
from ..inputs import Inputs, raster_path, raster_problem
from .base import EngineAlgorithm, work_folder

WHOLE = ask.WHOLE


class TrainModel(EngineAlgorithm):
    """scene and parcels -> model."""

    NAME, TITLE = "trainmodel", "Train model"
    GROUP = ("training", "Training and evaluation")
    PROMISE = "Trains a model on images and their known parcels, and keeps the best one seen."
    ABOUT = (
        "A part of the scene is held out to choose the best model. The log, the pictures and the "
        "state of the training lie in the folder MODEL.training beside the model: after a cancel "
        "the same run goes on from there."
    )
    TAGS = ("learn", "u-net", "cadastre", "labels")
    STAGES = ("train",)

    def initAlgorithm(self, configuration=None):
        """Declare the parameters."""
        for parameter in (*_inputs(), *_recipe(), ask.bands(), ask.device(), ask.threads()):
            self.addParameter(parameter)
        self.addParameter(ask.restart("Do not go on from an earlier run of the same model file."))
        self.addParameter(ask.explained(
            QgsProcessingParameterFileDestination(
                "MODEL", "Model file", "Models (*.safetensors)"
            ),
            "The trained model; Segment parcels takes it as its Model.",
        ))
        self.addOutput(QgsProcessingOutputNumber("STEPS", "Updates of the weights"))
        self.addOutput(QgsProcessingOutputString("SCORES", "Scores on the held-out part, as JSON"))

    def problem(self, parameters, context) -> str:
        """Look at the raster."""
        return raster_problem(self.parameterAsRasterLayer(parameters, "INPUT", context))

    def processAlgorithm(self, parameters, context, feedback):
        """Run the engine."""
        path = self.parameterAsFileOutput(parameters, "MODEL", context)
        if not path.endswith(".safetensors"):
            path += ".safetensors"
        with work_folder() as folder:
            inputs = Inputs(self, parameters, context, folder)
            minutes = inputs.number("TIME_LIMIT")
            arguments = [
                "train", raster_path(inputs.raster("INPUT")), inputs.polygons("LABELS"),
                *inputs.file("MORE"), os.path.abspath(path),
                *option("--time-limit", None if minutes is None else minutes * 60),
                *option("--steps", inputs.whole("STEPS")),
                *option("--chip", inputs.whole("CHIP")),
                *option("--batch", inputs.whole("BATCH")),
                *option("--rate", inputs.number("RATE")),
                *option("--validation", inputs.number("VALIDATION")),
                *option("--boundary-width", inputs.text("BOUNDARY_WIDTH")),
                *option("--architecture", inputs.word("ARCHITECTURE")),
                *inputs.bands(),
                *option("--device", inputs.word("DEVICE")),
                *option("--threads", inputs.whole("THREADS")),
                *inputs.flag("RESTART", "--restart"),
            ]
            made = self.run_engine(arguments, feedback, folder, replaced=inputs.replaced)
        if not made:
            return {}
        numbers = {key: value for key, value in made.items() if isinstance(value, float)}
        feedback.pushInfo(f"{made.get('steps', 0)} steps; {json.dumps(numbers)}")
        return {"MODEL": path, "STEPS": made.get("steps", 0), "SCORES": json.dumps(numbers)}


def _inputs() -> tuple:
    return (
        ask.scene(),
        ask.explained(
            QgsProcessingParameterFeatureSource("LABELS", "Known parcels", ask.POLYGONS),
            "The parcels in the scene: one polygon each, in any coordinate system. What no polygon "
            "covers counts as no parcel.",
        ),
        ask.advanced(ask.explained(
            QgsProcessingParameterFile("MORE", "More scenes", optional=True, extension="csv"),
            "A list of further scenes: a CSV file with the columns scene and labels.",
        )),
        ask.number(
            "TIME_LIMIT", "Time limit (minutes)",
            "The training ends by then. Empty: after the number of steps.", least=0.1, most=1e5,
        ),
    )


def _recipe() -> tuple:
    width = QgsProcessingParameterString("BOUNDARY_WIDTH", "Width of borders", "4")
    return tuple(ask.advanced(one) for one in (
        ask.number("STEPS", "Steps", "Updates of the weights. Empty: 4000, or as many as fit into "
                   "the time limit.", kind=WHOLE, least=1, most=1e9),
        ask.number("CHIP", "Chip size (pixels)", "Pixels per side of a training sample.",
                   kind=WHOLE, least=32, most=4096, default=256),
        ask.number("BATCH", "Chips per step", "Fewer need less memory.",
                   kind=WHOLE, least=1, most=1024, default=8),
        ask.number("RATE", "Highest learning rate", "Lower it where the loss jumps.",
                   least=1e-8, most=1.0, default=0.004),
        ask.number("VALIDATION", "Share that is held out", "Of the places in the scenes.",
                   least=0.01, most=0.9, default=0.2),
        ask.explained(width, "Full width of a border in the targets: 4 (pixels) or 3m (metres)."),
        ask.choice("ARCHITECTURE", "Network", "unet is the quickest for its quality.",
                   ("unet", "unet-origin", "unet-classic")),
    ))
