"""What the network learns of labels: where parcels are, and where one ends.

Labels are integers: 0 is background, above 0 a parcel, -1 not known.
"""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel
from geoseg.learning.cutting.numbers import f4


def growths(boundary_width: float) -> int:
    """Say how often borders grow, from the pixel on either side of a change of label."""
    return max(0, round(boundary_width / 2) - 1)


def targets(labels: np.ndarray, boundary_width: float) -> np.ndarray:
    """Turn labels into the two bands that the network learns.

    Args:
        labels: (rows, cols) integer; -1 is not known and borders nothing.
        boundary_width: full width of a border in pixels; at least the two pixels on either side of
            a change of label are border.

    Returns:
        (2, rows, cols) bool: parcel (inside, off the border), boundary.
    """
    target, valid = (np.empty((n, *labels.shape), np.float32) for n in (2, 1))
    framed = np.pad(labels.astype(np.int32), 1, constant_values=-1)
    borders = np.zeros((2, *framed.shape), np.uint8)
    known = np.ones(labels.shape, np.int32)
    mark_targets(framed, known, growths(boundary_width), borders, target, valid)
    return target > 0


def changes(labels: np.ndarray) -> np.ndarray:
    """Mark both pixels of every change between known labels; (rows, cols) bool."""
    return targets(labels, 0)[1]


@helper
def differs(label, other):
    """Tell whether a neighbour's label is known and another."""
    return (other != label) & (other >= 0)


@helper
def mark_changes(above, here, below, marks):
    """Mark the pixels of a row that have a neighbour of another label."""
    for x in range(1, len(here) - 1):
        label = here[x]
        change = differs(label, above[x]) | differs(label, below[x])
        change |= differs(label, here[x - 1]) | differs(label, here[x + 1])
        marks[x] = np.uint8(change & (label >= 0))


@helper
def grow(above, here, below, is_square, grown):
    """Add the 4 neighbours of every pixel of a row, or all 8: in turns they make a round border."""
    for x in range(1, len(here) - 1):
        near = here[x - 1] | here[x] | here[x + 1] | above[x] | below[x]
        if is_square:
            near |= above[x - 1] | above[x + 1] | below[x - 1] | below[x + 1]
        grown[x] = near


@helper
def write_row(labels, known, border, parcel, boundary, valid):
    """Write a row of targets."""
    for x in range(len(known)):
        label, is_border = labels[x + 1], border[x + 1] > 0
        parcel[x] = f4((label > 0) & (not is_border))
        boundary[x] = f4((label >= 0) & is_border)
        valid[x] = f4((label >= 0) & (known[x] > 0))


@helper
def find_targets(seen, known, growths, borders, target, valid):
    """Find parcels and borders, and where either is known.

    Args:
        seen: (rows + 2, cols + 2) int32 labels in a frame of -1.
        known: (rows, cols) int32, 1 where the image has data.
        growths: how often borders grow by a pixel.
        borders: (2, rows + 2, cols + 2) uint8, room; 0 in the frame.
        target: (2, rows, cols) float32, parcel and boundary; is filled.
        valid: (1, rows, cols) float32; is filled.
    """
    rows = len(known)
    for y in range(1, rows + 1):
        mark_changes(seen[y - 1], seen[y], seen[y + 1], borders[0, y])
    for step in range(growths):
        old, new = borders[step % 2], borders[1 - step % 2]
        for y in range(1, rows + 1):
            grow(old[y - 1], old[y], old[y + 1], step % 2 == 1, new[y])
    border = borders[growths % 2]
    for y in range(rows):
        write_row(
            seen[y + 1], known[y], border[y + 1], target[0, y], target[1, y], valid[0, y]
        )


@kernel
def mark_targets(seen, known, growths, borders, target, valid):
    """Find targets of labels that are no chip's."""
    find_targets(seen, known, growths, borders, target, valid)
