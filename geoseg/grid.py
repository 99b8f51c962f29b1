"""Windows of whole pixels, and the grid that says where on Earth they are."""

from __future__ import annotations

from dataclasses import dataclass

from affine import Affine

from geoseg.errors import GridError


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels, half-open: columns [col_off, col_off + width).

    Offsets may be negative: such a window reaches past the scene's edge.

    >>> Window(0, 0, 4, 3).col_stop
    4
    """

    col_off: int
    """First column."""
    row_off: int
    """First row."""
    width: int
    """Columns, at least 1."""
    height: int
    """Rows, at least 1."""

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise GridError(f"a window must not be empty, got {self.width} x {self.height} pixels")

    @property
    def col_stop(self) -> int:
        """One past the last column."""
        return self.col_off + self.width

    @property
    def row_stop(self) -> int:
        """One past the last row."""
        return self.row_off + self.height

    def contains(self, other: Window) -> bool:
        """Tell whether every pixel of `other` is in this window."""
        return (
            self.col_off <= other.col_off
            and self.row_off <= other.row_off
            and self.col_stop >= other.col_stop
            and self.row_stop >= other.row_stop
        )


Bounds = tuple[float, float, float, float]
"""(xmin, ymin, xmax, ymax)."""


def bounds_text(bounds: Bounds) -> str:
    """Write bounds for people, to a metre or a hundred-thousandth of a degree.

    >>> bounds_text((485899.2, 5205630.4, 490569.2, 5209245.4))
    '485899, 5205630, 490569, 5209245'
    >>> bounds_text((15.0, 45.5, 15.1, 45.600001))
    '15, 45.5, 15.1, 45.6'
    """
    return ", ".join(f"{round(side, 0 if abs(side) > 360 else 5):.12g}" for side in bounds)


@dataclass(frozen=True, slots=True)
class GeoBox:
    """Where the pixels of a raster are: shape, transform and CRS."""

    height: int
    """Rows."""
    width: int
    """Columns."""
    transform: Affine
    """Pixel corner (column, row) -> (x, y) in CRS units; may be rotated, sheared or south-up."""
    crs: str | None
    """The CRS as WKT; None where the raster has none. Two unknown CRSs are not equal."""

    def __post_init__(self) -> None:
        if self.height <= 0 or self.width <= 0:
            raise GridError(f"a grid must not be empty, got {self.width} x {self.height} pixels")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def bounds(self) -> Bounds:
        """(xmin, ymin, xmax, ymax) in CRS units."""
        corners = [self.transform @ (c, r) for c in (0, self.width) for r in (0, self.height)]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def is_georeferenced(self) -> bool:
        """Tell whether the grid has a place on Earth: a CRS and a transform."""
        return self.crs is not None and self.transform != Affine.identity()
