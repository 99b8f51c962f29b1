"""Axes that charts of parcels share: areas, and shares from 0 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AREA_BINS = 14
"""Bars of a histogram of areas."""
SHARE_BINS = 20
"""Bars of a histogram of shares."""


def area_edges(areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """Choose edges with equal factors between them, around nearly all areas."""
    positive = areas[areas > 0]
    if not len(positive):
        return np.array([0.0, 1.0])
    low, high = np.percentile(positive, (0.5, 99.5))
    return np.geomspace(low, max(high, low * 1.01), AREA_BINS + 1)


def area_ticks(edges: NDArray[np.float64], unit: str) -> tuple[list[str], str]:
    """Write every third edge; give the axis' label too."""
    scale, label = (1e4, "hectares") if unit == "m2" else (1.0, unit)
    ticks = [f"{edge / scale:.2g}" if i % 3 == 0 else "" for i, edge in enumerate(edges)]
    return [plain(one) for one in ticks], label


def share_axis() -> tuple[NDArray[np.float64], list[str]]:
    """Give edges from 0 to 1, and every fourth of them as text."""
    edges = np.linspace(0, 1, SHARE_BINS + 1)
    return edges, [f"{edge:g}" if i % 4 == 0 else "" for i, edge in enumerate(edges.round(2))]


def plain(number: str) -> str:
    """Write 1.2e+04 as 12000."""
    return f"{float(number):g}" if number else ""
