"""Colour the ground: patches, streaks, rows, wheel tracks and clods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noise import Noise
from surfaces import Surface


@dataclass(frozen=True, slots=True)
class Plots:
    """The look of every plot of ground as columns; row `i` belongs to the pixels with id `i`."""

    colour: np.ndarray
    """(n, 3) float32."""
    second: np.ndarray
    """(n, 3) float32."""
    values: np.ndarray
    """(n, 9) float32: patches, streaks, row, row contrast, tramline, speckle, phase, spots,
    angle."""


def make_plots(
    rng: np.random.Generator, surfaces: list[Surface], angles: list[float], groups: list[int]
) -> Plots:
    """Give each group of plots its own tint, and each plot the angle of its rows in radians."""
    n = max(groups) + 1
    colour = np.array([one.colour for one in surfaces], np.float32)
    second = np.array([one.second for one in surfaces], np.float32)
    light = rng.normal(1.0, 0.07, (n, 1)).astype(np.float32)
    tint = rng.normal(1.0, 0.013, (n, 3)).astype(np.float32)
    light, tint = light[groups], tint[groups]
    strength = rng.lognormal(0.0, 0.4, (n, 1))[groups]
    spots = rng.uniform(0.4, 1.7, n)[groups]
    look = [
        [one.patches, one.streaks, one.row, one.row_contrast, one.tramline, one.speckle]
        for one in surfaces
    ]
    values = np.array(look, float)
    values[:, [0, 1, 3]] *= np.clip(strength, 0.4, 1.9)
    values = np.column_stack([values, rng.uniform(0, 400, n)[groups], spots, angles])
    return Plots(colour * light * tint, second * light * tint, values.astype(np.float32))


def shade(
    plots: Plots, ids: np.ndarray, x: np.ndarray, y: np.ndarray, noise: Noise, pixel: float
) -> np.ndarray:
    """Colour a piece of ground.

    Args:
        plots: looks.
        ids: (rows, cols) plot of each pixel.
        x: (cols,) metres.
        y: (rows,) metres.
        noise: source of all variation.
        pixel: metres; finer detail is left out.

    Returns:
        (rows, cols, 3) float32.
    """
    patches, streaks, row, contrast, tramline, speckle, phase, spots = (
        plots.values[:, k][ids] for k in range(8)
    )
    cosine, sine = np.cos(plots.values[:, 8])[ids], np.sin(plots.values[:, 8])[ids]
    along = x[None, :] * cosine + y[:, None] * sine
    across = y[:, None] * cosine - x[None, :] * sine + phase
    broad = noise.fractal(x, y, 150.0, 3.3) * 0.5 + noise.fractal(x, y, 41.0, 77.1) * 0.3
    own = noise.points((along + phase) / 70.0, across / 24.0, 11.0) * 0.35
    share = np.clip(0.35 + 0.75 * (broad + own), 0, 1.3) * patches
    share = np.clip(share + _spots(noise, x, y, spots) * (0.2 + 0.8 * patches), 0, 1)
    light = 1 + streaks * _streaks(noise, along, across, pixel)
    light += _rows(across, row, contrast, pixel) * (0.7 + 0.5 * broad)
    light -= 0.16 * _tramlines(across, tramline, pixel)
    fine = noise.grid(x, y, max(0.7, 1.3 * pixel), 5.0) + noise.grid(x, y, 2.9 + pixel, 59.0)
    light += speckle * (0.95 * fine + 0.7 * noise.fractal(x, y, 13.0, 51.0)) + 0.035 * broad
    picture = plots.colour[ids]
    picture += (plots.second[ids] - picture) * share[..., None]
    return picture * light[..., None]


def _spots(noise: Noise, x: np.ndarray, y: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Give wet or thin spots with soft edges, and winding gullies, 0 to 1."""
    clouds = noise.fractal(x, y, 75.0, 131.0)
    gullies = np.clip(1 - np.abs(noise.fractal(x, y, 190.0, 171.0)) / 0.025, 0, 1)
    return np.clip((clouds - least) * 2.4, 0, 1) + 0.3 * gullies * (least < 0.65)


def _streaks(noise: Noise, along: np.ndarray, across: np.ndarray, pixel: float) -> np.ndarray:
    """Give long thin streaks of several widths, as machines leave."""
    wide = noise.points(along / 260.0, across / 9.0, 41.0)
    narrow = noise.points(along / 70.0, across / max(1.9, 1.5 * pixel), 43.0)
    return 0.8 * wide + 0.7 * narrow


def _rows(across: np.ndarray, row: np.ndarray, contrast: np.ndarray, pixel: float) -> np.ndarray:
    """Give the rows of a crop, weaker as they come near the size of a pixel."""
    spacing = np.where(row > 0, row, 1.0)
    seen = np.clip(1.3 - 2.2 * pixel / spacing, 0, 1) * (row > 0)
    return np.sin(2 * np.pi * across / spacing) * contrast * seen


def _tramlines(across: np.ndarray, tramline: np.ndarray, pixel: float) -> np.ndarray:
    """Give the pair of wheel tracks that a sprayer leaves, 0 to 1."""
    spacing = np.where(tramline > 0, tramline, 1.0)
    off = np.abs(np.mod(across, spacing) - spacing / 2)
    reach = max(0.3, 0.6 * pixel)
    seen = min(1.0, 0.45 / pixel) * (tramline > 0)
    return np.clip(1.2 - np.abs(off - 0.95) / reach, 0, 1) * seen
