"""Make borders straight and right-angled where the raster allows it, each shared border once.

Pieces of borders that meet, and point along one pair of axes as well as their length can tell, form
a *frame*. The corners between them are moved until the pieces of a frame are parallel or at right
angles. A corner is one corner for all lines that meet in it, so neighbours stay together; it moves
by the tolerance at most, and the edge of the scene stays where it is.

Source: projections onto constraints as in Bouaziz et al., Shape-Up, 2012. Departs: only directions
are constrained; frames are found by merging pairs in the order of their difference (Kruskal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geoseg.kernels.compiled import kernel
from geoseg.vectorizer.arcs import EDGE, END, START
from geoseg.vectorizer.assemble import Lines
from geoseg.vectorizer.sets import root

LONG = 6.0
"""Pixels from which a piece has a direction of its own; shorter ones are looked over."""
STEEPEST = math.radians(12)
"""A piece is turned by less than this."""
APART = math.radians(6)
"""Frames whose axes differ by more are two frames."""
ROUNDS = 300
"""Times that all corners are moved; after these, angles are within a few hundredths of a degree."""
HOLD = 1e-3
"""Weight of a corner's old place, beside pieces of this many pixels."""
CUT = 8
"""Tolerances of way around a corner that one sharp corner may replace."""
FLAT = 0.05
"""Pixels up to which a corner on a straight line is left out."""
QUARTER = math.pi / 2
"""A quarter turn: the axes of a frame are alike after it."""


@dataclass(frozen=True, slots=True)
class Net:
    """Lines as corners that they share."""

    corner: np.ndarray
    """(points,) int64, corner of each point of the lines."""
    places: np.ndarray
    """(corners, 2) float64, pixels of the mean size."""
    fixed: np.ndarray
    """(corners,) bool, on the edge of the scene or of its data."""
    one: np.ndarray
    """(pieces,) int64, corner at which each piece begins."""
    two: np.ndarray
    """(pieces,) int64, corner at which it ends."""
    free: np.ndarray
    """(corners,) bool, not fixed, and no end of a line."""
    line: np.ndarray
    """(pieces,) int64, line of each piece; pieces of one line follow each other."""


def make_net(lines: Lines) -> Net:
    """Find the corners that arcs share; their points are in pixels of the mean size."""
    table, offsets, points = lines.table, lines.offsets, lines.points
    first, last = offsets[:-1], offsets[1:] - 1
    nodes = np.unique(np.concatenate([table[:, START], table[:, END]]) // 4)
    corner = np.zeros(len(points), np.int64)
    is_end = np.zeros(len(points), bool)
    is_end[first] = is_end[last] = True
    corner[~is_end] = len(nodes) + np.arange((~is_end).sum())
    corner[first] = np.searchsorted(nodes, table[:, START] // 4)
    corner[last] = np.searchsorted(nodes, table[:, END] // 4)
    count = len(nodes) + int((~is_end).sum())
    places = np.empty((count, 2))
    places[corner] = points
    fixed = np.zeros(count, bool)
    fixed[corner[np.repeat(table[:, EDGE] > 0, np.diff(offsets))]] = True
    begins = np.ones(len(points), bool)
    begins[last] = False
    start = np.flatnonzero(begins)
    one, two = corner[start], corner[start + 1]
    free = ~fixed & (np.arange(count) >= len(nodes))
    line = np.repeat(np.arange(len(table)), np.diff(offsets) - 1)
    return Net(corner, places, fixed, one, two, free, line)


def regularize(net: Net, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Move corners so that borders become straight and right-angled where they nearly are.

    Args:
        net: corners and pieces.
        tolerance: pixels that a corner may move.

    Returns:
        (corners, 2) new places, and (corners,) bool: corners that are still needed.
    """
    along = net.places[net.two] - net.places[net.one]
    length, angle = np.hypot(*along.T), np.arctan2(along[:, 1], along[:, 0])
    axis = _axes(net, angle, length, tolerance)
    turn = (axis - angle + QUARTER / 2) % QUARTER - QUARTER / 2
    held = np.abs(turn) < STEEPEST
    held &= length / 2 * np.sin(np.abs(turn)) <= tolerance
    if not held.any():
        return net.places, np.ones(len(net.places), bool)
    places = _settle(net, angle + turn, length, held, tolerance)
    return _sharpen(net, places, angle + turn, held, tolerance)


def _axes(net: Net, angle: np.ndarray, length: np.ndarray, tolerance: float) -> np.ndarray:
    """Give the axis of each piece's frame; NaN where a piece has none."""
    one, two = _meeting(net, length)
    doubt = np.minimum(np.arctan2(2 * tolerance, length), STEEPEST)
    apart = np.abs((angle[one] - angle[two] + QUARTER / 2) % QUARTER - QUARTER / 2)
    near = apart <= doubt[one] + doubt[two]
    one, two, apart = one[near], two[near], apart[near]
    order = np.argsort(apart, kind="stable")
    frames, axes = np.arange(len(angle)), angle % QUARTER
    _merge(one[order], two[order], doubt, frames, axes, length**2)
    alone = np.bincount(frames, minlength=len(angle))[frames] < 2
    return np.where(alone, np.nan, axes[frames])


def _meeting(net: Net, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give pairs of long pieces that follow each other on a line, or whose lines meet."""
    long = np.flatnonzero(length >= LONG)
    line = net.line[long]
    same = np.flatnonzero(line[1:] == line[:-1])
    pairs = [np.column_stack([long[same], long[same + 1]])]
    first = np.flatnonzero(np.diff(line, prepend=-1))
    last = np.append(first[1:], len(line))[: len(first)] - 1
    bounds = np.searchsorted(net.line, line[first]), np.searchsorted(net.line, line[first] + 1) - 1
    pieces = long[np.concatenate([first, last])]
    corners = np.concatenate([net.one[bounds[0]], net.two[bounds[1]]])
    order = np.argsort(corners, kind="stable")
    pieces, corners = pieces[order], corners[order]
    for k in range(1, 4):
        same = np.flatnonzero(corners[k:] == corners[:-k])
        pairs.append(np.column_stack([pieces[same], pieces[same + k]]))
    one, two = np.concatenate(pairs).T
    return one, two


@kernel
def _merge(one, two, doubt, frames, axes, weights):
    """Merge pairs of pieces to frames, whose axes are the weighted means of their pieces'.

    Args:
        one, two: pairs, the best first.
        doubt: (pieces,) radians by which a piece's angle may be wrong.
        frames: (pieces,) int64, union-find, written: in the end each piece's frame.
        axes, weights: (pieces,) of the frames, written.
    """
    for pair in range(len(one)):
        a, b = root(frames, one[pair]), root(frames, two[pair])
        if a == b:
            continue
        apart = (axes[b] - axes[a] + QUARTER / 2) % QUARTER - QUARTER / 2
        if abs(apart) > min(APART, doubt[one[pair]] + doubt[two[pair]]):
            continue
        frames[b] = a
        axes[a] = (axes[a] + apart * weights[b] / (weights[a] + weights[b])) % QUARTER
        weights[a] += weights[b]
    for piece in range(len(frames)):
        frames[piece] = root(frames, piece)


def _settle(
    net: Net, angle: np.ndarray, length: np.ndarray, held: np.ndarray, tolerance: float
) -> np.ndarray:
    """Turn the held pieces about their middles, all at once and again, until they agree."""
    one, two, weight = net.one[held], net.two[held], length[held]
    across = np.column_stack([-np.sin(angle[held]), np.cos(angle[held])])
    count = len(net.places)
    ends = np.concatenate([one, two])
    total = np.bincount(ends, np.tile(weight, 2), count) + HOLD
    places = net.places.copy()
    for _ in range(ROUNDS):
        off = ((places[two] - places[one]) * across).sum(axis=1) / 2 * weight
        pull = np.concatenate([off[:, None] * across, -off[:, None] * across])
        for axis in range(2):
            places[:, axis] += np.bincount(ends, pull[:, axis], count) / total
        moved = places - net.places
        moved *= (1 - HOLD / total)[:, None]
        far = np.hypot(*moved.T)
        moved *= np.minimum(1, tolerance / np.maximum(far, tolerance))[:, None]
        moved[net.fixed] = 0
        places = net.places + moved
    return places


def _sharpen(
    net: Net, places: np.ndarray, angle: np.ndarray, held: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Between two held pieces of a line, leave out what a straight line or one corner replaces."""
    places, needed = places.copy(), np.ones(len(places), bool)
    pieces = np.flatnonzero(held)
    follows = np.flatnonzero(net.line[pieces[1:]] == net.line[pieces[:-1]])
    before, after = pieces[follows], pieces[follows + 1]
    sizes = after - before
    gap = np.repeat(np.arange(len(sizes)), sizes)
    corners = net.two[np.arange(sizes.sum()) + np.repeat(before - np.cumsum(sizes) + sizes, sizes)]
    near, far = _unit(angle[before]), _unit(angle[after])
    off_near = _across(near[gap], places[corners] - places[net.two[before]][gap])
    off_far = _across(far[gap], places[corners] - places[net.one[after]][gap])
    step = places[net.one[after]] - places[net.two[before]]
    usable = np.logical_and.reduceat(net.free[corners], np.cumsum(sizes) - sizes)
    square = np.abs((near * far).sum(axis=1)) < 1e-6
    ahead = (near * far).sum(axis=1) > 1 - 1e-6
    away = np.where(square[gap], np.minimum(off_near, off_far), off_near)
    usable &= np.maximum.reduceat(away, np.cumsum(sizes) - sizes) <= tolerance
    forward, rest = (step * near).sum(axis=1), (step * far).sum(axis=1)
    straight = usable & ahead & (forward >= 0)
    straight &= (sizes > 1) | (off_near[np.cumsum(sizes) - 1] <= FLAT)
    turn = usable & square & (sizes > 1) & (forward >= 0) & (rest >= 0)
    turn &= forward + rest <= CUT * tolerance
    needed[corners[(straight | turn)[gap]]] = False
    tip = net.two[before[turn]]
    places[tip] += forward[turn, None] * near[turn]
    needed[tip] = True
    return places, needed


def _unit(angle: np.ndarray) -> np.ndarray:
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _across(direction: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Give how far steps lead off a direction."""
    return np.abs(direction[:, 0] * step[:, 1] - direction[:, 1] * step[:, 0])
