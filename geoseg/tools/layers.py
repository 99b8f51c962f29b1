"""Parcels of a vector layer or a label raster, read by place in one CRS."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoseg.crs import transformer
from geoseg.errors import CRSError
from geoseg.grid import Bounds
from geoseg.ground import pixel_size
from geoseg.raster import ParcelRaster, is_raster
from geoseg.vector import Numbered, PolygonLayer

HELD_PIXELS = 1 << 24
"""A label raster of no more pixels is drawn once and kept."""
SLACK = 0.01
"""Widening of a window that is moved to another CRS, as a share of its size."""

Move = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Layer:
    """Parcels where they lie in the CRS of `place`; until then, in their own.

    Attributes:
        path: as given.
        crs: WKT of the file's CRS, or None.
        bounds: in the file's CRS, later in that of `place`; None where the layer is empty.
        count: features or labels.
        placed_crs: WKT of the CRS of `place`, or None.
        pixel: side of a square as large as a pixel: in metres, or in units of the transform without
            a CRS; None for a vector layer.
    """

    def __init__(self, path: str | Path, *, layer: str | None, field: str, close: ExitStack):
        self.path = str(path)
        self._raster: ParcelRaster | None = None
        self._vector: PolygonLayer | None = None
        self._tree: shapely.STRtree | None = None
        self._there: Move | None = None
        self._back: pyproj.Transformer | None = None
        self.placed_crs: str | None = None
        if is_raster(path):
            self._raster = source = close.enter_context(ParcelRaster(path))
            self.crs, self.count = source.geobox.crs, len(source.labels)
            self.pixel = math.sqrt(math.prod(pixel_size(source.geobox)))
            small = source.geobox.width * source.geobox.height <= HELD_PIXELS
            self._held = _numbered(source, source.bounds) if small else None
        else:
            self._vector = source = PolygonLayer(path, layer=layer, field=field)
            self.crs, self.count, self.pixel = source.crs, source.count, None
            self._held = source.held
        self.bounds = source.bounds

    @property
    def is_raster(self) -> bool:
        """Tell whether the parcels are labels of pixels."""
        return self._raster is not None

    @property
    def nodata(self) -> float | None:
        """The label that means no data, of a raster."""
        return None if self._raster is None else self._raster.nodata

    def place(self, crs: str | None) -> None:
        """Give parcels in this CRS from now on."""
        self.placed_crs = crs
        if crs is not None and pyproj.CRS.from_wkt(crs) != pyproj.CRS.from_wkt(self.crs):
            there, self._back = transformer(self.crs, crs), transformer(crs, self.crs)
            self._there = lambda xy: np.column_stack(there.transform(*xy.T))
            if self.bounds is not None:
                self.bounds = there.transform_bounds(*self.bounds)
        if self._held is not None:
            self._held = self._moved(self._held)
            self._tree = shapely.STRtree(self._held.shapes)

    def read(self, bounds: Bounds) -> Numbered:
        """Give the parcels whose box touches bounds, by ascending number."""
        if self._tree is not None:
            rows = np.sort(self._tree.query(shapely.box(*bounds)))
            return taken(self._held, rows)
        source = self._raster or self._vector
        own = self._own(bounds)
        if self._raster is None:
            found = self._moved(source.read(own))
        else:
            found = self._moved(_numbered(source, own))
        return taken(found, np.argsort(found.number, kind="stable"))

    def unknown(self, bounds: Bounds) -> list[BaseGeometry]:
        """Give the ground within bounds that a label raster does not know."""
        if self._raster is None:
            return []
        return list(self._shapes(np.array(self._raster.unknown(self._own(bounds)), object)))

    def _own(self, bounds: Bounds) -> Bounds:
        if self._back is None:
            return bounds
        xmin, ymin, xmax, ymax = self._back.transform_bounds(*bounds)
        dx, dy = SLACK * (xmax - xmin), SLACK * (ymax - ymin)
        return xmin - dx, ymin - dy, xmax + dx, ymax + dy

    def _moved(self, found: Numbered) -> Numbered:
        return Numbered(found.number, self._shapes(found.shapes), found.classes)

    def _shapes(self, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
        if self._there is None or not len(shapes):
            return shapes
        moved = shapely.transform(shapes, self._there)
        if not np.isfinite(shapely.total_bounds(moved)).all():
            raise CRSError(
                f"{self.path} has coordinates that do not exist in the CRS of the comparison; "
                "check the CRS of both"
            )
        wrong = ~shapely.is_valid(moved)
        moved[wrong] = shapely.buffer(moved[wrong], 0)
        return moved


def taken(found: Numbered, rows: NDArray[np.int64]) -> Numbered:
    """Give some rows."""
    classes = None if found.classes is None else found.classes[rows]
    return Numbered(found.number[rows], found.shapes[rows], classes)


def _numbered(source: ParcelRaster, bounds: Bounds) -> Numbered:
    return Numbered(*source.parcels(bounds), None)


def joint_bounds(*layers: Layer) -> Bounds:
    """Give the bounds of all layers together, in their common CRS; at least one is not empty."""
    boxes = np.array([one.bounds for one in layers if one.bounds is not None])
    return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
