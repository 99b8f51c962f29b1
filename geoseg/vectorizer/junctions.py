"""Draw a junction on the straight border that runs through it, not on the stairs.

Where a border ends at another, the junction is a corner of the stairs of that other one, and always
on the same side of it. Of the three borders at a junction, the two that make the straightest line
are looked for, over a few pixels each; the junction is drawn on that line. It moves by 3/8 of a
pixel at most; a line that faces it across a pixel may do the same, and a quarter is left between.
"""

from __future__ import annotations

import math

from geoseg.kernels.compiled import helper, kernel
from geoseg.vectorizer.trace import DX, DY, FLAGS, NODE, UNITS, X, Y
from geoseg.vectorizer.walk import onward, step

ARM = 8
"""Pixel edges of each border that are looked at."""
MARGIN = ARM + 2
"""Rows beyond a junction that must be known."""
LEAST = 6
"""Pixel edges that a line needs."""
ROUGH = 0.1
"""Square pixels: mean squared distance above which a border is not straight."""
FARTHEST = 0.375
"""Pixels that a junction may move along either axis."""


@helper
def _arm(corners, corner, direction, sums, arm):
    """Sum up count, x, y, xx, xy, yy of the middles of the edges of one border, in pixels."""
    x = y = 0.0
    left = ARM
    for k in range(6):
        sums[arm, k] = 0.0
    while left > 0:
        along = 1 if direction < 2 else -1
        if direction % 2 == 0:
            other = corner + along
            length = abs(corners.links[other, X] - corners.links[corner, X])
        else:
            other = step(corners, corner, direction)
            length = left if other < 0 else abs(corners.links[other, Y] - corners.links[corner, Y])
        right, down = (along, 0) if direction % 2 == 0 else (0, along)
        for _ in range(min(length, left)):
            px, py = x + right / 2, y + down / 2
            sums[arm, 0] += 1
            sums[arm, 1] += px
            sums[arm, 2] += py
            sums[arm, 3] += px * px
            sums[arm, 4] += px * py
            sums[arm, 5] += py * py
            x += right
            y += down
        left -= length
        if left <= 0 or corners.links[other, FLAGS] & NODE:
            return
        corner = other
        direction = onward(corners.links[corner, FLAGS], direction)


@helper
def _line(sums, one, two):
    """Fit a line to two borders that leave a point; both are rows of sums.

    Returns:
        Mean squared distance from it (infinite if they make no line), and the foot of the point.
    """
    n = sums[one, 0] + sums[two, 0]
    if n < LEAST:
        return math.inf, 0.0, 0.0
    x, y = (sums[one, 1] + sums[two, 1]) / n, (sums[one, 2] + sums[two, 2]) / n
    xx = (sums[one, 3] + sums[two, 3]) / n - x * x
    xy = (sums[one, 4] + sums[two, 4]) / n - x * y
    yy = (sums[one, 5] + sums[two, 5]) / n - y * y
    root = math.sqrt((xx - yy) ** 2 / 4 + xy * xy)
    rough = (xx + yy) / 2 - root
    if xx >= yy:
        nx, ny = -xy, (xx - yy) / 2 + root
    else:
        nx, ny = (yy - xx) / 2 + root, -xy
    length2 = nx * nx + ny * ny
    if length2 == 0:
        return math.inf, 0.0, 0.0
    away = (x * nx + y * ny) / length2
    return rough, away * nx, away * ny


@helper
def _place(corners, corner, sums):
    """Draw one junction of three borders."""
    arms = 0
    for direction in range(4):
        if corners.links[corner, FLAGS] >> direction & 1:
            _arm(corners, corner, direction, sums, arms)
            arms += 1
    best, x, y = math.inf, 0.0, 0.0
    for one in range(2):
        for two in range(one + 1, 3):
            rough, right, down = _line(sums, one, two)
            is_turn = sums[one, 1] * sums[two, 1] + sums[one, 2] * sums[two, 2] >= 0
            if rough < best and not is_turn:
                best, x, y = rough, right, down
    if best <= ROUGH:
        shrink = min(1.0, FARTHEST / max(abs(x), abs(y), 1e-9))
        corners.shift[corner, DX] = round(x * shrink * UNITS)
        corners.shift[corner, DY] = round(y * shrink * UNITS)


@helper
def _slide(corners, corner, is_side, sums):
    """Draw a junction on the raster's edge where its border meets the edge, if that is straight."""
    for direction in range(4):
        inward = direction % 2 == (0 if is_side else 1)
        if inward and corners.links[corner, FLAGS] >> direction & 1:
            _arm(corners, corner, direction, sums, 0)
    rough, x, y = _line(sums, 0, 2)
    along = y if is_side else x
    if rough <= ROUGH and along != 0:
        away = min(max((x * x + y * y) / along, -FARTHEST), FARTHEST)
        corners.shift[corner, DY if is_side else DX] = round(away * UNITS)


@kernel
def place(corners, first, last, width, height, sums, none):
    """Find where the junctions among the corners [first, last) are drawn.

    Args:
        corners: all of them; the columns DX and DY are written.
        first, last: rows of it.
        width, height: of the raster; junctions on its edge stay on it, and its corners stay.
        sums, none: (3, 6) float64, zeros, room for the work.
    """
    for corner in range(first, last):
        x, y = corners.links[corner, X], corners.links[corner, Y]
        flags = corners.links[corner, FLAGS]
        if not flags & NODE or flags & 15 == 15:
            continue
        is_side, is_end = x == 0 or x == width, y == 0 or y == height
        if is_side != is_end:
            _slide(corners, corner, is_side, none)
        elif not is_side:
            _place(corners, corner, sums)
