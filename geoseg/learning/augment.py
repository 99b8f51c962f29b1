"""Change a chip as the world does: turned, lit otherwise, hazier, noisier, under a passing cloud.

All functions take and return scaled pixels, (bands, rows, cols) float32, mostly 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Pixels = np.ndarray
Change = Callable[[Pixels, np.random.Generator], Pixels]

TURNS = 8
"""Turns and mirrorings of a square (the group D4)."""


def turn(array: np.ndarray, which: int) -> np.ndarray:
    """Turn the last two axes by `which % 4` quarters; mirror them first when `which` is 4 to 7."""
    if which >= TURNS // 2:
        array = array[..., ::-1]
    return np.rot90(array, which % 4, axes=(-2, -1))


def brightness(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Add the same amount everywhere."""
    return pixels + np.float32(random.uniform(-0.15, 0.15))


def contrast(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Stretch or squeeze around the chip's mean."""
    mean = pixels.mean()
    return (pixels - mean) * np.float32(np.exp(random.uniform(-0.5, 0.5))) + mean


def gamma(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Raise to a power of 0.6 to 1.7: another sensor curve."""
    return np.power(np.clip(pixels, 0, None), np.float32(np.exp(random.uniform(-0.5, 0.5))))


def band_gain(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Change each band by its own factor: another white balance, another season."""
    gain = np.exp(random.uniform(-0.2, 0.2, len(pixels)))
    return pixels * gain[:, None, None].astype(np.float32)


def desaturate(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Move every band toward (or away from) their mean."""
    mean = pixels.mean(axis=0, keepdims=True)
    return mean + (pixels - mean) * np.float32(random.uniform(0.2, 1.4))


def blur(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Average each pixel with its neighbours, once or twice, with weights 1 2 1."""
    for _ in range(int(random.integers(1, 3))):
        for axis in (-2, -1):
            pixels = _smooth(pixels, axis)
    return pixels


def _smooth(pixels: Pixels, axis: int) -> Pixels:
    padding = [(0, 0)] * pixels.ndim
    padding[axis] = (1, 1)
    padded = np.moveaxis(np.pad(pixels, padding, mode="edge"), axis, 0)
    smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return np.moveaxis(smooth, 0, axis)


def noise(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Add grain of a standard deviation up to 0.04."""
    grain = random.standard_normal(pixels.shape, dtype=np.float32)
    return pixels + grain * np.float32(random.uniform(0, 0.04))


def shade(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Light the chip unevenly: a soft slope, or the shadow of a cloud with a soft edge."""
    rows, cols = pixels.shape[-2:]
    angle, place = random.uniform(0, 2 * np.pi), random.uniform(-0.4, 0.4)
    across = np.linspace(-0.5, 0.5, cols) * np.cos(angle)
    along = np.linspace(-0.5, 0.5, rows)[:, None] * np.sin(angle)
    steepness = np.exp(random.uniform(np.log(2), np.log(40)))
    light = 1 / (1 + np.exp(-steepness * (across + along - place)))
    depth = random.uniform(-0.45, 0.2)
    return pixels * (1 + depth * light).astype(np.float32)


RADIOMETRY: tuple[tuple[float, Change], ...] = (
    (0.3, blur),
    (0.4, gamma),
    (0.5, contrast),
    (0.5, brightness),
    (0.5, band_gain),
    (0.3, desaturate),
    (0.3, shade),
    (0.4, noise),
)
"""Each change and how often it happens, in the order in which they are applied."""


def radiometry(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Apply a random choice of changes of light and sensor; the shape stays."""
    for share, change in RADIOMETRY:
        if random.random() < share:
            pixels = change(pixels, random)
    return np.ascontiguousarray(pixels, dtype=np.float32)
