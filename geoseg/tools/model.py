"""Say what is in a model file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from geoseg.errors import ModelError
from geoseg.learning.bundled import SUFFIXES, find_model
from geoseg.learning.stored import read_spec
from geoseg.spec import ANY_RESOLUTION, ModelSpec


def model_info(model: str) -> dict[str, Any]:
    """Give a model's spec, path and size; weights are not loaded.

    Raises:
        ModelError: no such model, or not a geoseg model file.
    """
    path = find_model(model)
    return {"path": str(path), "bytes": path.stat().st_size, **asdict(read_spec(path))}


def describe(model: str) -> str:
    """Say what a model is, what it wants and how good it was, in a few lines.

    Raises:
        ModelError: no such model, or not a geoseg model file.
    """
    path = find_model(model)
    spec = read_spec(path)
    lines = {
        "model": f"{spec.name} ({spec.architecture}, width {spec.width})",
        "file": f"{path} ({path.stat().st_size / 1e6:.1f} MB)",
        "bands": ", ".join(f"{one.name} {one.low:g}..{one.high:g}" for one in spec.bands)
        + f" ({spec.dtype}; other types are stretched)",
        "classes": ", ".join(one.name for one in spec.classes),
        "resolution": _metres(spec),
        "tiles": _tiles(spec)
        + f", halo {spec.halo}, "
        + ("exact at any tile size" if spec.exact else "blended, not exact"),
        "parcels": _thresholds(spec),
        "scores": _scores(spec),
        "licence": spec.license,
        "source": spec.source or "not stated",
    }
    return "\n".join(f"{name:11}{text}" for name, text in lines.items())


def stored_in(folder: str) -> list[Path]:
    """List the model files in a folder.

    Raises:
        ModelError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise ModelError(f"no folder {folder}")
    return sorted(one for one in Path(folder).iterdir() if one.suffix in SUFFIXES)


def one_line(path: Path) -> str:
    """Say what a model file is in one line, or why it is none."""
    try:
        spec = read_spec(path)
    except ModelError as error:
        return f"{path.name}: {error}"
    metres = "any pixels" if spec.resolution == ANY_RESOLUTION else f"{spec.metres} per pixel"
    kind = "exact" if spec.exact else "blended, not exact"
    return f"{path.name}: {spec.architecture}, {metres}, {kind}"


def _metres(spec: ModelSpec) -> str:
    if spec.resolution == ANY_RESOLUTION:
        return "not stated; scenes are read as they are"
    return f"{spec.metres} per pixel; other scenes are resampled"


def _scores(spec: ModelSpec) -> str:
    """Give the IoU of each class; how it was held out is in the model's card."""
    ious = {name: value for name, value in spec.scores.items() if name.endswith("_iou")}
    told = ", ".join(f"{name.removesuffix('_iou')} IoU {one:.3f}" for name, one in ious.items())
    return f"{told}, on chips held out of its training" if told else "not stated"


def _tiles(spec: ModelSpec) -> str:
    if spec.tile is not None:
        return f"{spec.tile} pixels only"
    return f"multiples of {spec.divisor} pixels"


def _thresholds(spec: ModelSpec) -> str:
    one = spec.instances
    return (
        f"parcel >= {one.parcel:g}, boundary >= {one.boundary:g}, merge < {one.merge:g}, "
        f"smallest {one.min_area_m2:g} m2, confidence >= {one.confidence:g}"
    )
