"""geoseg: land parcels from georeferenced imagery."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_TOOLS = ("vectorize", "predict", "polygonize", "train", "evaluate")
__all__ = ["__version__", *_TOOLS]


class _Package(ModuleType):
    """This package: `geoseg.vectorize` is the tool, also once the subpackage is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Drop what the import system would put before a tool of the same name."""
        if not (name in _TOOLS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    """Import a tool when it is first used: `geoseg.vectorize(...)`."""
    if name in _TOOLS:
        return getattr(importlib.import_module(f"geoseg.tools.{name}"), name)
    raise AttributeError(f"module 'geoseg' has no attribute {name!r}")


sys.modules[__name__].__class__ = _Package
