"""Import what only some installations have, and say how to get it."""

from __future__ import annotations

import importlib
from types import ModuleType

from geoseg.errors import ModelError, install_with


def needed(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of an extra.

    Args:
        module: to import.
        extra: of geoseg that brings it.
        purpose: what cannot be done without it, for the message.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise ModelError(
            f"{purpose} needs {module}, which is not installed: {install_with(extra)}"
        ) from error
