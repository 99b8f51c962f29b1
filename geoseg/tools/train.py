"""Scenes with labels in, a model file out."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geoseg.errors import OptionError
from geoseg.learning import pictures
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import load_weights, read_spec
from geoseg.learning.chips import Cutter, Sampler
from geoseg.learning.devices import choose_device, choose_precision, use_threads
from geoseg.learning.download import fetched
from geoseg.learning.job import TrainJob
from geoseg.learning.networks import PREFIX, build
from geoseg.learning.places import hold_out
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
from geoseg.tools.training_data import (
    class_shares,
    examine,
    held_out_batches,
    measured_resolution,
    scaling_of,
)

log = logging.getLogger(__name__)

CLASSES = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
"""What the heads mean."""


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


def prepare(loaded: Loaded, model: Path, chosen: TrainOptions) -> tuple[Network, TrainJob]:
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
    job = TrainJob(sampler, held_out, recipe, spec, model, folder, device, chosen.half, draw)
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
