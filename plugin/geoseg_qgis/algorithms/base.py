"""What all algorithms share: names, help, and one way to run the engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingUtils,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from .. import settings
from ..command import PROGRESS, full_command, text_to_copy
from ..engine import PLUGIN_VERSION, MissingEngine, check_answer
from ..events import Conversation
from ..process import run_process

FOLDER = os.path.dirname(os.path.dirname(__file__))
HANDSHAKE_SECONDS = 60.0
"""A first start on a slow disk takes a few seconds; after this it counts as hung."""
REFUSAL = "geoseg: "
"""Begins the line in which a quick command says why it will not."""


class EngineAlgorithm(QgsProcessingAlgorithm):
    """An algorithm whose work is one command of the engine."""

    NAME = TITLE = PROMISE = ABOUT = ""
    GROUP = ("parcels", "Parcels")
    TAGS: tuple = ()
    STAGES: tuple = ()

    def createInstance(self):
        """Give a new one of the same kind."""
        return type(self)()

    def name(self):
        """Give the second half of the name, such as segmentparcels."""
        return self.NAME

    def displayName(self):
        """Give the name in the Toolbox."""
        return self.TITLE

    def groupId(self):
        """Give the group's name for programs."""
        return self.GROUP[0]

    def group(self):
        """Give the group's name in the Toolbox."""
        return self.GROUP[1]

    def tags(self):
        """Give words that the Toolbox finds this by."""
        return [*self.TAGS, "geoseg", "parcel", "cadastre", "segmentation", "deep learning"]

    def icon(self):
        """Give the icon."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self):
        """Give the icon's file."""
        return os.path.join(FOLDER, "icon.svg")

    def shortDescription(self):
        """Give the one line."""
        return self.PROMISE

    def shortHelpString(self):
        """Give the help beside the dialog: every parameter explained."""
        parts = [f"<p>{self.PROMISE}</p>", f"<p>{self.ABOUT}</p>"]
        hidden = QgsProcessingParameterDefinition.Flag.FlagHidden
        for one in self.parameterDefinitions():
            if not one.flags() & hidden:
                parts.append(f"<h3>{one.description()}</h3><p>{one.help()}</p>")
        return "".join(parts)

    def helpUrl(self):
        """Give the page of the guide, which comes with the plugin."""
        url = QUrl.fromLocalFile(os.path.join(FOLDER, "help.html"))
        url.setFragment(self.NAME)
        return url.toString()

    def canExecute(self):
        """Say whether there is an engine; the dialog shows the text where there is none."""
        try:
            settings.engine()
        except MissingEngine as missing:
            return False, _readable(str(missing))
        return True, ""

    def checkParameterValues(self, parameters, context):
        """Refuse what the engine would refuse, before it starts."""
        good, text = super().checkParameterValues(parameters, context)
        text = self.problem(parameters, context) if good else text
        return good and not text, text

    def problem(self, parameters, context) -> str:
        """Say why the engine would refuse the parameters; empty where nothing speaks against it."""
        return ""

    def run_engine(self, arguments, feedback, folder, *, replaced=None) -> dict:
        """Run a command of the engine, show what it says, and give its result event.

        Args:
            arguments: of the command, without the program.
            feedback: QGIS's.
            folder: where it runs.
            replaced: temporary paths and what to show in their place.

        Returns:
            The result; empty where the user cancelled.

        Raises:
            QgsProcessingException: it failed; the text says why.
        """
        command = self.engine_command(feedback, folder)
        if not command:
            return {}
        feedback.pushInfo("The same in a terminal:")
        feedback.pushCommandInfo(text_to_copy(arguments, replaced or {}))
        talk = Conversation(feedback, self.STAGES)
        ended = self._run(command, [*arguments, *PROGRESS], folder, feedback, talk)
        if ended.canceled:
            feedback.pushInfo("Cancelled: the engine has ended, and there is no output.")
            return {}
        if ended.code != 0 or ended.crashed or not talk.result:
            raise QgsProcessingException(self._in_its_own_words(failure(ended, talk)))
        return talk.result

    def ask_engine(self, command, arguments, feedback, folder, *, replaced=None) -> str:
        """Run a quick command of the engine, and give its standard output ('' where cancelled).

        Raises:
            QgsProcessingException: it said nothing; the text says why.
        """
        shown = [one for one in arguments if one != "--json"]
        feedback.pushCommandInfo(text_to_copy(shown, replaced or {}))
        talk = Conversation(feedback, ())
        ended = self._run(command, arguments, folder, feedback, talk)
        if ended.canceled:
            return ""
        if ended.crashed or not ended.output.strip():
            raise QgsProcessingException(self._in_its_own_words(failure(ended, talk)))
        return ended.output.strip()

    def engine_command(self, feedback, folder) -> tuple:
        """Find the engine and check that it fits; empty where the user cancelled."""
        said: list = []
        try:
            engine = settings.engine()
            ended = run_process(
                (*engine.command, "qgis", "handshake", PLUGIN_VERSION),
                folder=folder, canceled=feedback.isCanceled, take=said.extend,
                seconds=HANDSHAKE_SECONDS,
            )
            if ended.canceled:
                return ()
            code = ended.code or int(ended.crashed)
            answer = check_answer(engine, code, ended.output, "\n".join(said))
        except (MissingEngine, OSError) as missing:
            raise QgsProcessingException(str(missing)) from missing
        program = " ".join(engine.command)
        feedback.pushInfo(f"geoseg {answer['version']}: {program} (named by {engine.found_by})")
        return engine.command

    def _in_its_own_words(self, text) -> str:
        """Add what the options that the engine names are called in the dialog."""
        said = re.findall(r"--[a-z][a-z-]*", text)
        labels = {f"--{one.name().lower().replace('_', '-')}": one.description()
                  for one in self.parameterDefinitions()}
        named = [f"{option} is “{labels[option]}”" for option in dict.fromkeys(said)
                 if option in labels]
        return f"{text}\n(In this dialog {', '.join(named)}.)" if named else text

    def _run(self, command, arguments, folder, feedback, talk):
        try:
            ended = run_process(
                full_command(command, arguments), folder=folder, canceled=feedback.isCanceled,
                take=talk.take,
            )
        except OSError as error:
            raise QgsProcessingException(str(error)) from error
        talk.take([], last=True)
        return ended


def read_json(answer: str):
    """Read the engine's answer.

    Raises:
        QgsProcessingException: it is no JSON.
    """
    try:
        return json.loads(answer.splitlines()[-1])
    except ValueError as error:
        raise QgsProcessingException(f"the engine's answer is no JSON: {answer}") from error


def failure(ended, talk) -> str:
    """Say why the engine failed: its own word, else the exit code and its last lines."""
    refusals = [line[len(REFUSAL):] for line in talk.tail if line.startswith(REFUSAL)]
    said = talk.error or " ".join(refusals)
    if said and not ended.crashed:
        return said
    tail = "\n".join(talk.tail)
    if ended.crashed and ended.code in (9, 137) or ended.code in (-9, 137):
        reason = (
            "the engine was killed, probably for want of memory: set Main memory that may be "
            "used, or lower Tile size and Tiles per call of the network"
        )
    elif ended.crashed:
        reason = f"the engine crashed (signal or code {ended.code})"
    elif ended.code == 0:
        reason = "the engine ended without a result"
    else:
        reason = f"the engine failed with exit code {ended.code}"
    return f"{reason}. Its last words:\n{tail}" if tail else reason


@contextmanager
def work_folder():
    """Give a temporary folder in QGIS's own; it is gone afterwards, whatever happened."""
    folder = tempfile.mkdtemp(prefix="geoseg-", dir=QgsProcessingUtils.tempFolder())
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _readable(text: str) -> str:
    """Give text as HTML in the window, where a message box would run its lines together."""
    from qgis.utils import iface

    if iface is None:
        return text
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"\n +", "\n&nbsp;&nbsp;&nbsp;&nbsp;", escaped).replace("\n", "<br>")
