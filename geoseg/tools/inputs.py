"""Let a tool take its raster as a path, an open dataset, or an array with a grid."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from geoseg.raster import named


def any_raster(tool: Callable[..., Any]) -> Callable[..., Any]:
    """Give the tool's first argument, whatever form a raster has, as a path; see `raster.named`."""

    @functools.wraps(tool)
    def run(raster: Any, *args: Any, **options: Any) -> Any:
        if raster is None:
            return tool(None, *args, **options)
        with named(raster) as path:
            return tool(path, *args, **options)

    return run
