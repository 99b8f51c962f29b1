"""Draw all arcs anew at the end: right-angled or rounded, and never across each other.

This needs all arcs of the raster at once: memory is O(points of the simplified borders).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import shapely

from geoseg.vectorizer.arcs import EDGE, LEFT, RIGHT
from geoseg.vectorizer.assemble import Lines
from geoseg.vectorizer.regularize import make_net, regularize
from geoseg.vectorizer.trace import UNITS

Draw = Callable[[np.ndarray], np.ndarray]
"""Give all arcs; those that are True in (arcs,) bool as they were."""

log = logging.getLogger(__name__)

MOST = 0.2
"""A region whose area changes by more than this share gets its old borders back."""
STRAIGHT = 0.7
"""Tolerances by which a bend may stick out and yet go before borders are made regular."""
PASSES = 2
"""Times that borders are made regular, or bends cut to round them."""


def reshape(lines: Lines, *, shape: str, tolerance: float, aspect: float) -> Lines:
    """Draw arcs anew.

    Args:
        lines: all arcs.
        shape: smooth or regular.
        tolerance: pixels of the mean size that a corner may move.
        aspect: height of a pixel divided by its width.

    Returns:
        The arcs, their points as float64; an arc that would have met another keeps its old points.
    """
    if not len(lines.table):
        return lines
    scale = np.array([1, aspect]) / np.sqrt(aspect) / UNITS
    lines = Lines(lines.table, lines.offsets, lines.points * scale)
    areas = _areas(lines.table, _drawn(lines))
    if shape == "regular":
        lines = _untangled(lines, _straight(lines, STRAIGHT * tolerance), areas)
        for _ in range(PASSES):
            lines = _untangled(lines, _regular(lines, tolerance), areas)
    else:
        lines = _untangled(lines, _rounded(lines, tolerance), areas)
    return Lines(lines.table, lines.offsets, lines.points / scale)


def _drawn(lines: Lines) -> np.ndarray:
    index = np.repeat(np.arange(len(lines.table)), np.diff(lines.offsets))
    return shapely.linestrings(lines.points, indices=index)


def _straight(lines: Lines, tolerance: float) -> Draw:
    """Give what draws arcs without small bends, as those that only even out areas.

    Pieces with such a bend are two of a direction that neither border nor frame has.
    """
    old = _drawn(lines)
    new = shapely.simplify(old, tolerance)
    return lambda back: np.where(back, old, new)


def _regular(lines: Lines, tolerance: float) -> Draw:
    """Give what draws right-angled arcs."""
    net = make_net(lines)
    places, needed = regularize(net, tolerance)
    arc = np.repeat(np.arange(len(lines.table)), np.diff(lines.offsets))

    def draw(back: np.ndarray) -> np.ndarray:
        old = np.zeros(len(places), bool)
        old[net.corner[back[arc]]] = True
        now = np.where(old[:, None], net.places, places)[net.corner]
        stay = (needed | old)[net.corner]
        return shapely.linestrings(now[stay], indices=arc[stay])

    return draw


def _rounded(lines: Lines, reach: float) -> Draw:
    """Give what draws arcs with rounded bends.

    Source: Chaikin, An algorithm for high-speed curve generation, 1974. Departs: a bend is cut at
    most `reach` pixels from it, so that long straight borders stay.
    """
    old = new = _drawn(lines)
    for _ in range(PASSES):
        new = _cut_bends(new, reach)
        reach /= 2
    new = np.where(lines.table[:, EDGE] > 0, old, new)
    return lambda back: np.where(back, old, new)


def _cut_bends(lines: np.ndarray, reach: float) -> np.ndarray:
    coords, line = shapely.get_coordinates(lines, return_index=True)
    inner = np.zeros(len(coords), bool)
    inner[1:-1] = (line[2:] == line[1:-1]) & (line[:-2] == line[1:-1])
    bend = np.flatnonzero(inner)
    out = np.repeat(coords, np.where(inner, 2, 1), axis=0)
    at = bend + np.arange(len(bend))
    for k, other in enumerate((bend - 1, bend + 1)):
        step = coords[other] - coords[bend]
        length = np.hypot(*step.T)
        share = np.minimum(1 / 4, reach / np.maximum(length, reach))
        out[at + k] = coords[bend] + share[:, None] * step
    return shapely.linestrings(out, indices=np.repeat(line, np.where(inner, 2, 1)))


def _untangled(lines: Lines, draw: Draw, areas: np.ndarray) -> Lines:
    """Put arcs back until none meets another but where they did before, and areas are as wanted.

    Nothing is left to put back after as many rounds as there are arcs; a few are usual.
    """
    table, old = lines.table, _drawn(lines)
    back = np.zeros(len(old), bool)
    while True:
        new = draw(back)
        wrong = _wrong(table, old, new, areas) & ~back
        if not wrong.any():
            break
        back |= wrong
    if back.any():
        log.info("%d of %d borders keep their simple form", back.sum(), len(back))
    offsets = np.concatenate([[0], np.cumsum(shapely.get_num_points(new))])
    return Lines(table, offsets, shapely.get_coordinates(new))


def _wrong(
    table: np.ndarray, old: np.ndarray, new: np.ndarray, areas: np.ndarray
) -> np.ndarray:
    """Tell which arcs cross themselves or others, or make a region another."""
    wrong = ~shapely.is_simple(new) & shapely.is_simple(old)
    one, two = shapely.STRtree(new).query(new, predicate="intersects")
    once = one < two
    one, two = one[once], two[once]
    met = ~shapely.touches(new[one], new[two])
    one, two = one[met], two[met]
    met = shapely.touches(old[one], old[two]) | ~shapely.intersects(old[one], old[two])
    wrong[one[met]] = wrong[two[met]] = True
    changed = np.abs(_areas(table, new) - areas) > MOST * areas
    changed &= areas > 0  # what is outside has none
    return wrong | changed[table[:, LEFT]] | changed[table[:, RIGHT]]


def _areas(table: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Give the signed area of each region, from its arcs alone."""
    coords, line = shapely.get_coordinates(lines, return_index=True)
    coords = coords - coords[0]
    (ax, ay), (bx, by) = coords[:-1].T, coords[1:].T
    same = line[1:] == line[:-1]
    under = np.bincount(line[1:][same], (ax * by - ay * bx)[same] / 2, len(lines))
    count = int(table[:, [LEFT, RIGHT]].max()) + 1
    return (
        np.bincount(table[:, RIGHT], under, count) - np.bincount(table[:, LEFT], under, count)
    )
