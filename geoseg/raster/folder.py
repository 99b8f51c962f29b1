"""The scenes that lie in a folder: its rasters, but for those that geoseg wrote there."""

from __future__ import annotations

import logging
from pathlib import Path

from geoseg.errors import GeosegError
from geoseg.raster.opening import RasterFile, is_raster

log = logging.getLogger(__name__)


def scenes_in(folder: Path) -> list[Path]:
    """List the scenes in a folder by name; hidden files and geoseg's own masks are none.

    Raises:
        OSError: the folder cannot be read.
    """
    named = sorted(one for one in folder.iterdir() if is_raster(one) and one.name[0] != ".")
    return [one for one in named if not _is_ours(one)]


def _is_ours(path: Path) -> bool:
    """Tell what geoseg wrote; what cannot be opened is for the reader of scenes to refuse."""
    try:
        with RasterFile(path) as raster:
            content = raster.content
    except GeosegError:
        return False
    if content is not None:
        log.info("%s is left out: geoseg wrote it (%s), it is no scene", path, content)
    return content is not None
