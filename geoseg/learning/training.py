"""Train a network so that it cannot silently fail; `train` below is the whole loop.

Source: the recipe joins Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019 (AdamW);
Ma and Yarats, On the adequacy of untuned warmup for adaptive optimization, 2021 (200 steps);
Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021 (precise statistics before each evaluation).
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from geoseg.cpus import usable_cpus
from geoseg.errors import TrainingError
from geoseg.learning import watch
from geoseg.learning.checkpoint import save
from geoseg.learning.chips import Batch, Batches, Sampler
from geoseg.learning.job import State, TrainJob, begin, keep_state, resume
from geoseg.learning.log_csv import record
from geoseg.learning.losses import WeightedSum, parse_loss
from geoseg.learning.norm_statistics import renew_statistics
from geoseg.learning.recipe import Recipe
from geoseg.learning.repair import SLOWER, mend
from geoseg.learning.tell import tell, tell_pace
from geoseg.learning.validation import Validation, validate
from geoseg.spec import ModelSpec

log = logging.getLogger(__name__)

MORE = 4
"""Times as many batches for BatchNorm's statistics where the usual ones were too few."""
WARM = 0.1
"""Share of the run after which the warm-up is over at the latest."""
VALIDATING = 0.25
"""Most of a run with a time limit that goes into validations; it has fewer where these are slow."""
PACE_STEPS = 3
"""Steps after which the run says how long one takes."""

Progress = Callable[[dict[str, Any]], None]
"""Takes progress events."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training gave."""

    scores: dict[str, float]
    """Of the model that was kept, on the held-out chips."""
    steps: int
    """Updates done."""
    seconds: float
    """Time of the run, earlier parts of it included."""


def train(model: nn.Module, job: TrainJob, progress: Progress = lambda event: None) -> Outcome:
    """Train a network that has fresh weights, and write the best one seen to the job's file.

    Raises:
        TrainingError: the folder holds another run, the loss is not finite, or no validation
            showed a model that is worth keeping.
    """
    state = begin(model, job)
    resume(state, job)
    clock = Clock(job.recipe, state)
    loss = parse_loss(job.recipe.loss)
    alarms: list[watch.Alarm] = []
    first, started = state.step, time.monotonic()
    sampler = sampler_for(job.sampler, state.device)
    for batch in prefetched(sampler, state.step, cutters_for(state.device)):
        if clock.over or state.stale >= job.recipe.patience:
            break
        rate = state.slow * rate_at(state.step, clock.fraction(state), job.recipe)
        value = update(state, batch, loss, job.recipe, rate)
        fraction = clock.fraction(state)
        progress(progress_event(fraction))
        if state.step == first + PACE_STEPS:
            tell_pace(job.recipe, (time.monotonic() - started) / PACE_STEPS)
        if clock.validation_due(fraction):
            with clock.validating():
                alarms = validate_and_keep(state, job, loss, value, alarms, warm=fraction > WARM)
    if not state.scores:
        reasons = "; ".join(alarm.text for alarm in alarms) or "no validation was made"
        raise TrainingError(f"no model was worth keeping: {reasons}")
    return Outcome(state.scores, state.step, state.seconds)


def validate_and_keep(
    state: State, job: TrainJob, loss: WeightedSum, value: float, before: Sequence[watch.Alarm], *,
    warm: bool,
) -> list[watch.Alarm]:
    """Recompute BatchNorm's statistics, validate, and keep the model if it is the best so far.

    Args:
        state: of the run; changed where the watch acts.
        job: what is trained.
        loss: of a batch.
        value: loss of the last step.
        before: alarms of the last validation.
        warm: True after the warm-up.

    Returns:
        What is wrong with it; a model with a fatal alarm is never kept.
    """
    seen, alarms = examine(state, job, loss, warm=warm, batches=job.recipe.statistics_batches)
    if any(alarm.name == "lagging-statistics" for alarm in alarms):
        more = MORE * job.recipe.statistics_batches
        seen, alarms = examine(state, job, loss, warm=warm, batches=more)
    kept = seen.score > state.best and not any(alarm.fatal for alarm in alarms)
    state.stale = 0 if kept else state.stale + 1
    if kept:
        state.best, state.scores = seen.score, seen.scores()
        save(job.out, described(job, seen), state.averaged, half=job.half)
    record(job.folder, state, seen, value, alarms, kept=kept)
    alarms = mend(state, seen.statistics, alarms, rate=job.recipe.rate, seed=job.recipe.seed)
    tell(seen, alarms, {alarm.name for alarm in before}, kept=kept)
    keep_state(state, job)
    job.draw(seen, state.averaged, job.folder)
    return alarms


def examine(
    state: State, job: TrainJob, loss: WeightedSum, *, warm: bool, batches: int
) -> tuple[Validation, list[watch.Alarm]]:
    """Validate with statistics recomputed over some batches, and name what is wrong."""
    renew_statistics(state.averaged, job.sampler, state.step, batches)
    with reduced(state, job.recipe):
        seen = validate(state.averaged, job.held_out, loss, state.device, state.step)
    gradient = first_gradient(state.model)
    seen = replace(seen, statistics=replace(seen.statistics, warm=warm, gradient=gradient))
    return seen, watch.after_validation(seen.statistics, seen.names)


def first_gradient(network: nn.Module) -> float:
    """Give the length of the first weights' gradient at the last update; 1 before any."""
    gradient = next(network.parameters()).grad
    return 1.0 if gradient is None else gradient.norm().item()


def progress_event(fraction: float) -> dict[str, Any]:
    """Say how far the run is, in thousandths: the end may be a step or a time."""
    return {"event": "progress", "stage": "train", "done": int(fraction * 1000), "total": 1000}


class Clock:
    """Tells how much of the run is over, by steps or by time, whichever is further."""

    def __init__(self, recipe: Recipe, state: State) -> None:
        self._recipe = recipe
        self._start = time.monotonic() - state.seconds
        self._validated = 0.0
        self._done = math.floor(self.fraction(state) * recipe.validations)

    @property
    def over(self) -> bool:
        """Tell that the last validation was made."""
        return self._done >= self._recipe.validations

    def fraction(self, state: State) -> float:
        """Give 0 at the start and 1 at the end, and note the time in the state."""
        state.seconds = time.monotonic() - self._start
        by_step = state.step / self._recipe.steps if self._recipe.steps else 0.0
        by_time = state.seconds / self._recipe.seconds if self._recipe.seconds else 0.0
        return min(1.0, max(by_step, by_time))

    def validation_due(self, fraction: float) -> bool:
        """Tell, once for each of the recipe's validations, that it is time.

        A time limit is for learning: a validation is left out while they took too much of it.
        """
        due = math.floor(fraction * self._recipe.validations)
        slow = self._validated > VALIDATING * (time.monotonic() - self._start)
        if due <= self._done or (slow and self._recipe.steps is None and fraction < 1):
            return False
        self._done = due
        return True

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Count the time of a validation."""
        started = time.monotonic()
        yield
        self._validated += time.monotonic() - started


def rate_at(step: int, fraction: float, recipe: Recipe) -> float:
    """Give the learning rate: a linear warm-up, then half a cosine down to 0."""
    warm = min(1.0, max((step + 1) / recipe.warm_up, fraction / WARM))
    return recipe.rate * warm * 0.5 * (1 + math.cos(math.pi * fraction))


def prefetched(sampler: Batches, first: int, cutters: int = 1) -> Iterator[Batch]:
    """Give batches `first`, `first + 1`, ...; the next ones are cut while this one is learnt."""
    with ThreadPoolExecutor(max_workers=cutters) as pool:
        coming = deque(pool.submit(sampler, first + number) for number in range(cutters))
        for number in count(first + cutters):
            batch = coming.popleft().result()
            coming.append(pool.submit(sampler, number))
            yield batch


def sampler_for(sampler: Batches, device: torch.device) -> Batches:
    """Give batches where a device copies them from by itself: a GPU needs pinned memory."""
    pins = device.type == "cuda" and isinstance(sampler, Sampler)
    return replace(sampler, pinned=True) if pins else sampler


def cutters_for(device: torch.device) -> int:
    """Choose how many batches are cut at once: a GPU learns faster than one core cuts."""
    return 1 if device.type == "cpu" else max(1, min(8, usable_cpus() - 1))


def reduced(state: State, recipe: Recipe) -> torch.autocast:
    """Give the context in which the network runs in the recipe's precision."""
    lower = recipe.precision == "bf16"
    return torch.autocast(state.device.type, torch.bfloat16, enabled=lower)


def update(state: State, batch: Batch, loss: WeightedSum, recipe: Recipe, rate: float) -> float:
    """Make one step: forward, backward, clip, move, average.

    Returns:
        The loss.

    Raises:
        TrainingError: the loss is not finite.
    """
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
    else:
        state.slow *= SLOWER
        log.warning(
            "exploding-gradient: step %d is left out, the highest rate is now %.1g",
            state.step, recipe.rate * state.slow,
        )
    state.step += 1
    average(state, min(recipe.average, (1 + state.step) / (10 + state.step)))
    return value.item()


@torch.no_grad()
def average(state: State, past: float) -> None:
    """Move the averaged weights toward the present ones."""
    weights = (list(one.parameters()) for one in (state.averaged, state.model))
    get_ema_multi_avg_fn(past)(*weights, None)  # all at once: a GPU starts one kernel, not 80


def described(job: TrainJob, seen: Validation) -> ModelSpec:
    """Add the scores and the recipe to the spec."""
    recipe = json.dumps(asdict(job.recipe), sort_keys=True)
    history = {**job.spec.history, "recipe": recipe, "step": str(seen.step)}
    scores = {name: round(value, 4) for name, value in seen.scores().items()}
    return replace(job.spec, scores=scores, history=history)
