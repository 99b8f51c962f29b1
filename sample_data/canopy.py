"""Raise crowns above the ground on a grid, and cast shadows of all that stands."""

from __future__ import annotations

import numpy as np

from noise import Noise
from planting import Trees


def raise_trees(
    trees: Trees, x: np.ndarray, y: np.ndarray, noise: Noise, pixel: float
) -> tuple[np.ndarray, np.ndarray]:
    """Stamp crowns on a grid.

    Returns:
        Height above the ground (rows, cols) float32, and the crown's tint of -1 to 1.
    """
    height = np.zeros(len(y) * len(x), np.float32)
    tint = np.zeros_like(height)
    lumps = noise.grid(x, y, 1.1, 9.0).ravel()
    order = np.argsort(np.ceil(trees.radius / pixel), kind="stable")
    reaches = np.ceil(trees.radius[order] * 1.15 / pixel).astype(int)
    for reach in np.unique(reaches):
        chosen = order[reaches == reach]
        for part in np.array_split(chosen, 1 + len(chosen) * (2 * reach + 1) ** 2 // 3_000_000):
            origin, shape = (float(x[0]), float(y[0]), pixel), (len(y), len(x))
            _stamp(trees, part, int(reach), origin, shape, (height, tint, lumps))
    return height.reshape(len(y), len(x)), tint.reshape(len(y), len(x))


def _stamp(
    trees: Trees,
    part: np.ndarray,
    reach: int,
    origin: tuple[float, float, float],
    shape: tuple[int, int],
    layers: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Stamp crowns of one size into `layers`: the highest wins each pixel.

    Args:
        trees: all crowns.
        part: (n,) which of them.
        reach: pixels from a crown's middle to its rim.
        origin: x, y and side of the first pixel, in metres.
        shape: rows and columns.
        layers: flat height and tint, written; flat noise, read.
    """
    height, tint, lumps = layers
    steps = np.arange(-reach, reach + 1)
    col_at = (trees.x[part] - origin[0]) / origin[2]
    row_at = (trees.y[part] - origin[1]) / origin[2]
    cols = np.rint(col_at).astype(int)[:, None, None] + steps[None, None, :]
    rows = np.rint(row_at).astype(int)[:, None, None] + steps[None, :, None]
    radius = trees.radius[part][:, None, None] / origin[2]
    inside = (cols >= 0) & (cols < shape[1]) & (rows >= 0) & (rows < shape[0])
    spread = np.hypot(cols - col_at[:, None, None], rows - row_at[:, None, None]) / radius
    places = np.where(inside, rows * shape[1] + cols, 0)
    spread = spread + 0.28 * lumps[places]
    tall = trees.height[part][:, None, None] * np.sqrt(np.clip(1 - spread**2, 0, None))
    chosen = inside & (tall > 0.3)
    tall = tall.astype(np.float32)
    np.maximum.at(height, places[chosen], tall[chosen])
    own = np.sin(trees.x[part] * 12.9898 + trees.y[part] * 78.233)[:, None, None]
    highest = chosen & (tall >= height[places])
    tint[places[highest]] = np.broadcast_to(own, places.shape)[highest]


def shadows(height: np.ndarray, sun: np.ndarray, slope: float, pixel: float) -> np.ndarray:
    """Tell where the ground or a crown lies in the shadow of something toward the sun.

    Args:
        height: (rows, cols) metres.
        sun: unit vector toward the sun, (x, y).
        slope: tangent of the sun's elevation.
        pixel: metres.

    Returns:
        (rows, cols) float32, 0 in light to 1 in shadow.
    """
    dark = np.zeros_like(height)
    longest = float(height.max()) / slope / pixel
    for step in np.arange(1.0, longest + 1, max(1.0, 0.5 / pixel)):
        shift = np.rint(-sun * step).astype(int)
        ahead = np.roll(height, (shift[1], shift[0]), axis=(0, 1))
        over = (ahead - height - step * pixel * slope) / np.float32(0.8)
        np.maximum(dark, np.clip(over, 0, 1), out=dark)
    return dark
