"""Scenes with labels in, a model file out."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from geoseg.errors import OptionError, TrainingError
from geoseg.learning import doctor, pictures
from geoseg.learning.checkpoint import find_model, load_weights, read_spec
from geoseg.learning.chips import Area, ArraySource, Batch, Cutter, Sampler, stack
from geoseg.learning.devices import (
    choose_device, choose_precision, use_threads,
)
from geoseg.learning.download import fetched
from geoseg.learning.job import Job
from geoseg.learning.networks import PREFIX, build
from geoseg.learning.places import hold_out, validation_windows
from geoseg.learning.recipe import Recipe
from geoseg.learning.training import train as run
from geoseg.learning.unet import DIVISOR, Network, set_prior
from geoseg.memory import keep_freed_memory
from geoseg.publish import holding, make_folder
from geoseg.run.progress import Progress, silent
from geoseg.spec import Band, LabelClass, ModelSpec
from geoseg.tools.inputs import LayerLike, RasterLike
from geoseg.tools.pairs import Loaded, Pair, find_pairs, load_pairs, named_pairs
from geoseg.tools.result import TrainResult

log = logging.getLogger(__name__)

CLASSES = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
"""What the heads mean."""
MOST_HELD_OUT = 64
"""Validation chips; more would cost more time than they are worth."""
PRIOR_BATCHES = 8
"""Batches over which the share of each class is measured before the first step."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What and how to train; None means: choose."""

    architecture: str = "unet"
    """Name for `geoseg.learning.networks.build`."""
    width: int | None = None
    """Filters of the network's first level."""
    encoder_weights: str | None = None
    """File, or URL#sha256=HEX, of weights that an encoder of smp was trained to before."""
    start: str | Path | None = None
    """Model whose weights the training begins with; None draws them."""
    bands: tuple[int, ...] | None = None
    """Band numbers from 1; None takes all but alpha."""
    value_range: tuple[float, float] | None = None
    """Raw values that become 0 and 1; None takes 0 to 255 for uint8, else measures."""
    resolution: tuple[float, float] | None = None
    """Finest and coarsest metres per pixel that the model is for; None measures."""
    hold_out_names: tuple[str, ...] = ()
    """Scenes to validate on; empty holds out a share of the places."""
    validation: float = 0.2
    """That share."""
    chip: int = 256
    """Rows and columns of a chip, a multiple of 16."""
    batch: int = 8
    """Chips per step."""
    zoom: tuple[float, float] = (0.5, 2.0)
    """Smallest and largest zoom of a chip."""
    boundary_width: float = 4.0
    """Full width of a border, in pixels of the chip or in metres."""
    boundary_in_metres: bool = False
    """True where it is metres."""
    recipe: Recipe = Recipe()
    """How to train."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int | None = None
    """CPU threads."""
    half: bool = True
    """True stores the weights in 16 bits."""
    license: str = "unknown"
    """Of the weights, SPDX."""
    source: str = ""
    """Training data and its licence."""

    def __post_init__(self) -> None:
        if self.chip < 32 or self.chip % DIVISOR:
            raise OptionError(
                f"a chip is at least 32 pixels and a multiple of {DIVISOR}, got {self.chip}"
            )
        if self.width is not None and self.architecture.startswith(PREFIX):
            raise OptionError(f"{self.architecture} has its own width; drop --width")
        if not 0 < self.zoom[0] <= self.zoom[1]:
            raise OptionError(f"zoom goes from small to large, got {self.zoom}")


def train(
    pairs: Sequence[Pair | tuple[RasterLike, LayerLike | RasterLike] | str | Path],
    model: str | Path,
    *,
    restart: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> TrainResult:
    """Train a model on scenes with their parcels, and write the best one seen to a file.

    Args:
        pairs: (scene, labels), or folders and CSV lists of them. A scene is a path, URL, STAC
            item, open rasterio dataset, (array, GeoBox), or DataArray with rioxarray. Labels are
            a GeoDataFrame or vector file of parcels in any CRS, or parcel numbers on the scene's
            grid in any form that a scene has: 0 is no parcel, below 0 not known.
        model: file to write, ending in `.safetensors`; the run's log, pictures and state go to
            the folder of the same name ending in `.training`.
        restart: throw away the state of an earlier run instead of going on from it.
        progress: takes the events.
        options: fields of TrainOptions.

    Returns:
        Where the model is, and how good.

    Raises:
        OptionError: an option does not fit the data.
        TrainingError: the data cannot be learnt from, an earlier run differs, or no model was
            worth keeping.
        RasterError, VectorError, CRSError: a scene or its labels cannot be read.
        LockedError: another run trains the same model file.
        OutputError: its folder cannot be written to.
    """
    model, chosen = Path(model), TrainOptions(**options)
    if model.suffix != ".safetensors":
        raise OptionError(f"a model file ends in .safetensors, got {model}")
    use_threads(chosen.threads)
    keep_freed_memory()
    with named_pairs(pairs) as named:
        loaded = load_pairs(find_pairs(named), bands=chosen.bands)
    make_folder(model.parent)
    with holding(model):
        if restart:
            shutil.rmtree(model.with_suffix(".training"), ignore_errors=True)
        network, job = prepare(loaded, model, chosen)
        made = run(network, job, progress)
    return TrainResult(model, made.scores, made.steps, made.seconds)


def prepare(loaded: Loaded, model: Path, chosen: TrainOptions) -> tuple[Network, Job]:
    """Make the network, and the job that trains it.

    Raises:
        OptionError, TrainingError: as `train`.
    """
    scaling = scaling_of(loaded, chosen.value_range)
    examine(loaded, scaling)
    _check_metres(loaded, chosen)
    seed = chosen.recipe.seed
    training, held = hold_out(
        loaded.sources, names=chosen.hold_out_names, share=chosen.validation, chip=chosen.chip,
        seed=seed,
    )
    cutter = Cutter(scaling, chosen.chip, chosen.boundary_width, chosen.boundary_in_metres)
    sampler = Sampler(training, cutter, chosen.batch, chosen.zoom, seed)
    held_out = held_out_batches(held, cutter, chosen.batch)
    network = build(
        chosen.architecture, width=chosen.width, bands=len(scaling), classes=len(CLASSES),
        seed=seed, encoder_weights=chosen.encoder_weights and fetched(chosen.encoder_weights),
    )
    _check_network(network, chosen)
    if chosen.start is None:
        set_prior(network, class_shares(sampler))
    else:
        load_weights(network, chosen.start)
    names = {area.source.name for area in held}
    log.info("%d scenes, held out: %s", len(loaded.sources), ", ".join(sorted(names)))
    device = choose_device(chosen.device)
    recipe = replace(chosen.recipe, precision=choose_precision(chosen.recipe.precision, device))
    spec = describe(model.stem, loaded, scaling, network, chosen, names)
    folder = model.with_suffix(".training")
    draw = pictures.draw(held_out)
    job = Job(sampler, held_out, recipe, spec, model, folder, device, chosen.half, draw)
    return network, job


def _check_metres(loaded: Loaded, chosen: TrainOptions) -> None:
    placeless = [one.name for one in loaded.sources if one.resolution is None]
    if chosen.boundary_in_metres and placeless:
        raise OptionError(
            f"{placeless[0]} does not say how large its pixels are; give --boundary-width in "
            "pixels, without the m"
        )


def _check_network(network: Network, chosen: TrainOptions) -> None:
    """Refuse chips that do not fit; say why a network is not exact."""
    if chosen.chip % network.divisor:
        raise OptionError(
            f"{chosen.architecture} takes chips of multiples of {network.divisor} pixels, got "
            f"{chosen.chip}"
        )
    if not network.exact:
        log.warning(
            "%s will be blended, not exact: its answer depends on the tile (%s)",
            chosen.architecture, ", ".join(network.obstacles),
        )


def describe(
    name: str,
    loaded: Loaded,
    scaling: tuple[Band, ...],
    network: Network,
    chosen: TrainOptions,
    held: set[str],
) -> ModelSpec:
    """Say what the model will be, and what it is trained on."""
    history = {
        "scenes": json.dumps(sorted(one.name for one in loaded.sources)),
        "held_out": json.dumps(sorted(held)),
        "chips": json.dumps([chosen.chip, chosen.batch, chosen.zoom]),
        "boundary": f"{chosen.boundary_width:g} {'m' if chosen.boundary_in_metres else 'px'}",
    }
    if chosen.encoder_weights is not None:
        history["encoder_weights"] = chosen.encoder_weights
    if chosen.start is not None:
        history["start"] = read_spec(find_model(chosen.start)).name
    return ModelSpec(
        name=name,
        bands=scaling,
        dtype=loaded.dtype,
        classes=CLASSES,
        resolution=chosen.resolution or measured_resolution(loaded.sources, chosen.zoom),
        divisor=network.divisor,
        halo=network.halo,
        architecture=chosen.architecture,
        width=network.width,
        exact=network.exact,
        license=chosen.license,
        source=chosen.source,
        history=history,
    )


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
        alarms += doctor.labels_doctor(one.name, one.labels, one.valid)
        alarms += doctor.blank_doctor(one.name, one.image, one.valid)
        alarms += doctor.shift_doctor(one.name, one.image, one.labels)
        ranges = [(band.low, band.high) for band in scaling]
        alarms += doctor.range_doctor(one.name, *measured_range(one), ranges)
    share = max(float((one.labels > 0).mean()) for one in loaded.sources)
    alarms += doctor.data_doctor(share, alarms, len(loaded.sources))
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
