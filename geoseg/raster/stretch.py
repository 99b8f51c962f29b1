"""The scene's own range of values, measured once on a thinned read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geoseg.raster.scene import Scene

SIDE = 1024
"""Pixels per side of the thinned read: percentiles of a million pixels are steady."""


def percentiles(
    scene: Scene, bands: tuple[int, ...], points: tuple[float, float] = (2.0, 98.0)
) -> NDArray[np.float64]:
    """Measure two percentiles of each band over the whole scene's valid pixels.

    Args:
        scene: the opened scene.
        bands: band numbers from 1.
        points: percentiles, 0 to 100.

    Returns:
        (2, bands) float64: the low and the high value; (0, 1) where nothing is valid, and never
        equal.

    Raises:
        RasterError: the pixels cannot be read.
    """
    data, valid = scene.read_decimated(SIDE, bands)
    if not valid.any():
        return np.array([[0.0] * len(bands), [1.0] * len(bands)])
    low, high = np.percentile(data[:, valid].astype(np.float64), points, axis=1)
    return np.array([low, np.where(high > low, high, low + 1.0)])
