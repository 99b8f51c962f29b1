"""Scenes with labels in, a model file out."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoseg.errors import OptionError, TrainingError
from geoseg.learning import pictures, watch
from geoseg.learning.chips import (
    Area, ArraySource, Batch, Cutter, Sampler, hold_out, stack, validation_windows,
)
from geoseg.learning.devices import (
    choose_device, choose_precision, keep_freed_memory, use_threads,
)
from geoseg.learning.training import Outcome, Recipe
from geoseg.learning.training import train as run
from geoseg.learning.unet import DEFAULT_WIDTH, build, set_prior
from geoseg.run.progress import Progress, silent
from geoseg.spec import Band, LabelClass, ModelSpec
from geoseg.tools.pairs import Loaded, Pair, load_pairs

log = logging.getLogger(__name__)

CLASSES = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
"""What the heads mean."""
MOST_HELD_OUT = 64
"""Validation chips; more would cost more time than they are worth."""
PRIOR_BATCHES = 8
"""Batches over which the share of each class is measured before the first step."""


def train(
    pairs: Sequence[Pair],
    model: str | Path,
    *,
    architecture: str = "unet",
    width: int | None = None,
    bands: tuple[int, ...] | None = None,
    value_range: tuple[float, float] | None = None,
    resolution: tuple[float, float] | None = None,
    hold_out_names: Sequence[str] = (),
    validation: float = 0.2,
    chip: int = 256,
    batch: int = 8,
    zoom: tuple[float, float] = (0.5, 2.0),
    boundary_width: float = 4.0,
    boundary_in_metres: bool = False,
    recipe: Recipe = Recipe(),
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    half: bool = True,
    license: str = "unknown",
    source: str = "",
    restart: bool = False,
    progress: Progress = silent,
) -> Outcome:
    """Train a model on scenes with labels, and write the best one to a file.

    Args:
        pairs: scenes and labels.
        model: file to write, ending in `.safetensors`; the run's log, pictures and state go to
            the folder of the same name ending in `.training`.
        architecture: name for `geoseg.learning.unet.build`.
        width: filters of the first level; None for the architecture's own.
        bands: numbers from 1; None for all but alpha.
        value_range: raw values that become 0 and 1; None: 0 to 255 for uint8, else measured.
        resolution: finest and coarsest metres per pixel the model is for; None: measured.
        hold_out_names: scenes to validate on; none: a share of the places.
        validation: that share.
        chip: rows and columns of a chip, a multiple of 16.
        batch: chips per step.
        zoom: smallest and largest zoom of a chip.
        boundary_width: full width of a border in pixels of the chip, or in metres.
        boundary_in_metres: True where it is metres.
        recipe: how to train.
        seed: of all draws.
        device: `auto`, `cpu`, `cuda` or `cuda:1`.
        threads: CPU threads; None leaves torch's choice.
        half: store weights in 16 bits.
        license: of the weights, SPDX.
        source: training data and its licence.
        restart: throw away the state of an earlier run instead of resuming it.
        progress: takes the events.

    Returns:
        What the run gave; its `best` is None where no model was worth keeping.

    Raises:
        OptionError: an option does not fit the data.
        TrainingError: the data cannot be learnt from, or an earlier run differs.
    """
    model = Path(model)
    _check_options(model, chip)
    loaded = load_pairs(pairs, bands=bands)
    use_threads(threads)
    keep_freed_memory()
    scaling = scaling_of(loaded, value_range)
    examine(loaded, scaling)
    train_areas, held_areas = hold_out(
        loaded.sources, names=hold_out_names, share=validation, chip=chip, seed=seed
    )
    cutter = Cutter(scaling, chip, boundary_width, boundary_in_metres)
    sampler = Sampler(train_areas, cutter, batch, zoom, seed)
    held_out = held_out_batches(held_areas, cutter, batch)
    network = build(architecture, width=width, bands=len(scaling), classes=len(CLASSES))
    set_prior(network, class_shares(sampler))
    spec = ModelSpec(
        name=model.stem,
        bands=scaling,
        dtype=loaded.dtype,
        classes=CLASSES,
        resolution=resolution or measured_resolution(loaded.sources, zoom),
        divisor=network.divisor,
        halo=network.halo,
        architecture=architecture,
        width=DEFAULT_WIDTH[architecture] if width is None else width,
        license=license,
        source=source,
        history={"held_out": json.dumps(sorted({area.source.name for area in held_areas}))},
    )
    device = choose_device(device)
    recipe = replace(recipe, precision=choose_precision(recipe.precision, device))
    folder = model.with_suffix(".training")
    if restart:
        shutil.rmtree(folder, ignore_errors=True)
    log.info(
        "%d scenes to train on, held out: %s",
        len({area.source.name for area in train_areas}),
        ", ".join(sorted({area.source.name for area in held_areas})),
    )
    return run(
        network, sampler, held_out, recipe, spec, out=model, folder=folder, half=half,
        device=device, report=progress, on_validation=pictures.draw(held_out[0]),
    )


def make_recipe(options: dict[str, Any]) -> Recipe:
    """Take a recipe's options out of a command's; without an end it has 4000 steps."""
    names = [one.name for one in fields(Recipe) if one.name in options]
    seed = options["seed"]
    taken = {name: options.pop(name) for name in names} | {"seed": seed}
    options["seed"] = seed
    if taken["steps"] is None and taken["seconds"] is None:
        taken["steps"] = Recipe().steps
    return Recipe(**taken)


def _check_options(model: Path, chip: int) -> None:
    if model.suffix != ".safetensors":
        raise OptionError(f"a model file ends in .safetensors, got {model}")
    if chip < 32 or chip % 16:
        raise OptionError(f"a chip is at least 32 pixels and a multiple of 16, got {chip}")


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
        alarms += watch.labels_doctor(one.name, one.labels, one.valid)
        ranges = [(band.low, band.high) for band in scaling]
        alarms += watch.range_doctor(one.name, *measured_range(one), ranges)
    share = max(float((one.labels > 0).mean()) for one in loaded.sources)
    alarms += watch.data_doctor(share, alarms, len(loaded.sources))
    for alarm in alarms:
        if alarm.fatal:
            raise TrainingError(alarm.text)
        log.warning("%s: %s", alarm.name, alarm.text)


def held_out_batches(areas: Sequence[Area], cutter: Cutter, batch: int) -> list[Batch]:
    """Cut the validation chips, as they are: no zoom, no change of light."""
    windows = validation_windows(areas, cutter.chip, MOST_HELD_OUT)
    chips = [cutter.cut(area, window) for area, window in windows]
    return [stack(chips[start : start + batch]) for start in range(0, len(chips), batch)]


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
            "no scene says how large its pixels are; give --resolution FINEST COARSEST in metres"
        )
    return min(known) / zoom[1], max(known) / zoom[0]
