"""What training makes of its scenes before the first step: value range, checks, chips, shares."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from geoseg.errors import OptionError, TrainingError
from geoseg.learning import data_check
from geoseg.learning.chips import Area, ArraySource, Batch, Cutter, Sampler
from geoseg.learning.places import validation_cuts
from geoseg.spec import Band
from geoseg.tools.pairs import Loaded

log = logging.getLogger(__name__)

MOST_HELD_OUT = 64
"""Validation chips; more would cost more time than they are worth."""
PRIOR_BATCHES = 8
"""Batches over which the share of each class is measured before the first step."""


def scaling_of(loaded: Loaded, value_range: tuple[float, float] | None) -> tuple[Band, ...]:
    """Choose the raw values that become 0 and 1: given, 0 to 255 for uint8, else percentiles."""
    if value_range is None and loaded.dtype != "uint8":
        lows, highs = zip(*(measured_range(one) for one in loaded.sources))
        value_range = float(np.median(lows)), float(np.median(highs))
    low, high = value_range or (0.0, 255.0)
    return tuple(Band(name, low, high) for name in loaded.bands)


def measured_range(source: ArraySource) -> tuple[float, float]:
    """Measure the 0.5th and 99.5th percentile of the valid pixels, on every 7th row and column."""
    values = source.image[:, ::7, ::7][:, source.valid[::7, ::7]]
    if values.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(values, (0.5, 99.5))
    return float(low), float(max(high, low + 1e-6))


def examine(loaded: Loaded, scaling: Sequence[Band]) -> None:
    """Look for what is wrong with the data before training starts.

    Raises:
        TrainingError: nothing can be learnt from it.
    """
    alarms = []
    for one in loaded.sources:
        alarms += data_check.check_labels(one.name, one.labels, one.valid)
        alarms += data_check.check_blank(one.name, one.image, one.valid)
        alarms += data_check.check_shift(one.name, one.image, one.labels, one.valid)
        ranges = [(band.low, band.high) for band in scaling]
        alarms += data_check.check_range(one.name, *measured_range(one), ranges)
    share = max(float((one.labels > 0).mean()) for one in loaded.sources)
    alarms += data_check.check_together(share, alarms, len(loaded.sources))
    for alarm in alarms:
        if alarm.fatal:
            raise TrainingError(alarm.text)
        log.warning("%s: %s", alarm.name, alarm.text)


def held_out_batches(areas: Sequence[Area], cutter: Cutter, batch: int) -> list[Batch]:
    """Cut the validation chips, as they are: no zoom, no change of light."""
    cuts = validation_cuts(areas, cutter.chip, MOST_HELD_OUT)
    return [cutter.cut(cuts[start : start + batch]) for start in range(0, len(cuts), batch)]


def class_shares(sampler: Sampler) -> list[float]:
    """Measure the share of each class on training chips, for the last bias."""
    batches = [sampler(number) for number in range(PRIOR_BATCHES)]
    hits = sum((one.target * one.valid).sum((0, 2, 3)) for one in batches)
    return (hits / sum(one.valid.sum() for one in batches)).tolist()


def measured_resolution(
    sources: Sequence[ArraySource], zoom: tuple[float, float]
) -> tuple[float, float]:
    """Give the finest and coarsest metres per pixel that the chips show.

    Raises:
        OptionError: no scene has a place on Earth.
    """
    known = [one.resolution for one in sources if one.resolution is not None]
    if not known:
        raise OptionError(
            "no scene says how large its pixels are; give --resolution FINEST,COARSEST in metres"
        )
    return min(known) / zoom[1], max(known) / zoom[0]
