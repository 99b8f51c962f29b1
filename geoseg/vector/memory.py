"""A layer that is no file: a GeoDataFrame, under a name of its own."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas
import pyogrio
import shapely
from pyogrio.errors import DataSourceError

from geoseg.errors import VectorError

REFUSALS = (DataSourceError, NotImplementedError, AttributeError, ValueError, TypeError)
"""What pyogrio and geopandas raise for a table that cannot be stored."""


def is_table(layer: Any) -> bool:
    """Tell whether a layer is a GeoDataFrame or a GeoSeries."""
    return isinstance(layer, geopandas.GeoDataFrame | geopandas.GeoSeries)


@contextmanager
def named_table(layer: geopandas.GeoDataFrame | geopandas.GeoSeries) -> Iterator[str]:
    """Give the name under which a table can be opened.

    Args:
        layer: its index is left out.

    Yields:
        The path of a GeoPackage, which is there until the block ends; its name is made of the
        shapes.

    Raises:
        VectorError: a column holds what no vector file can, such as complex numbers.
    """
    table = layer.to_frame("geometry") if isinstance(layer, geopandas.GeoSeries) else layer
    with tempfile.TemporaryDirectory(prefix="geoseg-") as folder:
        try:
            path = Path(folder) / _name(table)
            pyogrio.write_dataframe(table, path, driver="GPKG", layer=path.stem)
        except REFUSALS as error:
            reason = " ".join(str(error).split())[:200]
            raise VectorError(f"a GeoDataFrame cannot be used as a layer: {reason}") from error
        yield str(path)


def _name(table: geopandas.GeoDataFrame) -> str:
    digest = hashlib.sha256()
    for shape in shapely.to_wkb(table.geometry.to_numpy()):
        digest.update(shape or b"none")
    return f"table-{digest.hexdigest()[:12]}.gpkg"
