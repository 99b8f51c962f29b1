"""Change a chip as the world does: turned, lit otherwise, hazier, noisier, under a passing cloud.

A *look* is what is drawn for one chip; `resample` turns it, and `light` does the rest. Pixels are
scaled, mostly 0 to 1. Python's own generator draws single numbers ten times as fast as numpy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geoseg.learning.cutting.resample import TURNS


class Look(NamedTuple):
    """How a chip looks, in the order in which it comes to look so; by itself, as it is."""

    gains: NDArray[np.float64]
    """(bands,) factors; all 1 in a plain look."""
    turn: int = 0
    """0 to 7, as `resample` counts them."""
    blurs: int = 0
    """Times each pixel becomes the average with its neighbours, with weights 1 2 1 both ways."""
    power: float = 1.0
    """To which pixels are raised; what is below 0 becomes 0 then."""
    contrast: float = 1.0
    """Factor of what differs from the chip's mean."""
    brightness: float = 0.0
    """Is added everywhere, before the gains."""
    saturation: float = 1.0
    """Factor of what differs from the mean of the bands."""
    depth: float = 0.0
    """How much lighter it is on one side of a line, 1 being as light again."""
    right: float = 0.0
    """How fast that comes to the right: slope of the logistic curve, per side of the chip."""
    down: float = 0.0
    """The same downward."""
    shift: float = 0.0
    """What the logistic curve's argument falls short of 0 in the middle of the chip."""
    grain: float = 0.0
    """Standard deviation of random numbers, nearly normal, that are added."""
    seed: int = 0
    """Of the grain, 32 bits."""


Change = Callable[[Random, int], dict[str, Any]]
"""Draws fields of a look, for as many bands."""


def brightness(random: Random, bands: int) -> dict[str, Any]:
    """Add the same amount everywhere."""
    return {"brightness": random.uniform(-0.15, 0.15)}


def contrast(random: Random, bands: int) -> dict[str, Any]:
    """Stretch or squeeze around the chip's mean."""
    return {"contrast": math.exp(random.uniform(-0.5, 0.5))}


def gamma(random: Random, bands: int) -> dict[str, Any]:
    """Raise to a power of 0.6 to 1.7: another sensor curve."""
    return {"power": math.exp(random.uniform(-0.5, 0.5))}


def band_gain(random: Random, bands: int) -> dict[str, Any]:
    """Change each band by its own factor: another white balance, another season."""
    return {"gains": np.exp([random.uniform(-0.2, 0.2) for _ in range(bands)])}


def desaturate(random: Random, bands: int) -> dict[str, Any]:
    """Move every band toward (or away from) their mean."""
    return {"saturation": random.uniform(0.2, 1.4)}


def blur(random: Random, bands: int) -> dict[str, Any]:
    """Average each pixel with its neighbours, once or twice."""
    return {"blurs": random.randint(1, 2)}


def noise(random: Random, bands: int) -> dict[str, Any]:
    """Add grain of a standard deviation up to 0.04."""
    return {"grain": random.uniform(0, 0.04), "seed": random.getrandbits(32)}


def shade(random: Random, bands: int) -> dict[str, Any]:
    """Light the chip unevenly: a soft slope, or the shadow of a cloud with a soft edge."""
    angle, place = random.uniform(0, 2 * math.pi), random.uniform(-0.4, 0.4)
    steepness = math.exp(random.uniform(math.log(2), math.log(40)))
    return {
        "depth": random.uniform(-0.45, 0.2),
        "right": steepness * math.cos(angle),
        "down": steepness * math.sin(angle),
        "shift": steepness * place,
    }


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


def plain(bands: int) -> Look:
    """Give the look of a chip as it is."""
    return Look(np.ones(bands))


def draw(random: Random, bands: int) -> Look:
    """Draw a look: any turn, and a random choice of changes of light and sensor."""
    look = {"turn": random.randrange(TURNS)}
    for share, change in RADIOMETRY:
        if random.random() < share:
            look |= change(random, bands)
    return plain(bands)._replace(**look)
