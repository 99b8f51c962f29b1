"""Find a model file: by its path, or by the name of one that comes with geoseg."""

from __future__ import annotations

from pathlib import Path

import geoseg.models
from geoseg.errors import ModelError

SUFFIXES = (".safetensors", ".onnx")
"""Of model files that predict."""


def bundled_models() -> list[Path]:
    """List the model files that come with geoseg."""
    return sorted(Path(geoseg.models.__file__).parent.glob("*.safetensors"))


def find_model(model: str | Path) -> Path:
    """Find a model file by its path, or by the name of one that comes with geoseg.

    Raises:
        ModelError: it is neither.
    """
    if Path(model).suffix.lower() in SUFFIXES:
        if not Path(model).is_file():
            raise ModelError(f"no model file {model}; check the path, or leave --model away to use "
                             "the bundled one")
        return Path(model)
    by_name = {path.stem: path for path in bundled_models()}
    if str(model) not in by_name:
        raise ModelError(
            f"{str(model)!r} is neither a model file ({', '.join(SUFFIXES)}) nor the name of a "
            f"model that comes with geoseg ({', '.join(by_name) or 'none'})"
        )
    return by_name[str(model)]
