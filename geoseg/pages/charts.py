"""Bar charts as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoseg.pages.page import text

WIDTH, HEIGHT = 340, 170
"""Units of the drawing; the page scales it."""
LEFT, BOTTOM, TOP = 40, 34, 8
"""Room for numbers and labels."""


@dataclass(frozen=True, slots=True)
class Bars:
    """One series of bars."""

    name: str
    """For the legend."""
    values: Sequence[float]
    """One per label, 0 or more."""
    color: str
    """Of the style sheet, such as `matched`."""


def histogram(
    series: Sequence[tuple[str, ArrayLike, str]], edges: NDArray[np.float64], *, label: str,
    ticks: Sequence[str] | None = None,
) -> str:
    """Count values between edges and draw the counts.

    Args:
        series: name, values, color of each; NaN is left out.
        edges: (n + 1,) ascending; what lies outside is counted in the first or last bin.
        label: under the axis.
        ticks: (n + 1,) texts for the edges; an empty one is not shown.
    """
    inner = np.asarray(edges, np.float64)[1:-1]
    made = []
    for name, values, color in series:
        values = np.asarray(values, np.float64)
        index = np.searchsorted(inner, values[np.isfinite(values)], side="right")
        counts = np.bincount(index, minlength=len(edges) - 1)
        made.append(Bars(name, counts.tolist(), color))
    shown = [f"{edge:g}" for edge in edges] if ticks is None else ticks
    return bars(made, shown, label=label, at_edges=True)


def bars(
    series: Sequence[Bars], labels: Sequence[str], *, label: str, at_edges: bool = False,
    most: float | None = None,
) -> str:
    """Draw bars beside each other, with a legend where there are several series.

    Args:
        series: of equal length.
        labels: under the bars, or under their edges.
        label: under the axis.
        at_edges: labels belong to the n + 1 edges.
        most: top of the scale; None: the highest bar.
    """
    n = len(series[0].values)
    top = most or max((max(one.values, default=0) for one in series), default=0) or 1
    step = (WIDTH - LEFT - 6) / max(1, n)
    high = HEIGHT - BOTTOM - TOP
    parts = [_scale(top, high)]
    for k, one in enumerate(series):
        wide = step * 0.84 / len(series)
        for i, value in enumerate(one.values):
            x, tall = LEFT + i * step + step * 0.08 + k * wide, high * min(value, top) / top
            parts.append(
                f'<rect class="{text(one.color)}" x="{x:.1f}" y="{TOP + high - tall:.1f}" '
                f'width="{wide:.1f}" height="{tall:.1f}"><title>{text(one.name)}: '
                f"{value:g}</title></rect>"
            )
    parts += [
        f'<text x="{LEFT + (i + (0 if at_edges else 0.5)) * step:.1f}" y="{HEIGHT - 20}" '
        f'class="tick">{text(one)}</text>'
        for i, one in enumerate(labels)
    ]
    middle = LEFT + (WIDTH - LEFT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 5}" class="label">{text(label)}</text>')
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'
    return drawing + (_legend(series) if len(series) > 1 else "")


def _scale(top: float, high: float) -> str:
    """Draw three lines with their numbers."""
    parts = []
    for share in (0, 0.5, 1):
        y = TOP + high * (1 - share)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" class="value">{_number(top * share)}</text>'
        )
    return "".join(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _legend(series: Sequence[Bars]) -> str:
    items = "".join(
        f'<span><i class="{text(one.color)}"></i>{text(one.name)}</span>' for one in series
    )
    return f'<p class="legend">{items}</p>'
