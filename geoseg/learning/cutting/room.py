"""Memory in which the chips of a batch are cut, one after the other, and where they end up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoseg.learning.cutting.resample import BLOCK, most_taps, whole


class Room(NamedTuple):
    """All that the kernels fill, for chips of one size from squares of at most so many pixels."""

    pixels: NDArray[np.float32]
    """(n, bands, size, size) of the batch: scaled."""
    target: NDArray[np.float32]
    """(n, 2, size, size) of the batch: parcel and boundary, 0 or 1."""
    valid: NDArray[np.float32]
    """(n, 1, size, size) of the batch: where these are known, 0 or 1."""
    first: NDArray[np.int64]
    """(size,) first raw pixel, of a row or column, that a pixel of the chip is made of."""
    weights: NDArray[np.float32]
    """(size, taps) of it and the next ones."""
    rows: NDArray[np.float32]
    """(a power of 2, at least taps; side) scaled; the next row takes the place of the oldest."""
    block: NDArray[np.float32]
    """(BLOCK, at least side and size) rows that become columns."""
    columns: NDArray[np.float32]
    """(side, size) the square's columns as rows, each as long as a chip's."""
    places: NDArray[np.int64]
    """(2, size) rows and columns of the nearest raw pixels."""
    labels: NDArray[np.int32]
    """(size + 2, size + 2) in a frame of pixels that are not known."""
    few: NDArray[np.int32]
    """(BLOCK, size) rows that become columns."""
    known: NDArray[np.int32]
    """(size, size) 1 where the image has data."""
    borders: NDArray[np.uint8]
    """(2, size + 2, size + 2) in a frame of 0."""
    lines: NDArray[np.float32]
    """(3, size)."""
    tones: NDArray[np.float32]
    """(2, bands) a factor and a term for each band."""


def make_room(
    pixels: NDArray[np.float32], target: NDArray[np.float32], valid: NDArray[np.float32], side: int
) -> Room:
    """Make room for the chips of a batch, from squares of at most `side` raw pixels."""
    bands, size = pixels.shape[1:3]
    taps, wide = most_taps(side, size), whole(side)
    rows = np.zeros((1 << (taps - 1).bit_length(), wide), np.float32)
    block = np.empty((BLOCK, max(wide, size)), np.float32)
    framed = size + 2, size + 2
    return Room(
        pixels, target, valid, np.empty(size, np.int64), np.empty((size, taps), np.float32),
        rows, block, np.empty((side, size), np.float32), np.empty((2, size), np.int64),
        np.full(framed, -1, np.int32),
        np.empty((BLOCK, size), np.int32), np.empty((size, size), np.int32),
        np.zeros((2, *framed), np.uint8),
        np.empty((3, size), np.float32), np.empty((2, bands), np.float32),
    )
