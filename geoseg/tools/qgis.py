"""Put the QGIS plugin into a profile, and point it to this Python."""

from __future__ import annotations

import configparser
import importlib.metadata
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import geoseg
from geoseg.errors import OptionError, OutputError
from geoseg.learning.bundled import bundled_models
from geoseg.publish import publish_bytes

PLUGIN = "geoseg_qgis"
"""The plugin's folder, and its name in QGIS's settings."""
ENGINE = Path("geoseg", "engine.json")
"""Where a profile says which Python the plugin starts."""
GENERATIONS = ("QGIS3", "QGIS4")
"""Folder names of the QGIS generations that the plugin works in; the first is the default."""


def install(
    *, profile: str | None = None, profiles_folder: str | Path | None = None
) -> list[Path]:
    """Copy the plugin into a profile, switch it on, and name this Python as its engine.

    Args:
        profile: name of the profile; None: the one that QGIS opens.
        profiles_folder: folder that holds the profiles; None: those of this system.

    Returns:
        The plugin's new folder in each profile: one for every generation of QGIS found.

    Raises:
        OptionError: there is no such profile.
        OutputError: the profile cannot be written to.
    """
    source = plugin_folder()
    return [_install(source, place) for place in _profiles(profile, profiles_folder)]


def uninstall(
    *, profile: str | None = None, profiles_folder: str | Path | None = None
) -> list[Path]:
    """Take the plugin out of a profile; arguments and errors as in `install`.

    Returns:
        The folders that were removed.
    """
    places = _profiles(profile, profiles_folder)
    try:
        return [place for place in map(_uninstall, places) if place is not None]
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{error.filename} cannot be removed: {error.strerror}") from error


def engines() -> dict[Path, dict[str, Any]]:
    """Give, for every profile of this system that has the plugin, what it names as its engine."""
    found = {}
    for generation in GENERATIONS:
        for plugin in sorted(_settings_root().glob(f"{generation}/profiles/*/python/plugins")):
            profile = plugin.parents[1]
            if (plugin / PLUGIN).is_dir():
                found[profile] = _engine_of(profile)
    return found


def _engine_of(profile: Path) -> dict[str, Any]:
    """Read a profile's `engine.json`; empty where it cannot be read."""
    try:
        said = json.loads((profile / ENGINE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def handshake(plugin_version: str) -> dict[str, Any]:
    """Say whether a version of the plugin fits this geoseg: the same major and minor number."""
    fits = _series(plugin_version) == _series(geoseg.__version__)
    advice = "" if fits else (
        f"the plugin is {plugin_version} and geoseg is {geoseg.__version__}: they do not fit. "
        f"Type in a terminal\n\n    {sys.executable} -m geoseg qgis install\n\n"
        "and start QGIS again."
    )
    return {"version": geoseg.__version__, "fits": fits, "advice": advice, "models": _models()}


def plugin_folder() -> Path:
    """Find the plugin: in the source tree, or where the wheel put it.

    Raises:
        OptionError: this installation came without it.
    """
    beside = Path(geoseg.__file__).resolve().parents[1] / "plugin" / PLUGIN
    if (beside / "metadata.txt").is_file():
        return beside
    for file in importlib.metadata.files("geoseg") or ():
        if file.parts[-2:] == (PLUGIN, "metadata.txt"):
            return Path(os.path.realpath(file.locate())).parent
    raise OptionError("this geoseg was installed without the QGIS plugin; install it again by pip")


def _models() -> list[str]:
    return [path.stem for path in bundled_models()]


def _profiles(name: str | None, folder: str | Path | None) -> list[Path]:
    if folder is not None:
        return [_profile(Path(folder), name)]
    roots = [_settings_root() / generation / "profiles" for generation in GENERATIONS]
    found = [root for root in roots if root.is_dir()] or roots[:1]
    return [_profile(root, name) for root in found]


def _settings_root() -> Path:
    """Give the folder where QGIS keeps its settings on this system."""
    if sys.platform == "win32":
        return Path(os.environ["APPDATA"]) / "QGIS"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "QGIS"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "QGIS"


def _profile(root: Path, name: str | None) -> Path:
    """Give a profile's folder; `default` need not exist, since QGIS makes it when it starts."""
    chosen = name or _usual_profile(root)
    if chosen != "default" and not (root / chosen).is_dir():
        names = sorted(one.name for one in root.iterdir() if one.is_dir()) if root.is_dir() else []
        raise OptionError(
            f"{root} has no profile {chosen!r}; there are: {', '.join(names) or 'none'}; "
            "choose one with --profile"
        )
    return root / chosen


def _usual_profile(root: Path) -> str:
    """Give the profile that QGIS opens: the one its profiles.ini names, else `default`."""
    settings = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        settings.read(root / "profiles.ini", encoding="utf-8")
    except configparser.Error:
        return "default"
    policy = settings.get("core", "selectionPolicy", fallback="0")
    last = settings.get("core", "lastProfile", fallback="")
    usual = settings.get("core", "defaultProfile", fallback="")
    chosen = last if policy == "0" and last else usual
    return chosen if chosen and (root / chosen).is_dir() else "default"


def _install(source: Path, profile: Path) -> Path:
    target = profile / "python" / "plugins" / PLUGIN
    try:
        _replace_folder(source, target)
        engine = profile / ENGINE
        engine.parent.mkdir(parents=True, exist_ok=True)
        written = {"python": sys.executable, "version": geoseg.__version__, "models": _models()}
        publish_bytes(engine, f"{json.dumps(written, indent=1)}\n".encode())
        _switch(profile, on=True)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{error.filename} cannot be written: {error.strerror}") from error
    return target


def _uninstall(profile: Path) -> Path | None:
    target = profile / "python" / "plugins" / PLUGIN
    if not target.is_dir():
        return None
    shutil.rmtree(target)
    shutil.rmtree(profile / "geoseg", ignore_errors=True)
    _switch(profile, on=False)
    return target


def _replace_folder(source: Path, target: Path) -> None:
    """Copy beside the target and swap, so that a failed copy leaves the old plugin."""
    new, old = target.with_name(f".{PLUGIN}.new"), target.with_name(f".{PLUGIN}.old")
    target.parent.mkdir(parents=True, exist_ok=True)
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, new, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    if target.exists():
        os.replace(target, old)
    os.replace(new, target)
    shutil.rmtree(old, ignore_errors=True)


def _switch(profile: Path, *, on: bool) -> None:
    """Switch the plugin on or off in QGIS's settings; every other line stays as it is."""
    generation = profile.parents[1].name
    name = f"{generation}.ini" if generation in GENERATIONS else "QGIS3.ini"
    path = profile / "QGIS" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text("utf-8", "surrogateescape") if path.exists() else ""
    publish_bytes(path, _with_plugin(text, on=on).encode("utf-8", "surrogateescape"))


def _with_plugin(text: str, *, on: bool) -> str:
    """Set the plugin's line in the text of a settings file.

    >>> _with_plugin("[PythonPlugins]\\nother=true\\n", on=True)
    '[PythonPlugins]\\ngeoseg_qgis=true\\nother=true\\n'
    """
    section, line = "[PythonPlugins]", f"{PLUGIN}={'true' if on else 'false'}"
    text = re.sub(rf"(?m)^{PLUGIN}=.*\n?", "", text)
    if re.search(rf"(?m)^{re.escape(section)}$", text):
        return re.sub(rf"(?m)^({re.escape(section)})$", rf"\1\n{line}", text, count=1)
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}{section}\n{line}\n"


def _series(version: str) -> list[str]:
    return version.split(".")[:2]
