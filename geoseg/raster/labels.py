"""A raster of labels as parcels: every label above 0 is one, drawn along its pixels' edges."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray

from geoseg.grid import Bounds, Window
from geoseg.raster.scene import Labels

STRIP_PIXELS = 1 << 24
"""Pixels that are looked through at once."""


class ParcelRaster:
    """Labels of a raster's first band; memory holds the pixels of the labels that are asked for.

    0 is no parcel; what is below 0 or no data is not known. Use it in a `with` statement.

    Attributes:
        path: as given.
        geobox: the grid.
        labels: (n,) the labels, ascending.
        boxes: (n, 4) first row, first column, and one past the last of each.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._scene = Labels(path)
        self.geobox = self._scene.geobox
        self.labels, self.boxes = self._boxes()

    def __enter__(self) -> ParcelRaster:
        return self

    def __exit__(self, *error: object) -> None:
        self._scene.__exit__(*error)

    def parcels(self, bounds: Bounds) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
        """Give the labels whose pixels' box touches bounds (in the grid's CRS), and their shapes.

        Raises:
            RasterError: the pixels cannot be read.
        """
        rows0, cols0, rows1, cols1 = self.boxes.T
        c0, r0, c1, r1 = self._pixels(bounds)
        index = np.flatnonzero((cols0 <= c1) & (cols1 >= c0) & (rows0 <= r1) & (rows1 >= r0))
        if not len(index):
            return self.labels[index], np.zeros(0, object)
        first, last = self.boxes[index, :2].min(axis=0), self.boxes[index, 2:].max(axis=0)
        window = Window(int(first[1]), int(first[0]), int(last[1] - first[1]),
                        int(last[0] - first[0]))
        labels = self._labels(window)
        wanted = self.labels[index]
        place = np.clip(np.searchsorted(wanted, labels), 0, len(wanted) - 1)
        drawn = np.where(wanted[place] == labels, place + 1, 0).astype(np.int32)
        return wanted, self._shapes(drawn, window, len(wanted))

    @property
    def bounds(self) -> Bounds:
        """(xmin, ymin, xmax, ymax) of the grid, in its CRS."""
        return self.geobox.bounds

    @property
    def nodata(self) -> float | None:
        """The value that means no data."""
        return self._scene.nodata

    def unknown(self, bounds: Bounds) -> list[shapely.Geometry]:
        """Give the ground within bounds that is not known, as polygons.

        Raises:
            RasterError: the pixels cannot be read.
        """
        c0, r0, c1, r1 = self._pixels(bounds)
        left, top = max(0, c0), max(0, r0)
        right, bottom = min(self.geobox.width, c1), min(self.geobox.height, r1)
        if left >= right or top >= bottom:
            return []
        window = Window(left, top, right - left, bottom - top)
        drawn = (self._labels(window) < 0).astype(np.int32)
        return [one for one in self._shapes(drawn, window, 1) if one is not None]

    def _labels(self, window: Window) -> NDArray[np.int64]:
        data, valid = self._scene.read(window, (1,))
        return np.where(valid, data[0], -1).astype(np.int64)

    def _pixels(self, bounds: Bounds) -> tuple[int, int, int, int]:
        xmin, ymin, xmax, ymax = bounds
        corners = [~self.geobox.transform @ (x, y) for x in (xmin, xmax) for y in (ymin, ymax)]
        cols, rows = zip(*corners, strict=True)
        return (
            math.floor(min(cols)), math.floor(min(rows)), math.ceil(max(cols)),
            math.ceil(max(rows)),
        )

    def _shapes(
        self, drawn: NDArray[np.int32], window: Window, n: int
    ) -> NDArray[np.object_]:
        """Draw values 1 to n of a window; a value in several pieces is a multipolygon."""
        transform = self.geobox.transform @ Affine.translation(window.col_off, window.row_off)
        pieces: list[list[shapely.Geometry]] = [[] for _ in range(n)]
        found = rasterio.features.shapes(drawn, mask=drawn > 0, transform=transform)
        for shape, value in found:
            outer, *holes = shape["coordinates"]
            pieces[int(value) - 1].append(shapely.Polygon(outer, holes))
        out = np.empty(n, object)
        for i, parts in enumerate(pieces):
            if parts:
                out[i] = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
        return out

    def _boxes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        box = self.geobox
        step = max(1, STRIP_PIXELS // box.width)
        found = [
            _boxes_of(self._labels(Window(0, row, box.width, min(step, box.height - row))), row)
            for row in range(0, box.height, step)
        ]
        return _merged(*(np.concatenate(one) for one in zip(*found, strict=True)))


def _boxes_of(
    labels: NDArray[np.int64], row_off: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give labels and boxes of runs of equal labels within rows."""
    new = np.ones(labels.shape, np.bool_)
    new[:, 1:] = labels[:, 1:] != labels[:, :-1]
    rows, cols = np.nonzero(new)
    ends = np.append(cols[1:], labels.shape[1])
    ends[np.append(rows[1:] != rows[:-1], False)] = labels.shape[1]
    value = labels[rows, cols]
    kept = value > 0
    boxes = np.column_stack([rows + row_off, cols, rows + row_off + 1, ends])
    return _merged(value[kept], boxes[kept])


def _merged(
    labels: NDArray[np.int64], boxes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Unite the boxes of equal labels."""
    if not len(labels):
        return labels, boxes.reshape(0, 4)
    order = np.argsort(labels, kind="stable")
    labels, boxes = labels[order], boxes[order]
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    least = np.minimum.reduceat(boxes[:, :2], starts)
    most = np.maximum.reduceat(boxes[:, 2:], starts)
    return labels[starts], np.hstack([least, most])
