"""The largest errors of an evaluation, as crops of the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geoseg.evaluation.judge import ALONE, FOUND_STATUSES, TRUE_STATUSES
from geoseg.evaluation.tables import Side
from geoseg.pages import picture, text
from geoseg.tools.evaluation_map import Evidence, Shown
from geoseg.tools.views import View

if TYPE_CHECKING:
    from geoseg.tools.evaluate_result import EvaluateResult

WORST = 12
"""Parcels shown as crops."""
COLORS = {
    "matched": (46, 158, 91), "split": (224, 138, 0), "merged": (154, 79, 208),
    "missed": (224, 54, 44), "false": (31, 120, 209),
}
"""As in the style sheet."""
TRUTH_LINE = (255, 255, 255)
"""White."""


def draw_crops(
    made: EvaluateResult, evidence: Evidence, truth: Shown, found: Shown, view: View
) -> str:
    """Show the largest parcels of each kind of error, turn by turn."""
    shown = {"found": found, "truth": truth}
    sides = {"found": evidence.comparison.predicted, "truth": evidence.comparison.truth}
    heaps = []
    for which, one in shown.items():
        area = sides[which].area[one.rows]
        for code in range(1, ALONE + 1):
            if which == "found" and code == 1:
                continue  # the parts of a split parcel are in its own crop
            index = np.flatnonzero(one.status == code)
            heaps.append([(which, int(i)) for i in index[np.argsort(-area[index])][:WORST]])
    turns = [heap[k] for k in range(WORST) for heap in heaps if k < len(heap)][:WORST]
    if not turns:
        return "<p>There are none.</p>"
    items = "".join(_crop(made, sides, shown, which, i, view) for which, i in turns)
    return (
        f'<div class="crops">{items}</div><p class="note">White: true parcels. In colour: what was '
        "predicted, and the true parcel in question. Click one to see it on the map.</p>"
    )


def _crop(
    made: EvaluateResult, sides: dict[str, Side], shown: dict[str, Shown], which: str, i: int,
    view: View,
) -> str:
    one = shown[which]
    name = (FOUND_STATUSES if which == "found" else TRUE_STATUSES)[one.status[i]]
    shape = one.shapes[i]
    lines = [(shown["truth"].shapes, TRUTH_LINE)]
    for code, color in enumerate(FOUND_STATUSES):
        lines.append((shown["found"].shapes[shown["found"].status == code], COLORS[color]))
    lines.append((np.array([shape], object), COLORS[name]))
    near = shapely.box(*shape.bounds).buffer(max(np.ptp(np.reshape(shape.bounds, (2, 2)), axis=0)))
    lines = [(some[shapely.intersects(some, near)], color) for some, color in lines]
    area = sides[which].area[one.rows[i]]
    number = sides[which].number[one.rows[i]]
    caption = f"{'parcel' if which == 'found' else 'true parcel'} {number}, {name}, "
    caption += f"{area / 1e4:.2f} ha" if made.unit == "m2" else f"{area:.0f} {made.unit}"
    layer = 0 if which == "found" else 1
    image = picture(view.crop(shape, lines), "jpeg", caption)
    return (
        f'<figure><a href="#map" data-parcel="{layer}:{i}">{image}</a>'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )
