"""Doctor: what is installed, which devices there are, and what to mend."""

from __future__ import annotations

from qgis.core import QgsProcessingOutputBoolean, QgsProcessingOutputString

from .base import EngineAlgorithm, read_json, work_folder


class Doctor(EngineAlgorithm):
    """Nothing -> what to mend."""

    NAME, TITLE = "doctor", "Doctor"
    GROUP = ("tools", "Tools")
    PROMISE = "Says which engine QGIS uses, its versions and devices, and what to mend."
    ABOUT = (
        "Run it first where anything fails, and send its log with a question: it names the "
        "engine's Python, the packages, the graphics card and the disk."
    )
    TAGS = ("gpu", "version", "diagnose", "install", "check")

    def initAlgorithm(self, configuration=None):
        """Declare the outputs."""
        self.addOutput(QgsProcessingOutputBoolean("OK", "Nothing to mend"))
        self.addOutput(QgsProcessingOutputString("CHECKS", "What was looked at, as JSON"))

    def processAlgorithm(self, parameters, context, feedback):
        """Ask the engine."""
        with work_folder() as folder:
            command = self.engine_command(feedback, folder)
            asked = ["doctor", "--json"]
            output = command and self.ask_engine(command, asked, feedback, folder)
        if not output:
            return {}
        checks = read_json(output)
        for check in checks:
            text = f"{check['name']}: {check['text']}"
            if check["ok"]:
                feedback.pushInfo(text)
            else:
                feedback.pushWarning(f"mend {text}")
        good = all(check["ok"] for check in checks)
        return {"OK": good, "CHECKS": output}
