"""Make parcels of border lines, as a surveyor has corrected them.

Lines are cut where they meet or cross; what they enclose is a *face*. An end of a line that meets
nothing is a *dangle*: it is led to what lies within the tolerance, else it parts nothing and is
dropped. Lines that are not changed keep their points to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

SAMPLES = (1 / 6, 1 / 2, 5 / 6)
"""Where along each piece of a line its sides are looked at."""
ASIDE = 1e-3
"""How far beside a line the sides are looked at, as a share of the piece's length."""
NO_FACE = -1
"""Outside all faces."""


@dataclass(frozen=True, slots=True)
class Faces:
    """What lines enclose, and what was left over."""

    shapes: np.ndarray
    """(n,) polygons; they fit together, from top to bottom and left to right."""
    dangles: np.ndarray
    """(m,) lines of more than the tolerance that end in nothing, dropped."""
    snapped: int
    """How many ends were led to a line near them."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What lies beside the pieces of lines."""

    line: np.ndarray
    """(n,) index of the line."""
    face: np.ndarray
    """(n,) face on that side."""
    is_left: np.ndarray
    """(n,) bool."""
    length: np.ndarray
    """(n,) weight, CRS units."""


def build_faces(lines: np.ndarray, *, tolerance: float) -> Faces:
    """Find what lines enclose.

    Args:
        lines: (n,) shapely LineStrings, 2D.
        tolerance: CRS units within which a loose end is led to a line, and up to which a piece
            that sticks out is dropped without a word.
    """
    snapped = 0
    if tolerance > 0 and len(lines):
        lines, snapped = _snap_ends(lines, tolerance)
    if not len(lines):
        return Faces(np.zeros(0, object), np.zeros(0, object), 0)
    edges = shapely.get_parts(shapely.union_all(lines))
    polygons, cuts, dangles, _ = shapely.polygonize_full(edges)
    shapes = shapely.get_parts(polygons)
    left = np.concatenate([shapely.get_parts(cuts), shapely.get_parts(dangles)])
    left = shapely.get_parts(shapely.line_merge(shapely.union_all(left))) if len(left) else left
    bounds = shapely.bounds(shapes)
    order = np.lexsort((bounds[:, 0], -bounds[:, 3])) if len(shapes) else np.zeros(0, np.intp)
    return Faces(shapes[order], left[shapely.length(left) > tolerance], snapped)


def look_aside(lines: np.ndarray, shapes: np.ndarray) -> Sides:
    """Find the faces beside lines; a piece with one face on both sides parts nothing: left out."""
    coords, index = shapely.get_coordinates(lines, return_index=True)
    same = index[1:] == index[:-1]
    start, stop, line = coords[:-1][same], coords[1:][same], index[1:][same]
    along = stop - start
    across = np.column_stack([-along[:, 1], along[:, 0]]) * ASIDE
    places = np.concatenate([start + share * along for share in SAMPLES])
    across = np.tile(across, (len(SAMPLES), 1))
    left, right = _faces_at(places + across, shapes), _faces_at(places - across, shapes)
    length = np.tile(np.hypot(*along.T), len(SAMPLES)) / len(SAMPLES)
    line = np.tile(line, len(SAMPLES))
    parts = left != right
    both = np.tile(line[parts], 2), np.concatenate([left[parts], right[parts]])
    is_left = np.repeat([True, False], parts.sum())
    seen = both[1] != NO_FACE
    return Sides(both[0][seen], both[1][seen], is_left[seen], np.tile(length[parts], 2)[seen])


def weigh(faces: np.ndarray, ids: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Add up weights of (face, id) pairs.

    Returns:
        Faces, ids and sums of the different pairs, by face, then by falling sum, then by id.
    """
    pairs, index = np.unique(np.column_stack([faces, ids]), axis=0, return_inverse=True)
    sums = np.zeros(len(pairs))
    np.add.at(sums, index.ravel(), weights)
    order = np.lexsort((pairs[:, 1], -sums, pairs[:, 0]))
    return pairs[order, 0], pairs[order, 1], sums[order]


def keep_ids(count: int, faces: np.ndarray, ids: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Give each face the id that weighs most in it; of several, the heaviest keeps the id.

    Args:
        count: number of faces.
        faces, ids, sums: as `weigh` gives them; ids are above 0.

    Returns:
        (count,) int64 ids, unique; new ones follow the largest old one, in the order of the faces.
    """
    first = np.flatnonzero(np.diff(faces, prepend=-1))
    faces, ids, sums = faces[first], ids[first], sums[first]
    order = np.lexsort((faces, -sums, ids))
    winners = order[np.flatnonzero(np.diff(ids[order], prepend=0))]
    out = np.zeros(count, np.int64)
    out[faces[winners]] = ids[winners]
    new = np.flatnonzero(out == 0)
    out[new] = max(int(ids.max(initial=0)), 0) + 1 + np.arange(len(new))
    return out


def _faces_at(points: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Give the face around each point."""
    out = np.full(len(points), NO_FACE)
    tree = shapely.STRtree(shapes)
    point, face = tree.query(shapely.points(points), predicate="within")
    out[point] = face
    return out


def _snap_ends(lines: np.ndarray, tolerance: float) -> tuple[np.ndarray, int]:
    """Lead ends that meet nothing to the nearest other line; give the lines and how many."""
    tree = shapely.STRtree(lines)
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    owner = np.tile(np.arange(len(lines)), 2)
    end, line = tree.query(ends, predicate="dwithin", distance=tolerance)
    other = line != owner[end]
    end, line = end[other], line[other]
    away = shapely.distance(ends[end], lines[line])
    order = np.lexsort((line, away, end))
    order = order[np.flatnonzero(np.diff(end[order], prepend=-1))]
    lines, snapped = lines.copy(), 0
    for k in order[away[order] > 0]:
        own, is_last = owner[end[k]], end[k] >= len(lines)
        snapped += _lead(lines, own, -1 if is_last else 0, line[k], tolerance)
    return lines, snapped


def _lead(lines: np.ndarray, own: int, place: int, other: int, tolerance: float) -> bool:
    """Move one end of a line onto another line, which gets a corner there; False if it is there."""
    end, target = shapely.get_point(lines[own], place), lines[other]
    over = shapely.intersection(lines[own], target)
    if shapely.is_closed(lines[own]) or shapely.distance(end, over) <= tolerance:
        return False  # it reaches across: what sticks out is a short dangle
    corners = shapely.get_coordinates(target)
    away = np.hypot(*(corners - shapely.get_coordinates(end)).T)
    if away.min() <= tolerance:
        foot = corners[np.argmin(away)]
    else:
        along = shapely.line_locate_point(target, end)
        foot = shapely.get_coordinates(shapely.line_interpolate_point(target, along))[0]
        passed = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
        at = int(np.clip(np.searchsorted(passed, along), 1, len(corners) - 1))
        lines[other] = shapely.linestrings(np.insert(corners, at, foot, axis=0))
    coords = shapely.get_coordinates(lines[own])
    coords[place] = foot
    lines[own] = shapely.linestrings(coords)
    return True
