"""A training run: what stays the same, what changes, and how it is kept between two runs."""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from geoseg.errors import TrainingError
from geoseg.learning.checkpoint import read_tensors, write_tensors
from geoseg.learning.chips import Batch, Batches
from geoseg.learning.devices import repeat_sums
from geoseg.learning.recipe import Recipe, in_new_words
from geoseg.learning.validation import Validation
from geoseg.spec import ModelSpec

log = logging.getLogger(__name__)

LAST = "last.safetensors"
"""The state of a run, in its folder."""
NUMBERS = ("step", "seconds", "best", "stale", "slow", "scores")
"""Fields of the state that are no tensors."""


@dataclass(frozen=True, slots=True)
class TrainJob:
    """All that stays the same while training."""

    sampler: Batches
    """Gives training batch number n."""
    held_out: Sequence[Batch]
    """Validation chips, batched, from other places."""
    recipe: Recipe
    """How to train; its precision is chosen."""
    spec: ModelSpec
    """Of the model; scores are added when it is saved."""
    out: Path
    """Model file; written at every validation that is the best so far."""
    folder: Path
    """For the log, the pictures and the state that a later run resumes from."""
    device: str = "cpu"
    """Where to train."""
    half: bool = False
    """True stores the weights in 16 bits."""
    draw: Callable[[Validation, nn.Module, Path], None] = lambda *_: None
    """Draws a validation into the folder."""


@dataclass(slots=True)
class State:
    """All that changes while training; `last.safetensors` holds it between runs."""

    model: nn.Module
    """What is trained."""
    averaged: nn.Module
    """The running average of its weights: what is validated and kept."""
    optimizer: torch.optim.Optimizer
    """Of the model's weights."""
    device: torch.device
    """Where both are."""
    step: int = 0
    """Updates done."""
    seconds: float = 0.0
    """Time of the run, earlier parts of it included."""
    best: float = -math.inf
    """Score of the model that was kept."""
    stale: int = 0
    """Validations since then."""
    slow: float = 1.0
    """What the rate is multiplied by; an alarm lowers it."""
    scores: dict[str, float] = field(default_factory=dict)
    """All scores of the model that was kept; none before."""


def begin(model: nn.Module, job: TrainJob) -> State:
    """Make the state before the first step."""
    device = torch.device(job.device)
    if device.type == "cuda":
        repeat_sums()
    model = model.to(device, memory_format=torch.channels_last)
    weights = [one for one in model.parameters() if one.ndim > 1]
    others = [one for one in model.parameters() if one.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": job.recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=job.recipe.rate, betas=(0.9, 0.99))
    return State(model, copy.deepcopy(model).eval(), optimizer, device)


def keep_state(state: State, job: TrainJob) -> None:
    """Write all that a later run needs to go on, to `last.safetensors`."""
    tensors = {f"model.{name}": one for name, one in state.model.state_dict().items()}
    tensors |= {f"averaged.{name}": one for name, one in state.averaged.state_dict().items()}
    for index, kept in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": one for name, one in kept.items()}
    plain = {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
    numbers = {name: getattr(state, name) for name in NUMBERS}
    metadata = {"state": json.dumps(numbers), "job": json.dumps(identity(job))}
    write_tensors(job.folder / LAST, plain, metadata)


def resume(state: State, job: TrainJob) -> None:
    """Go on from `last.safetensors`, where there is one.

    Raises:
        TrainingError: it was made with another recipe or other data; a longer run is allowed.
    """
    path = job.folder / LAST
    if not path.exists():
        return
    tensors, metadata = read_tensors(path)
    _check_same(in_new_words(json.loads(metadata["job"])), identity(job), job.folder)
    state.model.load_state_dict(_under("model.", tensors))
    state.averaged.load_state_dict(_under("averaged.", tensors))
    moments = state.optimizer.state_dict()
    for name, one in _under("optimizer.", tensors).items():
        index, key = name.split(".")
        moments["state"].setdefault(int(index), {})[key] = one
    state.optimizer.load_state_dict(moments)
    for name, number in json.loads(metadata["state"]).items():
        setattr(state, name, number)
    log.info("resume at step %d, after %.0f s", state.step, state.seconds)


def identity(job: TrainJob) -> dict[str, Any]:
    """Say what makes this run this run: recipe, network and data, but not its length."""
    values = {**asdict(job.recipe), **job.spec.history, "model": job.spec.architecture}
    values |= {"width": job.spec.width, "bands": [one.name for one in job.spec.bands]}
    return {name: one for name, one in values.items() if name not in ("steps", "seconds")}


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_same(before: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise TrainingError(
                f"{folder} holds a run with {name} {before.get(name)}, not {now.get(name)}; "
                "use --restart to begin anew"
            )
