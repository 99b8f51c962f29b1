"""Train a network so that it cannot silently fail; `train` below is the whole loop.

Source: the recipe joins Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019 (AdamW);
Ma and Yarats, On the adequacy of untuned warmup for adaptive optimization, 2021 (200 steps);
Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021 (precise statistics before each evaluation).
"""

from __future__ import annotations

import copy
import csv
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from geoseg.errors import OptionError, TrainingError
from geoseg.learning import watch
from geoseg.learning.checkpoint import read_tensors, save, write_tensors
from geoseg.learning.chips import Batch
from geoseg.learning.losses import parse_loss
from geoseg.learning.validation import Validation, validate
from geoseg.spec import ModelSpec

log = logging.getLogger(__name__)

Sampler = Callable[[int], Batch]
"""Gives batch number n, always the same."""
Report = Callable[[dict[str, Any]], None]
"""Receives what happens, for a progress bar."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; saved with the model."""

    steps: int | None = 4000
    """Updates; None trains until the time limit."""
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
    """How many times the run stops to look."""
    patience: int = 6
    """Validations without a better score before the run ends."""
    calibration: int = 8
    """Batches over which BatchNorm's statistics are recomputed."""
    precision: str = "auto"
    """`auto`, `float32` or `bfloat16`: of the forward and backward pass and of validations; the loss, BatchNorm's
    recomputed statistics and the weights are always float32."""
    seed: int = 0
    """Of dropout; the sampler has its own."""

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None:
            raise OptionError("a training needs an end: give --steps or --time-limit")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise OptionError(f"no precision {self.precision!r}; choose auto, float32 or bfloat16")
        parse_loss(self.loss)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training gave."""

    best: Validation | None
    """Of the model that was kept; None where none was worth keeping."""
    steps: int
    """Updates done."""
    seconds: float
    """Time of the run, earlier parts of it included."""
    alarms: tuple[watch.Alarm, ...]
    """Of the last validation."""


@dataclass(slots=True)
class State:
    """All that changes while training; `last.safetensors` holds it between runs."""

    model: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    stale: int = 0


def train(
    model: nn.Module,
    sampler: Sampler,
    held_out: Sequence[Batch],
    recipe: Recipe,
    spec: ModelSpec,
    *,
    out: str | Path,
    folder: str | Path,
    device: str = "cpu",
    half: bool = False,
    report: Report = lambda event: None,
    on_validation: Callable[[Validation, nn.Module, Path], None] = lambda *_: None,
) -> Outcome:
    """Train a model, and write the best one seen to `out`.

    Args:
        model: with fresh weights, last bias set to the class prior.
        sampler: gives training batch number n.
        held_out: validation chips, batched, from other places.
        recipe: how to train.
        spec: of the model; scores are added.
        out: model file; written at every validation that is the best so far.
        folder: for the log, the pictures and the state that a later run resumes from.
        device: where to train.
        half: store the weights in 16 bits.
        report: receives a progress event per step.
        on_validation: receives each validation, the averaged model and the folder.

    Raises:
        TrainingError: the folder holds a run with another recipe, or the loss is not finite.
    """
    folder = Path(folder)
    state = begin(model, recipe, torch.device(device))
    resume(state, recipe, folder)
    clock = Clock(recipe, state)
    loss = parse_loss(recipe.loss)
    best, alarms = None, []
    for batch in prefetched(sampler, state.step):
        fraction = clock.fraction(state)
        value = update(state, batch, loss, recipe, rate_at(state.step, fraction, recipe))
        fraction = clock.fraction(state)
        report(progress_event(fraction))
        if not clock.validation_due(fraction):
            continue
        calibrate(state, sampler, recipe.calibration)
        with reduced(state, recipe):
            seen = validate(state.averaged, held_out, loss, state.device, state.step)
        alarms = watch.after_validation(replace(seen.statistics, warm=fraction > 0.1), seen.names)
        kept = seen.score > state.best and not any(alarm.fatal for alarm in alarms)
        if kept:
            best, state.best, state.stale = seen, seen.score, 0
            save(out, described(spec, recipe, seen), state.averaged, half=half)
        else:
            state.stale += 1
        record(folder, state, seen, value, kept=kept)
        keep_state(state, recipe, folder)
        on_validation(seen, state.averaged, folder)
        tell(seen, alarms, kept=kept)
        if fraction >= 1 or state.stale >= recipe.patience:
            break
    return Outcome(best, state.step, state.seconds, tuple(alarms))


def progress_event(fraction: float) -> dict[str, Any]:
    """Say how far the run is, in thousandths: the end may be a step or a time."""
    return {"event": "progress", "stage": "train", "done": int(fraction * 1000), "total": 1000}


def tell(seen: Validation, alarms: Sequence[watch.Alarm], *, kept: bool) -> None:
    """Write a validation to the log, and its alarms as warnings."""
    values = ", ".join(f"{name.replace('_', ' ')} {one:.3f}" for name, one in seen.brief().items())
    log.info("step %d: %s%s", seen.step, values, " (best, kept)" if kept else "")
    for alarm in alarms:
        log.warning("%s: %s", alarm.name, alarm.text)


def begin(model: nn.Module, recipe: Recipe, device: torch.device) -> State:
    """Make the state before the first step."""
    layout = torch.channels_last
    model = model.to(device, memory_format=layout)
    weights = [one for one in model.parameters() if one.ndim > 1]
    others = [one for one in model.parameters() if one.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.99))
    return State(model, copy.deepcopy(model).eval(), optimizer, device)


class Clock:
    """Tells how much of the run is over, by steps or by time, whichever is further."""

    def __init__(self, recipe: Recipe, state: State) -> None:
        self._recipe = recipe
        self._start = time.monotonic() - state.seconds
        self._done = math.floor(self.fraction(state) * recipe.validations)

    def fraction(self, state: State) -> float:
        """Give 0 at the start and 1 at the end, and note the time in the state."""
        state.seconds = time.monotonic() - self._start
        by_step = state.step / self._recipe.steps if self._recipe.steps else 0.0
        by_time = state.seconds / self._recipe.seconds if self._recipe.seconds else 0.0
        return min(1.0, max(by_step, by_time))

    def validation_due(self, fraction: float) -> bool:
        """Tell, once for each of the recipe's validations, that it is time."""
        due = math.floor(fraction * self._recipe.validations)
        if due <= self._done:
            return False
        self._done = due
        return True


def rate_at(step: int, fraction: float, recipe: Recipe) -> float:
    """Give the learning rate: a linear warm-up, then half a cosine down to 0."""
    warm = min(1.0, max((step + 1) / recipe.warm_up, fraction / 0.1))
    return recipe.rate * warm * 0.5 * (1 + math.cos(math.pi * fraction))


def prefetched(sampler: Sampler, first: int) -> Iterator[Batch]:
    """Give batches `first`, `first + 1`, ...; the next one is cut while this one is learnt."""
    with ThreadPoolExecutor(max_workers=1) as cutter:
        coming = cutter.submit(sampler, first)
        while True:
            batch = coming.result()
            first += 1
            coming = cutter.submit(sampler, first)
            yield batch


def reduced(state: State, recipe: Recipe) -> torch.autocast:
    """Give the context in which the network runs in the recipe's precision."""
    lower = recipe.precision == "bfloat16"
    return torch.autocast(state.device.type, torch.bfloat16, enabled=lower)


def update(state: State, batch: Batch, loss: Any, recipe: Recipe, rate: float) -> float:
    """Make one step: forward, backward, clip, move, average."""
    torch.manual_seed(recipe.seed * 1_000_003 + state.step)  # dropout is the same after a resume
    state.model.train()
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    batch = batch.to(state.device)
    pixels = batch.pixels.contiguous(memory_format=torch.channels_last)
    with reduced(state, recipe):
        logits = state.model(pixels)
    value = loss(logits, batch.target[:, : logits.shape[1]], batch.valid)
    state.optimizer.zero_grad(set_to_none=True)
    value.backward()
    length = nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip)
    if torch.isfinite(length):
        state.optimizer.step()
    elif not torch.isfinite(value):
        raise TrainingError(f"the loss is {value.item()} at step {state.step}; lower --rate")
    state.step += 1
    average(state, min(recipe.average, (1 + state.step) / (10 + state.step)))
    return value.item()


@torch.no_grad()
def average(state: State, past: float) -> None:
    """Move the averaged weights toward the present ones."""
    for mean, now in zip(state.averaged.parameters(), state.model.parameters()):
        mean.lerp_(now, 1 - past)


@torch.no_grad()
def calibrate(state: State, sampler: Sampler, batches: int) -> None:
    """Recompute BatchNorm's statistics of the averaged weights, from scratch (PreciseBN).

    Without this the running statistics lag behind the weights, and the network that trained well
    answers one grey when it is evaluated.
    """
    norms = [one for one in state.averaged.modules() if isinstance(one, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for number in range(batches):
        batch = sampler(state.step + number).to(state.device)
        state.averaged(batch.pixels.contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
        norm.eval()


def described(spec: ModelSpec, recipe: Recipe, seen: Validation) -> ModelSpec:
    """Add the scores and the recipe to the spec."""
    history = {**spec.history, "recipe": json.dumps(asdict(recipe)), "step": str(seen.step)}
    scores = {name: round(value, 4) for name, value in seen.scores().items()}
    return replace(spec, scores=scores, history=history)


def record(folder: Path, state: State, seen: Validation, value: float, *, kept: bool) -> None:
    """Add a line to `log.csv`."""
    row = {"step": state.step, "seconds": round(state.seconds, 1), "train_loss": round(value, 4)}
    row |= {name: round(one, 4) for name, one in seen.scores().items()} | {"kept": int(kept)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.csv"
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, row)
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def keep_state(state: State, recipe: Recipe, folder: Path) -> None:
    """Write all that a later run needs to go on, to `last.safetensors`."""
    tensors = {f"model.{name}": one for name, one in state.model.state_dict().items()}
    tensors |= {f"averaged.{name}": one for name, one in state.averaged.state_dict().items()}
    for index, kept in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": one for name, one in kept.items()}
    numbers = {name: getattr(state, name) for name in ("step", "seconds", "best", "stale")}
    plain = {name: one.detach().contiguous() for name, one in tensors.items()}
    write_tensors(
        folder / "last.safetensors",
        plain,
        {"state": json.dumps(numbers), "recipe": json.dumps(asdict(recipe))},
    )


def resume(state: State, recipe: Recipe, folder: Path) -> None:
    """Go on from `last.safetensors`, where there is one.

    Raises:
        TrainingError: it was made with another recipe; a longer run is allowed.
    """
    path = folder / "last.safetensors"
    if not path.exists():
        return
    tensors, metadata = read_tensors(path)
    _check_same(json.loads(metadata["recipe"]), asdict(recipe), folder)
    state.model.load_state_dict(_under("model.", tensors))
    state.averaged.load_state_dict(_under("averaged.", tensors))
    moments = state.optimizer.state_dict()
    moments["state"] = {}
    for name, one in _under("optimizer.", tensors).items():
        index, key = name.split(".")
        moments["state"].setdefault(int(index), {})[key] = one
    state.optimizer.load_state_dict(moments)
    for name, number in json.loads(metadata["state"]).items():
        setattr(state, name, number)
    log.info("resume at step %d, after %.0f s", state.step, state.seconds)


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_same(before: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    for name in sorted(before.keys() | now.keys()):
        if name not in ("steps", "seconds") and before.get(name) != now.get(name):
            raise TrainingError(
                f"{folder} holds a run with {name} {before.get(name)}, not {now.get(name)}; "
                "use --restart to begin anew"
            )
