"""Split scenes by place: what is validated on is never seen in training, not even in part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoseg.errors import TrainingError
from geoseg.grid import Window
from geoseg.learning.chips import Area, Cut, Source


def validation_cuts(areas: Sequence[Area], chip: int, most: int) -> list[Cut]:
    """Lay a grid of chips over the areas, and take at most `most` of them, evenly.

    Raises:
        TrainingError: no area is as large as a chip.
    """
    grid = [
        Cut(area.source, Window(col, row, chip, chip))
        for area in areas
        for row in range(area.window.row_off, area.window.row_stop - chip + 1, chip)
        for col in range(area.window.col_off, area.window.col_stop - chip + 1, chip)
    ]
    if not grid:
        raise TrainingError(f"no held-out place is as large as a chip, {chip} pixels; lower --chip")
    chosen = np.linspace(0, len(grid) - 1, min(most, len(grid))).round().astype(int)
    return [grid[index] for index in chosen]


def hold_out(
    sources: Sequence[Source],
    *,
    names: Sequence[str] = (),
    share: float = 0.2,
    chip: int = 256,
    seed: int = 0,
) -> tuple[tuple[Area, ...], tuple[Area, ...]]:
    """Split by place into training and validation areas that share no pixel.

    Whole scenes are held out: those named, else a run of neighbours in the order of their names.
    A single scene is cut across its longer side, with a gap of half a chip.

    Raises:
        TrainingError: a name is not a scene's, or nothing would be left to train on.
    """
    unknown = set(names) - {source.name for source in sources}
    if unknown:
        raise TrainingError(f"no scene is named {sorted(unknown)[0]!r}; it cannot be held out")
    if len(sources) == 1 and not names:
        return _split_one(sources[0], share, chip, seed)
    held = set(names) or _run_of_names(sources, share, seed)
    train = tuple(_whole(source) for source in sources if source.name not in held)
    if not train:
        raise TrainingError("every scene is held out; none is left to train on")
    return train, tuple(_whole(source) for source in sources if source.name in held)


def _whole(source: Source) -> Area:
    height, width = source.shape
    return Area(source, Window(0, 0, width, height))


def _run_of_names(sources: Sequence[Source], share: float, seed: int) -> set[str]:
    names = sorted(source.name for source in sources)
    count = min(max(1, round(share * len(names))), len(names) - 1)
    start = int(np.random.default_rng(seed).integers(len(names)))
    return {names[(start + step) % len(names)] for step in range(count)}


def _split_one(
    source: Source, share: float, chip: int, seed: int
) -> tuple[tuple[Area, ...], tuple[Area, ...]]:
    """Cut one scene into a training and a validation part, first or last by the seed."""
    height, width = source.shape
    long, gap = max(height, width), chip // 2
    held = max(round(share * long), chip)
    if long < held + gap + chip or min(height, width) < chip:
        raise TrainingError(
            f"a scene of {width} x {height} pixels is too small to hold out a place with chips of "
            f"{chip} pixels; give more scenes or a smaller --chip"
        )
    at_start = bool(np.random.default_rng(seed).integers(2))
    held_span = (0, held) if at_start else (long - held, long)
    train_span = (held + gap, long) if at_start else (0, long - held - gap)
    wide = width >= height
    parts = (_across(span, height, width, wide=wide) for span in (train_span, held_span))
    train, validation = (Area(source, window) for window in parts)
    return (train,), (validation,)


def _across(span: tuple[int, int], height: int, width: int, *, wide: bool) -> Window:
    start, stop = span
    if wide:
        return Window(start, 0, stop - start, height)
    return Window(0, start, width, stop - start)
