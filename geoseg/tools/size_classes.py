"""The size classes that an evaluation groups its parcels by."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geoseg.errors import OptionError
from geoseg.evaluation import SizeClass

HECTARE = 10_000.0
"""Square metres."""
FIELD_SIZES = (0.64 * HECTARE, 2.56 * HECTARE, 16 * HECTARE, 100 * HECTARE)
"""Square metres: Lesiv and others, Estimating the global distribution of field size using
crowdsourcing, 2019, table 1."""
PIXEL_SIZES = (32.0**2, 96.0**2)
"""Pixels: Lin and others, Microsoft COCO, 2014; where no metre is known."""


def size_classes(given: Sequence[float] | None, unit: str) -> tuple[SizeClass, ...]:
    """Make size classes of the areas between them.

    Args:
        given: ascending areas above 0; None takes those of field statistics, or COCO's for pixels.
        unit: of the areas: m2, pixels or squared units.

    Raises:
        OptionError: the areas do not ascend.
    """
    edges = tuple(given) if given is not None else PIXEL_SIZES if unit == "pixels" else FIELD_SIZES
    if list(edges) != sorted(set(edges)) or (edges and edges[0] <= 0):
        raise OptionError(f"--sizes is {','.join(map(str, edges))}, wanted ascending areas above 0")
    bounds = (0.0, *edges, math.inf)
    named = zip(bounds, bounds[1:])
    return tuple(SizeClass(_size_name(least, below, unit), least, below) for least, below in named)


def _size_name(least: float, below: float, unit: str) -> str:
    scale, name = (HECTARE, "ha") if unit == "m2" else (1.0, unit)
    if below == math.inf:
        return f"from {least / scale:g} {name}" if least else "any"
    return f"below {below / scale:g} {name}" if not least else (
        f"{least / scale:g} to {below / scale:g} {name}"
    )
