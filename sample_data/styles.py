"""The kinds of countryside: how large fields are, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass

HECTARE = 10_000.0
"""Square metres."""
WIDTHS = {
    "road": (8.5, 13.0),
    "track": (4.0, 6.5),
    "hedge": (4.0, 6.5),
    "ditch": (2.5, 4.5),
    "margin": (1.2, 3.0),
    "seam": (0.0, 0.0),
}
"""Least and largest width by kind, in metres, verges included."""


@dataclass(frozen=True, slots=True)
class Style:
    """What makes one kind of countryside."""

    field_ha: tuple[float, float]
    """Smallest and largest usual field."""
    block: float
    """Fields in a block, about."""
    skew: float
    """Spread of the angle of cuts, in radians."""
    uneven: float
    """Spread of the place of cuts, 0 for halves."""
    bend: float
    """How far borders are bent, in metres."""
    strips: float
    """Share of blocks that are cut into parallel strips."""
    outer: dict[str, float]
    """Weights of the kinds of border between blocks."""
    inner: dict[str, float]
    """Weights of the kinds of border between fields of a block."""
    wood: float
    """Share of fields that are woods."""
    rows: float
    """Share of fields with orchard or vine."""
    copse_ha: float
    """Land for each pond or rounded wood that cuts into fields."""
    pivot: float = 0.0
    """Share of squarish blocks that are watered in a circle."""


STYLES = {
    "plains": Style(
        (4.0, 15.0), 3.0, 0.01, 0.02, 1.5, 0.25,
        {"road": 3, "track": 1, "hedge": 2, "margin": 2},
        {"seam": 5, "margin": 3, "ditch": 1, "hedge": 1}, 0.05, 0.01, 45, 0.12,
    ),
    "strips": Style(
        (0.35, 2.5), 9.0, 0.12, 0.12, 6.0, 0.85,
        {"track": 6, "ditch": 2, "hedge": 2, "margin": 1},
        {"seam": 8, "margin": 1}, 0.03, 0.03, 60,
    ),
    "bocage": Style(
        (0.4, 3.5), 3.0, 0.3, 0.14, 14.0, 0.12,
        {"hedge": 7, "track": 3, "ditch": 1},
        {"hedge": 6, "seam": 2, "margin": 2}, 0.07, 0.03, 50,
    ),
    "orchard": Style(
        (0.4, 3.0), 5.0, 0.08, 0.1, 5.0, 0.5,
        {"track": 6, "hedge": 3, "ditch": 1},
        {"seam": 4, "margin": 3, "track": 2, "hedge": 1}, 0.03, 0.55, 80,
    ),
    "mixed": Style(
        (0.3, 3.0), 6.0, 0.2, 0.13, 9.0, 0.5,
        {"track": 5, "hedge": 4, "ditch": 1},
        {"seam": 6, "margin": 2, "hedge": 2}, 0.05, 0.08, 60,
    ),
}
"""The kinds of countryside, by name."""
