"""geoseg: land parcels from georeferenced imagery."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_TOOLS = ("vectorize", "predict", "polygonize", "train", "evaluate")
__all__ = ["__version__", *_TOOLS]


def __getattr__(name: str) -> Any:
    """Import a tool when it is first used: `geoseg.vectorize(...)`."""
    if name in _TOOLS:
        return getattr(importlib.import_module(f"geoseg.tools.{name}"), name)
    raise AttributeError(f"module 'geoseg' has no attribute {name!r}")
