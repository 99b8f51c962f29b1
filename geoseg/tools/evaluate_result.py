"""What `evaluate` gives back: counts, and the scores that are their ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from geoseg.evaluation import ParcelCounts, Tally, intervals, scores
from geoseg.evaluation.tally import TOTAL
from geoseg.tools.notebook import show_scores


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """The scores of one set of parcels against one truth; results of several scenes add up."""

    tally: Tally
    """Counts by block and group."""
    unit: str
    """Of areas: m2; squared units or pixels without a CRS."""
    distances: tuple[float, ...]
    """Tolerances of boundary scores 1, 2, 3 ..., in metres or units of the CRS."""
    pixel: float | None = None
    """Side of a pixel in the same unit, where one is known."""
    about: dict[str, Any] = field(default_factory=dict)
    """Version, names of the files, side of the blocks, seconds."""

    def __add__(self, other: EvaluateResult) -> EvaluateResult:
        """Add the counts of another scene.

        Raises:
            ValueError: it was judged at other distances.
        """
        if self.distances != other.distances:
            raise ValueError(f"distances differ: {self.distances} and {other.distances}")
        return EvaluateResult(self.tally + other.tally, self.unit, self.distances, self.pixel)

    def _repr_html_(self) -> str:
        """Show the scores in a notebook."""
        return show_scores(self)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups: all, then classes and size classes."""
        return self.tally.groups

    @property
    def scores(self) -> dict[str, float]:
        """Give every score of all parcels by its name; NaN where nothing can be divided."""
        return self.scores_of(TOTAL)

    def scores_of(self, group: str) -> dict[str, float]:
        """Give every score of a group."""
        return {name: float(value) for name, value in scores(self.tally.pooled(group)).items()}

    def intervals_of(self, group: str = TOTAL) -> dict[str, tuple[float, float]]:
        """Give how far chance could move each score of a group; {} for too few blocks."""
        return intervals(self.tally, group)

    @property
    def counts(self) -> dict[str, float]:
        """Give what the scores of all parcels are ratios of; areas are in `unit`."""
        return self.tally.pooled()

    @property
    def parcel_counts(self) -> ParcelCounts:
        """The counts at an IoU above 0.5."""
        c = self.counts
        whole = (c["truth"], c["predicted"], c["matched@0.5"])
        return ParcelCounts(*map(round, whole), c["iou"], round(c["split"]), round(c["merged"]))

    def as_dict(self) -> dict[str, Any]:
        """Give scores, intervals and counts for JSON; what is NaN becomes None."""
        groups = {
            name: {
                "scores": _plain(self.scores_of(name)),
                "intervals": {
                    key: [_number(low), _number(high)]
                    for key, (low, high) in self.intervals_of(name).items()
                },
                "counts": self.tally.pooled(name),
            }
            for name in self.groups
        }
        near = [
            {"metres" if self.unit == "m2" else "units": one,
             "pixels": None if self.pixel is None else one / self.pixel}
            for one in self.distances
        ]
        return _plain(self.scores) | {
            "unit": self.unit, "distances": near, "blocks": len(self.tally.counts),
            "groups": groups, **self.about,
        }


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
