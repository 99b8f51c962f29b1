"""Make of a sharp scene with parcels what a satellite with pixels of about 10 m would see of it.

A scene is blurred and averaged to `coarser` times larger pixels, coloured anew, and each band is
stretched by its percentiles, as reflectances of 16 bits are. It may then be read `finer` times
finer, as geoseg reads a scene that is coarser than the model's range.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import torch
from affine import Affine
from torch.nn import functional

from geoseg.tools.scene import STRETCH

COARSE = 10.0
"""Nominal metres of a coarse pixel: the aerials have no place, their true size is not known."""
NOMINAL = {"crs": "EPSG:32615", "origin": (500_000.0, 4_600_000.0)}
"""A made-up place, so that areas have a unit."""


@dataclass(frozen=True, slots=True)
class Look:
    """How coarse a scene is, and how it is read."""

    coarser: float
    """Sharp pixels per coarse pixel, along a side."""
    finer: int = 1
    """Pixels read per coarse pixel, along a side."""


def coarse(
    image: np.ndarray, labels: np.ndarray, look: Look, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Look at a sharp scene from space.

    Args:
        image: (3, rows, cols) uint8, sharp.
        labels: (rows, cols) int32, its parcels.
        look: how coarse.
        random: of the colours, the noise and the blur.

    Returns:
        uint8 image and int32 labels on the grid that is read.
    """
    shape = tuple(round(side / look.coarser) for side in labels.shape)
    pixels = torch.from_numpy(image.astype(np.float32))[None]
    wide = tuple(round(side / random.uniform(1.0, 1.5)) for side in shape)
    soft = functional.interpolate(pixels, size=wide, mode="bilinear", antialias=True)
    small = functional.interpolate(soft, size=shape, mode="bilinear", antialias=True)[0].numpy()
    seen = noisy(stretched(coloured(small / 255, random), random), random)
    size = tuple(side * look.finer for side in shape)
    read = functional.interpolate(torch.from_numpy(seen)[None], size=size, mode="bilinear")[0]
    return (read.numpy().clip(0, 1) * 255).round().astype(np.uint8), nearest(labels, size)


def nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Sample labels at the centres of another grid's pixels."""
    rows, cols = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(size, labels.shape))
    return labels[rows[:, None], cols]


def coloured(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw other bands, more or less colour, and another curve for each band."""
    if random.random() < 0.4:
        pixels = pixels[random.permutation(3)]
    mean = pixels.mean(0, keepdims=True)
    pixels = mean + (pixels - mean) * np.float32(random.uniform(0.5, 2.5))
    curve = np.exp(random.uniform(-0.4, 0.4, (3, 1, 1))).astype(np.float32)
    low, high = pixels.min((1, 2), keepdims=True), pixels.max((1, 2), keepdims=True)
    return ((pixels - low) / (high - low + 1e-6)) ** curve


def stretched(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Lay each band's 2nd and 98th percentile where geoseg lays those of other types, about."""
    first, last = np.percentile(pixels, (2, 98), axis=(1, 2)).astype(np.float32)
    low, high = (one + random.uniform(-0.05, 0.05, 3) for one in STRETCH)
    slope = (high - low) / (last - first + 1e-6)
    out = low[:, None, None] + (pixels - first[:, None, None]) * slope[:, None, None]
    return out.astype(np.float32)


def noisy(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Add a sensor's noise, up to 2 % of the range."""
    grain = random.standard_normal(pixels.shape, dtype=np.float32)
    return pixels + grain * np.float32(random.uniform(0, 0.02))


def write(path: Path, image: np.ndarray, labels: np.ndarray, look: Look) -> None:
    """Write PATH.tif and PATH-parcels.tif, at a made-up place."""
    size = COARSE / look.finer
    place = Affine.translation(*NOMINAL["origin"]) @ Affine.scale(size, -size)
    shape = {"height": labels.shape[0], "width": labels.shape[1]}
    profile = {"driver": "GTiff", "crs": NOMINAL["crs"], "transform": place, "compress": "deflate"}
    for suffix, bands in ((".tif", image), ("-parcels.tif", labels[None].astype(np.int32))):
        with rasterio.open(f"{path}{suffix}", "w", **profile, **shape, count=len(bands),
                           dtype=bands.dtype) as target:
            target.write(bands)
