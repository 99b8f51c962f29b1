"""Run the engine as a process that can be cancelled, and that never outlives QGIS.

The engine holds the other end of its standard input: it ends when that closes, which the system
does for us where QGIS is killed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from qgis.PyQt.QtCore import QProcess, QProcessEnvironment, QThread

from .engine import clean_environment
from .events import Lines

POLL_MS = 100
"""How often the cancel button is looked at."""
GRACE_SECONDS = 1.1
"""How long a cancelled engine may tidy up before it is killed."""
LONGEST_OUTPUT = 1 << 20
"""Bytes of standard output that are kept."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Exit code; the signal's number where it crashed."""
    crashed: bool
    """True where a signal ended it."""
    canceled: bool
    """True where we ended it."""
    output: str
    """Its standard output."""


def run_process(
    command: tuple,
    *,
    folder: str,
    canceled: Callable[[], bool],
    take: Callable[[list], None],
    seconds: float = float("inf"),
) -> Ended:
    """Run a command to its end.

    Args:
        command: program and arguments.
        folder: where it runs.
        canceled: asked every 100 ms; True ends the process and all that it started.
        take: is given the lines of its standard error as they come.
        seconds: after which it counts as hung and is killed.

    Raises:
        OSError: it could not be started.
    """
    process = _started(command, folder)
    lines, output = Lines(), bytearray()
    asked, began = 0.0, time.monotonic()
    while process.state() != QProcess.ProcessState.NotRunning:
        _wait(process)
        _read(process, lines, output, take)
        now = time.monotonic()
        if now - began > seconds:
            _kill_all(process)
        if not asked and canceled():
            asked = now
            process.closeWriteChannel()
        if asked and now - asked > GRACE_SECONDS:
            _kill_all(process)
    _read(process, lines, output, take)
    take(lines.take(b"", last=True))
    crashed = process.exitStatus() != QProcess.ExitStatus.NormalExit
    if asked or crashed:
        _kill_group(process_id(process))
    text = bytes(output).decode("utf-8", "replace")
    return Ended(process.exitCode(), crashed, bool(asked), text)


def process_id(process: QProcess) -> int:
    """Give the number that the process has, or had."""
    return int(process.property("geoseg_pid") or 0)


def _started(command: tuple, folder: str) -> QProcess:
    process = QProcess()
    environment = QProcessEnvironment()
    for name, value in clean_environment(os.environ).items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    process.setWorkingDirectory(folder)
    process.start(command[0], list(command[1:]))
    if not process.waitForStarted(20000):
        raise OSError(f"{command[0]} cannot be started: {process.errorString()}")
    process.setReadChannel(QProcess.ProcessChannel.StandardError)
    process.setProperty("geoseg_pid", int(process.processId()))
    return process


def _wait(process: QProcess) -> None:
    began = time.monotonic()
    if not process.waitForReadyRead(POLL_MS):
        left = POLL_MS - int(1000 * (time.monotonic() - began))
        if left > 0 and process.state() != QProcess.ProcessState.NotRunning:
            QThread.msleep(left)


def _read(process: QProcess, lines: Lines, output: bytearray, take: Callable) -> None:
    output += bytes(process.readAllStandardOutput())
    del output[:-LONGEST_OUTPUT]
    take(lines.take(bytes(process.readAllStandardError())))


def _kill_all(process: QProcess) -> None:
    """Kill the engine and what it started."""
    number = process_id(process)
    if os.name == "nt":
        system = os.environ.get("SYSTEMROOT", r"C:\Windows")
        taskkill = os.path.join(system, "System32", "taskkill.exe")
        QProcess.execute(taskkill, ["/T", "/F", "/PID", str(number)])
    else:
        _kill_group(number)
    process.kill()
    process.waitForFinished(POLL_MS)


def _kill_group(number: int) -> None:
    """Kill the process group that the engine made of itself and its children, if it is there."""
    if os.name == "nt" or number <= 1:
        return
    try:
        os.killpg(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
