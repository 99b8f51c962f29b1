"""Model information: what a model is, wants and scored."""

from __future__ import annotations

from qgis.core import QgsProcessingOutputString

from .. import parameters as ask
from ..inputs import Inputs, model_problem
from .base import EngineAlgorithm, work_folder


class ModelInfo(EngineAlgorithm):
    """model -> text."""

    NAME, TITLE = "modelinfo", "Model information"
    GROUP = ("tools", "Tools")
    PROMISE = "Says what a model is, which bands and pixel sizes it wants, and how good it was."
    ABOUT = "The text appears in the log; as an output it is JSON."
    TAGS = ("model", "bands", "scores")

    def initAlgorithm(self, configuration=None):
        """Declare the parameters."""
        self.addParameter(ask.model())
        self.addOutput(QgsProcessingOutputString("INFO", "What the model is, as JSON"))

    def problem(self, parameters, context) -> str:
        """Look at the model."""
        return model_problem(self.parameterAsString(parameters, "MODEL", context))

    def processAlgorithm(self, parameters, context, feedback):
        """Ask the engine twice: text for people, JSON for models and scripts."""
        with work_folder() as folder:
            name = Inputs(self, parameters, context, folder).model()
            command = self.engine_command(feedback, folder)
            if not command:
                return {}
            feedback.pushInfo(self.ask_engine(command, ["model", "info", name], feedback, folder))
            values = self.ask_engine(
                command, ["model", "info", name, "--json"], feedback, folder
            )
        return {"INFO": values} if values else {}
