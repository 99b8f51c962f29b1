"""Look through a modest camera: light falling off, haze, blur, noise and a lossy file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Camera:
    """One flight's light, air and optics."""

    gain: tuple[float, float, float]
    """Factor of red, green and blue."""
    contrast: float
    """About the middle grey, 1 as it is."""
    haze: float
    """Share of haze, 0 to 0.3."""
    falloff: float
    """Loss of light in the corners, 0 to 0.15."""
    slant: tuple[float, float]
    """Change of light from side to side, x and y."""
    blur: float
    """Share of the 3 x 3 neighbours, 0 to 0.7."""
    noise: float
    """Standard deviation of the sensor's noise, in grey levels."""
    coarseness: float
    """Step of the lossy file's coefficients, in grey levels."""


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw a camera that differs from flight to flight."""
    gain = rng.normal([0.99, 1.0, 0.97], 0.03) * rng.normal(0.97, 0.08)
    return Camera(
        gain=tuple(float(one) for one in gain),
        contrast=float(rng.uniform(0.8, 1.25)),
        haze=float(rng.uniform(0.0, 0.22) * (rng.random() < 0.8)),
        falloff=float(rng.uniform(0.0, 0.12)),
        slant=(float(rng.normal(0, 0.03)), float(rng.normal(0, 0.03))),
        blur=float(rng.uniform(0.15, 0.7)),
        noise=float(rng.uniform(0.8, 3.0)),
        coarseness=float(rng.uniform(2.0, 9.0)),
    )


def photograph(picture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Turn a picture of light into the file's pixels.

    Args:
        picture: (rows, cols, 3) float32, about 0 to 255.
        camera: what it is taken with.
        rng: source of the sensor's noise.

    Returns:
        (3, rows, cols) uint8.
    """
    rows, cols = picture.shape[:2]
    x, y = np.linspace(-1, 1, cols, dtype=np.float32), np.linspace(-1, 1, rows, dtype=np.float32)
    light = 1 - np.float32(camera.falloff / 2) * (x[None, :] ** 2 + y[:, None] ** 2)
    light += np.float32(camera.slant[0]) * x[None, :] + np.float32(camera.slant[1]) * y[:, None]
    common = rng.standard_normal((rows, cols), np.float32) * np.float32(0.8 * camera.noise)
    pixels = np.empty((3, rows, cols), np.uint8)
    for band, air in enumerate((182.0, 188.0, 191.0)):
        plane = soften(picture[..., band], np.float32(camera.blur)) * light
        plane = (plane * np.float32(camera.gain[band]) - 112) * np.float32(camera.contrast) + 112
        plane += (np.float32(air) - plane) * np.float32(camera.haze)
        own = rng.standard_normal((rows, cols), np.float32) * np.float32(0.6 * camera.noise)
        plane = np.clip(lossy(plane + common + own, camera.coarseness), 0, 255)
        pixels[band] = np.rint(plane)
    return pixels


def soften(plane: np.ndarray, share: float) -> np.ndarray:
    """Mix each pixel with its neighbours, along rows and then columns."""
    for axis in (0, 1):
        padded = np.pad(plane, [(1, 1) if axis == k else (0, 0) for k in (0, 1)], mode="edge")
        n = plane.shape[axis]
        before, after = np.take(padded, range(n), axis), np.take(padded, range(2, n + 2), axis)
        plane = plane * (1 - share / 2) + (before + after) * (share / 4)
    return plane


def lossy(plane: np.ndarray, coarseness: float) -> np.ndarray:
    """Round the cosine coefficients of blocks of 8 x 8, fine detail more coarsely, as JPEG does."""
    rows, cols = plane.shape
    padded = np.pad(plane, ((0, -rows % 8), (0, -cols % 8)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // 8, 8, padded.shape[1] // 8, 8).swapaxes(1, 2)
    k = np.arange(8)
    basis = np.sqrt(2 / 8) * np.cos(np.pi * (2 * k[None, :] + 1) * k[:, None] / 16)
    basis[0] /= np.sqrt(2)
    basis = basis.astype(np.float32)
    steps = (coarseness * (0.5 + (k[:, None] + k[None, :]) / 7)).astype(np.float32)
    rounded = np.rint(basis @ blocks @ basis.T / steps) * steps
    restored = (basis.T @ rounded @ basis).swapaxes(1, 2).reshape(padded.shape)
    return restored[:rows, :cols]
