"""Polygons of a vector layer, read window by window with their numbers and classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError

from geoseg.errors import VectorError
from geoseg.grid import Bounds
from geoseg.vector.read import are_polygons, find_layer, read_known, read_table, valid_polygons

INDEXED = (".gpkg", ".fgb", ".shp", ".gdb")
"""Formats whose polygons are found by place without reading all."""
HELD = 50_000
"""A layer of no more features is read once and kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Some polygons of a layer."""

    number: NDArray[np.int64]
    """(n,) feature number, or row."""
    shapes: NDArray[np.object_]
    """(n,) valid polygons or multipolygons, in the layer's CRS."""
    classes: NDArray[np.object_] | None
    """(n,) class names; None where the layer has no such column."""


class PolygonLayer:
    """A layer of polygons; memory holds a window, or all of a small or unindexed layer.

    Attributes:
        path: as given.
        crs: WKT, or None.
        bounds: (xmin, ymin, xmax, ymax) in the CRS; None for an empty layer.
        count: features.
        held: all of a small layer, or of one without an index; None for others.
    """

    def __init__(
        self, path: str | Path, *, layer: str | None = None, field: str = "class"
    ) -> None:
        self.path = str(path)
        self._file, self._layer = find_layer(path, layer)
        self.held: Numbered | None = None
        if self._file.suffix.lower() == ".parquet":
            self._hold(read_table(path, layer), field)
            return
        about = self._info()
        self.count = int(about["features"])
        self._field = field if field in about["fields"] else None
        head = self._table(rows=1)
        self.crs = None if head.crs is None else head.crs.to_wkt()
        total = about["total_bounds"] if self.count else None
        self.bounds = tuple(map(float, total)) if total is not None else None
        if self.count <= HELD or self._file.suffix.lower() not in INDEXED:
            self._hold(self._table(), field)

    def read(self, bounds: Bounds) -> Numbered:
        """Read the polygons that touch bounds.

        Raises:
            VectorError: the file cannot be read.
        """
        return self._numbered(self._table(bounds=bounds))

    def _hold(self, table: geopandas.GeoDataFrame, field: str) -> None:
        self._field = field if field in table.columns else None
        self.crs = None if table.crs is None else table.crs.to_wkt()
        self.held = self._numbered(table)
        self.count = len(self.held.number)
        total = shapely.total_bounds(self.held.shapes).tolist() if self.count else None
        self.bounds = None if total is None else tuple(total)

    def _info(self) -> dict:
        try:
            return pyogrio.read_info(
                self._file, layer=self._layer, force_feature_count=True, force_total_bounds=True
            )
        except DataSourceError as error:
            raise VectorError(f"{self.path} cannot be read: {error}") from error

    def _table(
        self, *, bounds: Bounds | None = None, rows: int | None = None
    ) -> geopandas.GeoDataFrame:
        columns = [] if self._field is None else [self._field]
        return read_known(
            self.path, self._file, self._layer, columns=columns, bbox=bounds, max_features=rows,
            fid_as_index=True,
        )

    def _numbered(self, table: geopandas.GeoDataFrame) -> Numbered:
        table = table[are_polygons(self.path, table.geometry)]
        shapes = np.empty(len(table), object)
        shapes[:] = valid_polygons(table.geometry)
        kept = shapely.area(shapes) > 0
        classes = None
        if self._field is not None:
            names = table[self._field]
            classes = names.astype(object).where(names.notna(), "").astype(str).to_numpy(object)
            classes = classes[kept]
        return Numbered(table.index.to_numpy(np.int64)[kept], shapes[kept], classes)
