"""Look at this installation and say what is missing and how to mend it."""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geoseg
from geoseg.learning.bundled import bundled_models
from geoseg.tools.qgis import engines

PACKAGES = (
    "click", "numpy", "affine", "rasterio", "shapely", "geopandas", "pyogrio", "pyarrow",
    "pyproj", "numba", "torch", "safetensors",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What."""
    ok: bool
    """True where nothing needs doing."""
    text: str
    """What was seen, and what to do where it is not ok."""


def doctor() -> list[Check]:
    """Check Python, packages, devices, the bundled model, QGIS's plugin and the disk."""
    checks = [_python(), *(_package(name) for name in PACKAGES)]
    if all(check.ok for check in checks):
        checks += [_gdal(), _device(), _model(), _kernels()]
    return [*checks, *_plugins(), _disk()]


def _python() -> Check:
    good = sys.version_info >= (3, 11)
    text = f"{platform.python_version()} at {sys.executable}, {platform.platform()}"
    return Check("python", good, text if good else f"{text}; geoseg wants 3.11 or newer")


def _package(name: str) -> Check:
    try:
        importlib.import_module(name)
        return Check(name, True, importlib.metadata.version(name))
    except ImportError as error:
        advice = f"{error}; install it: {sys.executable} -m pip install {name}"
        return Check(name, False, advice)


def _gdal() -> Check:
    rasterio, pyogrio = importlib.import_module("rasterio"), importlib.import_module("pyogrio")
    text = f"GDAL {rasterio.__gdal_version__} for rasters, "
    return Check("gdal", True, text + f"{pyogrio.__gdal_version_string__} for vectors")


def _device() -> Check:
    from geoseg.learning.devices import describe_device

    return Check("device", True, describe_device())


def _model() -> Check:
    names = ", ".join(path.stem for path in bundled_models())
    if not names:
        return Check("models", False, "no bundled model; install geoseg again")
    return Check("models", True, names)


def _kernels() -> Check:
    from geoseg.kernels.machine_code import seconds_to_come

    seconds = seconds_to_come()
    text = f"will be compiled on the first run, once; about {seconds} s" if seconds else "compiled"
    return Check("kernels", True, text)


def _plugins() -> list[Check]:
    """Check what the plugin in each QGIS profile would start."""
    found = engines()
    if not found:
        return [Check("qgis", True, "no plugin in QGIS; geoseg qgis install puts it there")]
    return [_plugin(profile.name, engine) for profile, engine in found.items()]


def _plugin(profile: str, engine: dict[str, Any]) -> Check:
    python, version = str(engine.get("python", "")), str(engine.get("version", ""))
    text = f"the plugin in profile {profile} starts {python or 'nothing'}"
    mend = f"type: {sys.executable} -m geoseg qgis install --profile {profile}"
    if not Path(python).is_file():
        return Check("qgis", False, f"{text}, which is not there; {mend}")
    if python == sys.executable and version != geoseg.__version__:
        return Check("qgis", False, f"{text} and is of geoseg {version}; {mend}")
    return Check("qgis", True, text)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    text = f"{free / 2**30:.1f} GiB free in {Path.cwd()}"
    good = free > 2**30
    return Check("disk", good, text if good else f"{text}; a large scene needs more")
