"""Where the engine is, whether it fits, and what to type where it is missing.

The *engine* is geoseg in a Python of its own, such as `/home/ann/geoseg-env/bin/python -m geoseg`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

PLUGIN_VERSION = "0.1.0"
"""The same as in metadata.txt."""
FIRST, BEFORE = "0.1", "0.2"
"""Engines from FIRST on and before BEFORE fit this plugin."""
FOREIGN = (
    "PYTHON", "PROJ_", "GDAL_", "OGR_", "CPL_", "QGIS_", "QT_", "QML", "LD_", "DYLD_", "GRASS_",
    "GISBASE", "PIP_", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "SSL_CERT_", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
"""Variables beginning so are of QGIS's own Python and libraries, and would break another's."""


class MissingEngine(Exception):
    """There is no engine, or it does not fit; the text says what to type."""


@dataclass(frozen=True)
class Engine:
    """How geoseg is called."""

    command: tuple
    """Program and its first arguments."""
    found_by: str
    """What named it, for people."""


def find_engine(*, setting: str, variable: str, profile: str, on_path: str) -> Engine:
    """Find the engine: the first of these that names one counts.

    Args:
        setting: Python in the options of QGIS; empty where it is not set.
        variable: Python in the environment variable GEOSEG_PYTHON.
        profile: folder of the QGIS profile; `geoseg qgis install` leaves geoseg/engine.json there.
        on_path: the program geoseg on the PATH.

    Raises:
        MissingEngine: nothing names one, or the first that does names a file that is not there.
    """
    named = (
        ("the setting in Options, Processing, Providers, geoseg", setting),
        ("the environment variable GEOSEG_PYTHON", variable),
        (engine_file(profile), _python_of(engine_file(profile))),
    )
    for source, python in named:
        if python:
            return _checked(source, os.path.expanduser(python))
    if on_path:
        return Engine((on_path,), "the PATH")
    raise MissingEngine(advice("geoseg is not installed, or this QGIS does not know where."))


def engine_file(profile: str) -> str:
    """Give the file in which `geoseg qgis install` names the engine."""
    return os.path.join(profile, "geoseg", "engine.json")


def advice(problem: str) -> str:
    """Say what is wrong, and the three lines that mend it."""
    folder = "geoseg-env\\Scripts\\" if os.name == "nt" else "geoseg-env/bin/"
    python = "py -3" if os.name == "nt" else "python3"
    return (
        f"{problem} Type in a terminal, beside the folder geoseg that you downloaded:\n\n"
        f"    {python} -m venv geoseg-env\n"
        f"    {folder}pip install ./geoseg\n"
        f"    {folder}geoseg qgis install\n\n"
        "and start QGIS again."
    )


def clean_environment(environment: Mapping[str, str]) -> dict:
    """Leave out what belongs to QGIS's own Python and libraries."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(FOREIGN)
    }
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


def check_answer(engine: Engine, code: int, output: str, errors: str) -> dict:
    """Read the engine's answer to `qgis handshake`.

    Returns:
        Its fields: version, models (names of the bundled ones).

    Raises:
        MissingEngine: it is no geoseg, or it does not fit this plugin.
    """
    program = engine.command[0]
    if "No module named" in errors and "geoseg" in errors:
        raise MissingEngine(
            f"{program} (named by {engine.found_by}) has no geoseg. Type in a terminal, beside "
            f"the folder geoseg that you downloaded:\n\n    {quoted(program)} -m pip install "
            "./geoseg\n"
        )
    answer = _json_of(output) if code == 0 else {}
    version = str(answer.get("version", ""))
    if not version:
        raise MissingEngine(_unfit(engine, "an older version", errors))
    if not _number(FIRST) <= _number(version) < _number(BEFORE):
        raise MissingEngine(_unfit(engine, f"geoseg {version}", ""))
    if not answer.get("fits"):
        raise MissingEngine(str(answer.get("advice") or _unfit(engine, f"geoseg {version}", "")))
    return answer


def quoted(text: str) -> str:
    """Quote a word of a command line where it needs it."""
    if os.name == "nt":
        return f'"{text}"' if " " in text or "&" in text else text
    safe = all(letter.isalnum() or letter in "@%+=:,./-_" for letter in text) and text.isascii()
    return text if safe and text else "'" + text.replace("'", "'\"'\"'") + "'"


def _checked(source: str, python: str) -> Engine:
    if not os.path.isfile(python):
        raise MissingEngine(advice(f"{source} names {python}, which is not there."))
    return Engine((python, "-u", "-m", "geoseg"), source)


def _python_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file)["python"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _unfit(engine: Engine, seen: str, errors: str) -> str:
    tail = f"\n\nIt said:\n{errors.strip()[-500:]}" if errors.strip() else ""
    program = " ".join(quoted(word) for word in engine.command)
    return (
        f"{program} (named by {engine.found_by}) is {seen}; this plugin is {PLUGIN_VERSION} and "
        f"works with geoseg from {FIRST} on and before {BEFORE}. Bring both to one version: with "
        "the newer geoseg installed, type\n\n"
        f"    {program} qgis install\n\n"
        f"and start QGIS again.{tail}"
    )


def _number(version: str) -> tuple:
    digits = []
    for part in version.split(".")[:2]:
        number = "".join(letter for letter in part if letter.isdigit())
        digits.append(int(number or 0))
    return tuple(digits)


def _json_of(text: str) -> dict:
    for line in reversed(text.strip().splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}
