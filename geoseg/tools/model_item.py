"""Describe a model as a STAC Item of the Machine Learning Model extension, for catalogues.

Source: STAC 1.1.0; https://github.com/stac-extensions/mlm, version 1.5.2.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from geoseg.learning.bundled import find_model
from geoseg.learning.stored import count_weights, is_onnx, read_spec
from geoseg.publish import publishing
from geoseg.spec import ModelSpec
from geoseg.tools.run_item import href_of

EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("mlm/v1.5.2", "classification/v2.0.0", "file/v2.1.0")
)
SHA256 = "1220"
"""Of a multihash: the function, and its length in bytes."""
TASKS = ["semantic-segmentation"]


def write_item(path: str | Path, model: str | Path) -> None:
    """Write the Item of a model: a bundled one by name, or a file; over an older Item.

    Raises:
        ModelError: no such model.
        OutputError: the file cannot be written.
    """
    with publishing(path, overwrite=True) as partial:
        item = make_item(Path(path), find_model(model))
        partial.write_text(json.dumps(item, indent=2) + "\n", encoding="utf-8")


def make_item(place: Path, path: Path) -> dict[str, Any]:
    """Give the Item of a model file, as it will lie at a place.

    Its time is that of the file; it has no geometry, since a model is of no place.

    Raises:
        ModelError: it is no model.
    """
    spec = read_spec(path)
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": _slug(path.stem),
        "geometry": None,
        "properties": {
            "datetime": changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "title": spec.name,
            "description": spec.source or "Parcels that can be seen in imagery.",
            "license": "other" if spec.license == "unknown" else spec.license,
            "bands": [{"name": band.name} for band in spec.bands],
            **_model(spec, path),
        },
        "links": [],
        "assets": {"model": _asset(place, path)},
    }


def _model(spec: ModelSpec, path: Path) -> dict[str, Any]:
    """Give the fields of the extension."""
    framework = ("ONNX", "onnx") if is_onnx(path) else ("PyTorch", "torch")
    return {
        "mlm:name": _slug(spec.name),
        "mlm:architecture": spec.architecture,
        "mlm:tasks": TASKS,
        "mlm:framework": framework[0],
        "mlm:framework_version": version(framework[1]),
        "mlm:total_parameters": count_weights(path),
        "mlm:input": [_input(spec)],
        "mlm:output": [_output(spec)],
        "mlm:hyperparameters": {
            "finest_resolution_m": spec.resolution[0],
            "coarsest_resolution_m": spec.resolution[1],
            "tile_divisor": spec.divisor,
            "halo": spec.halo,
            "exact": spec.exact,
            "parcel_threshold": spec.instances.parcel,
            "boundary_threshold": spec.instances.boundary,
            **spec.scores,
        },
    }


def _input(spec: ModelSpec) -> dict[str, Any]:
    side = spec.tile or -1
    return {
        "name": "pixels",
        "bands": [band.name for band in spec.bands],
        "input": {
            "shape": [-1, len(spec.bands), side, side],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "value_scaling": [
            {"type": "min-max", "minimum": band.low, "maximum": band.high} for band in spec.bands
        ],
    }


def _output(spec: ModelSpec) -> dict[str, Any]:
    side = spec.tile or -1
    return {
        "name": "probabilities",
        "tasks": TASKS,
        "result": {
            "shape": [-1, len(spec.classes), side, side],
            "dim_order": ["batch", "class", "height", "width"],
            "data_type": "float32",
        },
        "classification:classes": [
            {"value": one.value, "name": one.name, "description": f"probability of {one.name}"}
            for one in spec.classes
        ],
    }


def _asset(place: Path, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    kind = "onnx" if is_onnx(path) else "safetensors"
    return {
        "href": href_of(path, place),
        "type": f"application/octet-stream; application={kind}",
        "title": path.stem,
        "roles": ["mlm:model", "mlm:weights", "data"],
        "mlm:artifact_type": "onnx" if is_onnx(path) else "safetensors.torch.save_file",
        "file:size": path.stat().st_size,
        "file:checksum": SHA256 + digest,
    }


def _slug(name: str) -> str:
    """Keep what the extension allows in a name: at least three characters, a letter first."""
    plain = re.sub(r"[^a-zA-Z0-9_.-]+", "-", name).strip("-_.")
    return plain if re.fullmatch(r"[a-zA-Z].+[a-zA-Z0-9]", plain) else f"model-{plain or 'one'}"
