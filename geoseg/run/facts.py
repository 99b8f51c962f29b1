"""What a result depends on, as values that can be compared: a changed input is another job."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geoseg import __version__
from geoseg.errors import RasterError
from geoseg.grid import GeoBox, Window

SAMPLES = 16
"""Places of a file that are read; a changed file of equal size and time is found by these."""
SAMPLE_BYTES = 1 << 16
"""Bytes of each of them."""
SAMPLE_SIDE = 32
"""Pixels per side of a sampled window."""
ENGINES = ("torch", "numpy", "rasterio")
"""Packages whose version may change a result's last bit."""


class Pixels(Protocol):
    """A grid, and windows of it."""

    @property
    def geobox(self) -> GeoBox: ...

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]: ...


def of_software(*packages: str) -> dict[str, Any]:
    """Give the versions that matter: geoseg's, the engines' and those of further packages."""
    return {"geoseg": __version__} | {name: _version(name) for name in (*ENGINES, *packages)}


def of_model(path: Path) -> dict[str, Any]:
    """Give a model file's checksum."""
    with path.open("rb") as file:
        return {"model": hashlib.file_digest(file, "sha256").hexdigest()}


def of_scene(path: str, pixels: Pixels) -> dict[str, Any]:
    """Tell a scene by its file (size, time, some bytes), its grid, and some pixels.

    Args:
        path: the scene; of a file on the network only grid and pixels are compared.
        pixels: as the model will see them, area of interest included.

    Raises:
        RasterError: the pixels cannot be read.
    """
    box = pixels.geobox
    return of_file("scene", path) | {
        "scene grid": [box.height, box.width, *map(float, box.transform[:6])],
        "scene crs": box.crs,
        "scene pixels": _sampled_pixels(pixels),
    }


def of_file(name: str, path: str | Path) -> dict[str, Any]:
    """Tell a file by its size, time of change, and some of its bytes.

    Raises:
        RasterError: the disk does not give them.
    """
    if not Path(path).is_file():
        return {name: str(path)}
    try:
        return _of_regular(name, Path(path))
    except OSError as error:
        raise RasterError(
            f"{path} cannot be read: {error.strerror}; check its disk, or copy it again"
        ) from error


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say which facts differ, as one line; empty where none does."""
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    return "; ".join(f"{key}: {_short(old.get(key))} -> {_short(new.get(key))}" for key in keys)


def _of_regular(name: str, path: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        name: path.name,
        f"{name} size": status.st_size,
        f"{name} time": status.st_mtime_ns,
        f"{name} bytes": _sampled_bytes(path, status.st_size),
    }


def _sampled_bytes(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        for place in np.linspace(0, max(0, size - SAMPLE_BYTES), SAMPLES).astype(np.int64):
            file.seek(int(place), os.SEEK_SET)
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def _sampled_pixels(pixels: Pixels) -> str:
    digest = hashlib.sha256()
    for window in _windows(pixels.geobox):
        data, valid = pixels.read(window)
        digest.update(np.ascontiguousarray(data).data)
        digest.update(np.packbits(valid).data)
    return digest.hexdigest()


def _windows(box: GeoBox) -> Iterator[Window]:
    """Give nine windows: corners, middles of the sides, centre."""
    height, width = min(SAMPLE_SIDE, box.height), min(SAMPLE_SIDE, box.width)
    for i in range(3):
        for j in range(3):
            col, row = (box.width - width) * j // 2, (box.height - height) * i // 2
            yield Window(col, row, width, height)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
