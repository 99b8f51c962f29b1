"""The recipe: every number that says how a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from geoseg.errors import OptionError
from geoseg.learning.losses import parse_loss

STEPS = 4000
"""Updates of a run that is given no end."""
PRECISIONS = ("auto", "fp32", "bf16")
"""Numbers to train in."""
OLD_WORDS = {"calibration": "statistics_batches", "float32": "fp32", "bfloat16": "bf16"}
"""Names of fields and values in the states of runs that were begun before they were renamed."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; saved with the model."""

    steps: int | None = None
    """Updates; None trains until the time limit, or for `STEPS`."""
    seconds: float | None = None
    """Time limit; the learning rate reaches 0 at whichever limit comes first."""
    rate: float = 4e-3
    """Highest learning rate."""
    weight_decay: float = 1e-2
    """Of weights; biases and BatchNorm have none."""
    warm_up: int = 200
    """Updates of rising rate; at most a tenth of the run."""
    clip: float = 1.0
    """Longest gradient."""
    average: float = 0.998
    """Weight of the past in the running average of the weights, which is what is kept."""
    loss: str = "bce+dice"
    """Sum of named losses."""
    validations: int = 12
    """How many times the run stops to look; fewer where that would take much of a time limit."""
    patience: int = 6
    """Validations without a better score before the run ends."""
    statistics_batches: int = 8
    """Batches over which BatchNorm's statistics are recomputed."""
    precision: str = "auto"
    """`auto`, `fp32` or `bf16`, of steps and validations; the loss, the weights and
    BatchNorm's recomputed statistics are always fp32."""
    seed: int = 0
    """Of the weights, the places held out, the chips and dropout."""

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None:
            object.__setattr__(self, "steps", STEPS)
        if self.precision not in PRECISIONS:
            raise OptionError(
                f"no precision {self.precision!r} to train in; choose from {', '.join(PRECISIONS)}"
            )
        parse_loss(self.loss)


def in_new_words(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values of a stored run under the names of today."""
    return {
        OLD_WORDS.get(name, name): OLD_WORDS.get(one, one) if isinstance(one, str) else one
        for name, one in stored.items()
    }
