"""Smooth noise that is a function of the place alone, so that strips fit together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LATTICE = 512
"""Side of the lattice of random values that all noise is read from."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Smooth noise of about -1 to 1, a function of the place alone."""

    lattice: np.ndarray
    """(LATTICE, LATTICE) float32 of -1 to 1."""

    def grid(self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float) -> np.ndarray:
        """Give noise on a grid of columns `x` and rows `y`, in metres: (len(y), len(x))."""
        col, col_share = _cell(x, wavelength, offset)
        row, row_share = _cell(y, wavelength, offset * 1.7)
        right = (col + 1) % LATTICE
        lines = self.lattice[:, col] * (1 - col_share) + self.lattice[:, right] * col_share
        row_share = row_share[:, None]
        return lines[row] * (1 - row_share) + lines[(row + 1) % LATTICE] * row_share

    def points(self, x: np.ndarray, y: np.ndarray, offset: float) -> np.ndarray:
        """Give noise at any places, in units of the wavelength."""
        flat = self.lattice.ravel()
        col, col_share = _cell(x, 1.0, offset)
        row, row_share = _cell(y, 1.0, offset * 1.7)
        right, below = (col + 1) % LATTICE, (row + 1) % LATTICE * LATTICE
        row = row * LATTICE
        above = flat[row + col] * (1 - col_share) + flat[row + right] * col_share
        under = flat[below + col] * (1 - col_share) + flat[below + right] * col_share
        return above * (1 - row_share) + under * row_share

    def fractal(self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float) -> np.ndarray:
        """Add four octaves, each turned against the last: clouds without a grid."""
        step = max(1, int(wavelength / 64 / abs(float(x[1] - x[0]))))
        if step > 1:
            return self._enlarged(x, y, wavelength, offset, step)
        return self._octaves(x, y, wavelength, offset)

    def _octaves(
        self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float
    ) -> np.ndarray:
        """Add the octaves of `fractal` at every place."""
        total = np.zeros((len(y), len(x)), np.float32)
        for octave in range(4):
            scale = wavelength / 2.03**octave
            angle = 0.6 + 1.1 * octave
            across = (x[None, :] * np.cos(angle) + y[:, None] * np.sin(angle)) / scale
            down = (y[:, None] * np.cos(angle) - x[None, :] * np.sin(angle)) / scale
            total += self.points(across, down, offset + 31 * octave) * np.float32(0.62**octave)
        return total

    def _enlarged(
        self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float, step: int
    ) -> np.ndarray:
        """Make fractal noise at every `step`-th place, and draw straight lines between."""
        pixel = (x[1] - x[0]) * step
        col, row = np.floor(x[[0, -1]] / pixel), np.floor(y[[0, -1]] / pixel)
        coarse_x = (np.arange(col[0], col[1] + 3) * pixel).astype(np.float32)
        coarse_y = (np.arange(row[0], row[1] + 3) * pixel).astype(np.float32)
        total = self._octaves(coarse_x, coarse_y, wavelength, offset)
        at, share = _between(x / pixel - col[0])
        total = total[:, at] * (1 - share) + total[:, at + 1] * share
        at, share = _between(y / pixel - row[0])
        return total[at] * (1 - share[:, None]) + total[at + 1] * share[:, None]


def _between(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part places into whole numbers and the share of the next."""
    floor = np.floor(place)
    return floor.astype(int), (place - floor).astype(np.float32)


def _cell(place: np.ndarray, wavelength: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the lattice cell of each place, and the smoothed share of the next cell."""
    scaled = place / np.float32(wavelength) + np.float32(offset)
    floor = np.floor(scaled)
    share = (scaled - floor).astype(np.float32)
    return floor.astype(np.int32) % LATTICE, share * share * (3 - 2 * share)
