"""Let a tool take rasters and layers as paths, or as what a Python program already holds."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from geoseg.raster import named
from geoseg.tools.result import MaskResult, Result

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries
    from numpy.typing import ArrayLike
    from rasterio.io import DatasetReader
    from xarray import DataArray

    from geoseg.grid import GeoBox

RasterLike: TypeAlias = (
    "str | Path | DatasetReader | tuple[ArrayLike, GeoBox] | DataArray | MaskResult"
)
"""A raster: a path or URL, a STAC item, an open rasterio dataset, (array, GeoBox), a DataArray with
rioxarray, or what `predict` gave."""
LayerLike: TypeAlias = "str | Path | GeoDataFrame | GeoSeries | Result"
"""A vector layer: a path, a table in memory, or what `vectorize` gave."""
Tool: TypeAlias = Callable[..., Any]


def as_paths(
    *, rasters: tuple[str, ...] = (), layers: tuple[str, ...] = ()
) -> Callable[[Tool], Tool]:
    """Let a tool's arguments have any form, and give them to it as paths.

    Args:
        rasters: names of the arguments that are RasterLike.
        layers: names of those that are LayerLike, or either of the two.
    """

    def decorate(tool: Tool) -> Tool:
        signature = inspect.signature(tool)

        @functools.wraps(tool)
        def run(*args: Any, **options: Any) -> Any:
            given = signature.bind(*args, **options)
            with ExitStack() as close:
                for place in (given.arguments, given.arguments.get("options", {})):
                    for name in place.keys() & {*rasters, *layers}:
                        as_path = raster_path if name in rasters else layer_path
                        place[name] = close.enter_context(as_path(place[name]))
                return tool(*given.args, **given.kwargs)

        return run

    return decorate


@contextmanager
def raster_path(raster: RasterLike | None) -> Iterator[str | None]:
    """Give the path of a raster, while the block lasts; None for None.

    Raises:
        RasterError: it is no raster.
    """
    if raster is None:
        yield None
    else:
        with named(raster.path if isinstance(raster, MaskResult) else raster) as path:
            yield path


@contextmanager
def layer_path(layer: LayerLike | RasterLike | None) -> Iterator[str | None]:
    """Give the path of a layer, or of a raster of labels, while the block lasts; None for None.

    Raises:
        RasterError, VectorError: it is neither.
    """
    if layer is None or isinstance(layer, str | Path):
        yield None if layer is None else str(layer)
    elif isinstance(layer, Result):
        in_layer = f"|layername={layer.layer}" if layer.path.suffix.lower() == ".gpkg" else ""
        yield f"{layer.path}{in_layer}"
    else:
        from geoseg.vector import is_table, named_table  # needs memory, and `predict` does not

        with named_table(layer) if is_table(layer) else named(layer) as path:
            yield path
