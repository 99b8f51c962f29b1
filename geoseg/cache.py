"""What geoseg keeps on this machine from run to run: compiled loops and fetched weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Give the folder: in the user's cache.

    Not beside the package: pip leaves a folder that has files of others when it removes a package,
    and what is left of `geoseg` would then hide one that is installed in editable mode.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geoseg"


@contextmanager
def numba_cache() -> Iterator[None]:
    """Let numba keep what is decorated inside there; a folder that the user named goes first."""
    from numba import config  # a second; most runs need no numba

    named = config.CACHE_DIR
    config.CACHE_DIR = named or str(cache_folder())
    try:
        yield
    finally:
        config.CACHE_DIR = named
