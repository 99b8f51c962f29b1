"""Compare the parcels of one tile with the truth: overlaps, borders, bands, covered ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoseg.evaluation.boundaries import Segments, near_lengths, polis, segments
from geoseg.evaluation.matching import HALF
from geoseg.evaluation.overlaps import overlaps_of_polygons
from geoseg.evaluation.tables import ALL, Comparison, Ground, Pairs, Side

VOID_SLIVER = 1e-9
"""A share of a parcel that is less than this is rounding."""

Shapes = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Parcels:
    """Parcels of one layer that lie in a tile or near it."""

    number: NDArray[np.int64]
    """(n,) the parcel in its file."""
    shapes: Shapes
    """(n,) valid polygons."""
    kind: NDArray[np.int64]
    """(n,) code of the class, 0 or more."""
    owned: NDArray[np.bool_]
    """(n,) True where the parcel belongs to this tile, and is not only a neighbour."""


@dataclass(frozen=True, slots=True)
class Distances:
    """How near counts as near, in units of the CRS."""

    near: tuple[float, ...]
    """Ascending: tolerances of the boundary F score."""
    band: float
    """Width of the band of boundary IoU."""


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """Parcels without what lies on unknown ground."""

    shapes: Shapes
    """(n,) what is left of each; may be empty."""
    area: NDArray[np.float64]
    """(n,) of it."""
    void: NDArray[np.float64]
    """(n,) share that was cut off."""
    lines: Segments
    """The borders; the cut makes none."""
    length: NDArray[np.float64]
    """(n,) of them."""
    inner: Shapes
    """(n,) parcels without their bands."""
    band: NDArray[np.float64]
    """(n,) area of the bands."""


def compare(
    truth: Parcels,
    predicted: Parcels,
    tile: BaseGeometry,
    distances: Distances,
    *,
    void: BaseGeometry | None = None,
) -> Comparison:
    """Compare what a tile owns with all that is near it.

    Args:
        truth: every true parcel that overlaps an owned parcel or is near its border.
        predicted: every predicted one alike.
        tile: the ground whose cover this tile counts.
        distances: what is near.
        void: ground that is not known; None where all is.
    """
    true, found = (_known(one.shapes, void, distances.band) for one in (truth, predicted))
    return Comparison(
        _side(truth, true, found, distances),
        _side(predicted, found, true, distances),
        _pairs(truth, predicted, true, found),
        _ground(truth, predicted, true, found, tile),
    )


def _known(shapes: Shapes, void: BaseGeometry | None, band: float) -> _Known:
    whole, lines = shapely.area(shapes), shapely.boundary(shapes)
    if void is not None:
        shapely.prepare(void)
        cut = np.flatnonzero(shapely.intersects(void, shapes))
        shapes = shapes.copy()
        shapes[cut] = shapely.difference(shapes[cut], void)
        lines[cut] = shapely.difference(lines[cut], void)
    area, inner = shapely.area(shapes), shapely.buffer(shapes, -band)
    share = np.where(whole > 0, 1 - area / np.where(whole > 0, whole, 1), 0)
    return _Known(
        shapes=shapes,
        area=area,
        void=np.where(share > VOID_SLIVER, share, 0),
        lines=segments(lines),
        length=shapely.length(lines),
        inner=inner,
        band=area - shapely.area(inner),
    )


def _side(parcels: Parcels, own: _Known, other: _Known, distances: Distances) -> Side:
    kept = parcels.owned
    index = np.flatnonzero(kept)
    lines = _chosen(own.lines, index)
    return Side(
        number=parcels.number[kept],
        place=first_points(parcels.shapes[kept]),
        kind=parcels.kind[kept],
        area=own.area[kept],
        void=own.void[kept],
        length=own.length[kept],
        near=near_lengths(lines, other.lines, distances.near),
        band=own.band[kept],
    )


def first_points(shapes: Shapes) -> NDArray[np.float64]:
    """Give (n, 2) the first corner of each shape: a point that is certainly of it."""
    parts, index = shapely.get_parts(shapes, return_index=True)
    first = np.flatnonzero(np.diff(index, prepend=-1))
    rings = shapely.get_exterior_ring(parts[first])
    return shapely.get_coordinates(shapely.get_point(rings, 0))


def _chosen(lines: Segments, index: NDArray[np.int64]) -> Segments:
    """Take some lines of a table."""
    pieces, starts = lines
    counts = starts[index + 1] - starts[index]
    ends = np.concatenate([[0], np.cumsum(counts)])
    at = np.repeat(starts[index] - ends[:-1], counts) + np.arange(ends[-1])
    return pieces[at], ends


def _pairs(truth: Parcels, predicted: Parcels, true: _Known, found: _Known) -> Pairs:
    rows = np.flatnonzero(truth.owned)
    overlaps = overlaps_of_polygons(true.shapes[rows], found.shapes)
    at, near = rows[overlaps.pairs[:, 0]], overlaps.pairs[:, 1]
    common = overlaps.common
    iou = common / (true.area[at] + found.area[near] - common)
    distance = np.full(len(at), np.nan)
    good = iou > HALF
    distance[good] = polis(true.lines, found.lines, np.column_stack([at, near])[good])
    band = (
        common
        - _common(true.inner[at], found.shapes[near])
        - _common(found.inner[near], true.shapes[at])
        + _common(true.inner[at], found.inner[near])
    )
    most = np.minimum(true.band[at], found.band[near])
    return Pairs(
        truth.number[at], predicted.number[near], common, np.clip(band, 0, most), distance
    )


def _common(one: Shapes, other: Shapes) -> NDArray[np.float64]:
    """Give shared areas; most neighbours share no inside, which a prepared test says quickly."""
    area = np.zeros(len(one))
    shapely.prepare(one)
    meet = np.flatnonzero(shapely.intersects(one, other))
    area[meet] = shapely.area(shapely.intersection(one[meet], other[meet]))
    return area


def _ground(
    truth: Parcels, predicted: Parcels, true: _Known, found: _Known, tile: BaseGeometry
) -> Ground:
    kinds = np.union1d(truth.kind, predicted.kind)
    rows = []
    for kind in (ALL, *(kinds if len(kinds) > 1 else ())):
        one, other = (
            covered(known.shapes[_is(parcels.kind, kind)], tile)
            for parcels, known in ((truth, true), (predicted, found))
        )
        rows.append((kind, one.area, other.area, shapely.intersection(one, other).area))
    codes, *areas = (np.array(column) for column in zip(*rows))
    place = np.repeat(shapely.get_coordinates(tile.centroid), len(rows), axis=0)
    return Ground(place, codes.astype(np.int64), *areas)


def _is(kinds: NDArray[np.int64], kind: int) -> NDArray[np.bool_]:
    return np.ones(len(kinds), np.bool_) if kind == ALL else kinds == kind


def covered(shapes: Sequence[BaseGeometry], tile: BaseGeometry) -> BaseGeometry:
    """Unite what shapes cover of a tile; quick where they fit together."""
    shapes = np.asarray(shapes, object)
    near = shapes[shapely.intersects(shapes, tile)] if len(shapes) else shapes
    if len(near) == 0:
        return shapely.from_wkt("POLYGON EMPTY")
    if shapely.coverage_is_valid(near):
        united = shapely.coverage_union_all(near)
    else:
        united = shapely.union_all(near)
    return shapely.intersection(united, tile)
