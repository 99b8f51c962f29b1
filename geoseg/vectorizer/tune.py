"""Choose the thresholds that find most parcels, on places whose parcels are known."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np

from geoseg.errors import OptionError
from geoseg.vectorizer.gather import Basins
from geoseg.vectorizer.label import cut
from geoseg.vectorizer.label_options import LabelOptions
from geoseg.vectorizer.label_raster import LabelRaster
from geoseg.vectorizer.merging import merge
from geoseg.vectorizer.shaped import StripSource

log = logging.getLogger(__name__)

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]
"""Found labels and true labels, (rows, cols) integers, of each place; above 0 is a parcel."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that are tried."""

    parcel: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6)
    """For `LabelOptions.parcel`."""
    boundary: tuple[float, ...] = (0.1, 0.15, 0.2, 0.3, 0.4)
    """For `LabelOptions.boundary`."""
    merge: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8)
    """For `LabelOptions.merge`."""
    neck: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3)
    """For `LabelOptions.neck`."""
    confidence: tuple[float, ...] = (0.0, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
    """For `LabelOptions.confidence`."""


def choose_thresholds(
    places: Sequence[tuple[StripSource, np.ndarray]],
    *,
    score: Callable[[Pairs], float],
    start: LabelOptions = LabelOptions(),
    grid: Grid = Grid(),
    rounds: int = 2,
) -> tuple[LabelOptions, float]:
    """Search thresholds by turns: those that cut basins, that merge them, and what is left out.

    A turn keeps the options that it began with unless others score higher; of equal ones the first
    of the grid. The places must not be those that the model was trained on. They are held in
    memory with their labels.

    Args:
        places: probabilities, as `label` takes them, and true labels.
        score: says how good the found labels of all places are; higher is better.
        start: first guess; also gives the method and the areas.
        grid: values to try.
        rounds: turns of each kind; it ends sooner when a round finds nothing better.

    Returns:
        The best options, and their score.

    Raises:
        OptionError: there is no place.
    """
    if not places:
        raise OptionError("thresholds need at least one place with true parcels, got none")
    truth = [labels for _, labels in places]
    sources = [source for source, _ in places]
    best = start, _score(_cut(sources, start), start, truth, score)
    for _ in range(rounds):
        before = best
        for options in _variants(best[0], grid, ("parcel", "boundary")):
            value = _score(_cut(sources, options), options, truth, score)
            best = (options, value) if value > best[1] else best
        cuts = _cut(sources, best[0])
        for names in (("merge", "neck"), ("confidence",)):
            for options in _variants(best[0], grid, names):
                value = _score(cuts, options, truth, score)
                best = (options, value) if value > best[1] else best
        log.info(
            "best so far: parcel %.2f, boundary %.2f, merge %.2f, neck %.2f, confidence %.2f: "
            "score %.3f", *(getattr(best[0], one.name) for one in fields(Grid)), best[1],
        )
        if best == before:
            break
    return best


def _variants(
    options: LabelOptions, grid: Grid, names: tuple[str, ...]
) -> Iterator[LabelOptions]:
    for values in product(*(getattr(grid, name) for name in names)):
        yield replace(options, **dict(zip(names, values)))


def _cut(
    sources: Sequence[StripSource], options: LabelOptions
) -> list[tuple[LabelRaster, Basins]]:
    return [cut(source, options=options) for source in sources]


def _score(
    cuts: Sequence[tuple[LabelRaster, Basins]],
    options: LabelOptions,
    truth: Sequence[np.ndarray],
    score: Callable[[Pairs], float],
) -> float:
    """Merge the basins of every place and score the labels."""
    found = []
    for raster, basins in cuts:
        raster.finish(*merge(basins, options))
        found.append(raster.read(0, raster.shape[0]))
    return score(list(zip(found, truth)))
