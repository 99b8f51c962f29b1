"""What a training says of itself: lines for people."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from geoseg.learning.recipe import Recipe
from geoseg.learning.validation import Validation
from geoseg.learning.watch import Alarm

log = logging.getLogger(__name__)

FEW = 300
"""Steps; with fewer even the bundled model's data gave no borders to speak of."""


def tell(
    seen: Validation, alarms: Sequence[Alarm], before: Collection[str], *, kept: bool
) -> None:
    """Write a validation to the log, and its alarms as warnings.

    Args:
        seen: the validation.
        alarms: what is wrong.
        before: names of the alarms of the last validation; they are only named where nothing new
            was done about them.
        kept: True where the model is the best so far.
    """
    values = ", ".join(f"{name.replace('_iou', ' IoU')} {one:.3f}"
                       for name, one in seen.brief().items())
    fresh = [alarm for alarm in alarms if alarm.acted or alarm.name not in before]
    old = dict.fromkeys(alarm.name for alarm in alarms if alarm not in fresh)
    still = f"; still {', '.join(old)}" if old else ""
    log.info("step %d: %s%s%s", seen.step, values, " (best, kept)" if kept else "", still)
    for alarm in fresh:
        log.warning("%s: %s", alarm.name, alarm.text)


def tell_pace(recipe: Recipe, seconds: float) -> None:
    """Say how many steps fit into the time limit, and that they are few where they are.

    Args:
        recipe: of the run; without a time limit nothing is said.
        seconds: one step's.
    """
    if recipe.seconds is None:
        return
    steps = round(recipe.seconds / seconds)
    log.info("%.1f s a step: about %d steps until the time limit", seconds, steps)
    if steps < FEW and (recipe.steps is None or recipe.steps > steps):
        log.warning(
            "%d steps are few: a model is rarely of use before %d; raise --time-limit, or take a "
            "smaller --width, --chip or --batch", steps, FEW,
        )
