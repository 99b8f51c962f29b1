"""Look at a model with held-out chips: scores from counts, and statistics for the watch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geoseg.learning.chips import Batch
from geoseg.learning.norm_statistics import batch_norms
from geoseg.learning.unet import last_unit
from geoseg.learning.watch import Statistics

THRESHOLDS = {"parcel": 0.5, "boundary": 0.3}
"""Where a class counts as present; borders are rare and thin, so theirs is lower."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What a model does on held-out chips."""

    step: int
    """Updates before it."""
    names: tuple[str, ...]
    """Of the classes."""
    loss: float
    """Mean of the batches."""
    precision: tuple[float, ...]
    """Per class, pixels at its threshold."""
    recall: tuple[float, ...]
    """Per class."""
    statistics: Statistics
    """For the watch."""

    @property
    def score(self) -> float:
        """What the best model is chosen by: the mean IoU of the classes, each weighing the same."""
        return sum(self.statistics.iou) / len(self.statistics.iou)

    def brief(self) -> dict[str, float]:
        """Give the scores that a person wants to see go by."""
        ious = {f"{name}_iou": one for name, one in zip(self.names, self.statistics.iou)}
        return {"score": self.score, "loss": self.loss} | ious

    def scores(self) -> dict[str, float]:
        """Give all scores by name."""
        values = {"score": self.score, "loss": self.loss}
        for index, name in enumerate(self.names):
            values[f"{name}_iou"] = self.statistics.iou[index]
            values[f"{name}_precision"] = self.precision[index]
            values[f"{name}_recall"] = self.recall[index]
            values[f"{name}_spread"] = self.statistics.spread[index]
        return values


@torch.no_grad()
def validate(
    model: nn.Module,
    batches: Sequence[Batch],
    loss: Callable[[Tensor, Tensor, Tensor], Tensor],
    device: torch.device,
    step: int = 0,
) -> Validation:
    """Run a model in evaluation mode over held-out chips and count."""
    model.eval()
    tallies, losses = [], []
    for batch in batches:
        batch = batch.to(device)
        logits = model(batch.pixels.contiguous(memory_format=torch.channels_last)).float()
        target = batch.target[:, : logits.shape[1]]
        losses.append(loss(logits, target, batch.valid).item())
        tallies.append(tally(torch.sigmoid(logits), target, batch.valid))
    counts = torch.stack(tallies).sum(0)
    both, extra, missed = counts[:3]
    statistics = Statistics(
        spread=_or_zero(_spread(counts)),
        iou=_or_zero(both / (both + extra + missed)),
        share=_or_zero((both + missed) / counts[5]),
        **_lag(model, batches[0].to(device)),
        active=_activity(model, batches[0].to(device)),
    )
    names = tuple(THRESHOLDS)[: counts.shape[1]]
    ratios = _or_zero(both / (both + extra)), _or_zero(both / (both + missed))
    return Validation(step, names, sum(losses) / len(losses), *ratios, statistics)


def tally(probability: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Count per class: true positives, false positives, false negatives, sum, squares, pixels."""
    limits = torch.tensor(list(THRESHOLDS.values())[: probability.shape[1]])
    found = (probability >= limits.to(probability.device)[:, None, None]).double()
    truth, valid, probability = target.double(), valid.double(), probability.double()
    each = [found * truth, found * (1 - truth), (1 - found) * truth, probability, probability**2]
    sums = [(one * valid).sum((0, 2, 3)) for one in each]
    return torch.stack([*sums, valid.sum().expand(len(sums[0]))]).cpu()


def _spread(counts: Tensor) -> Tensor:
    """Standard deviation from sum, sum of squares and number."""
    mean = counts[3] / counts[5]
    return (counts[4] / counts[5] - mean**2).clamp(min=0).sqrt()


def _lag(model: nn.Module, batch: Batch) -> dict[str, tuple[float, ...]]:
    """Score one batch with its own BatchNorm statistics, and with the running ones."""
    trial = copy.deepcopy(model)
    running = _iou(trial, batch)
    for norm in batch_norms(trial):
        norm.train()
    return {"running_iou": running, "batch_iou": _iou(trial, batch)}


def _iou(model: nn.Module, batch: Batch) -> tuple[float, ...]:
    logits = model(batch.pixels.contiguous(memory_format=torch.channels_last)).float()
    target = batch.target[:, : logits.shape[1]]
    both, extra, missed = tally(torch.sigmoid(logits), target, batch.valid)[:3]
    return _or_zero(both / (both + extra + missed))


def _activity(model: nn.Module, batch: Batch) -> tuple[float, ...]:
    """Give the share of pixels on which each unit before the last convolution is active."""
    unit = last_unit(model)
    if unit is None:
        return ()
    seen = []
    hook = unit.before_relu.register_forward_hook(lambda *given: seen.append(given[-1]))
    model(batch.pixels)
    hook.remove()
    return _or_zero((seen[0] > 0).double().mean((0, 2, 3)))


def _or_zero(values: Tensor) -> tuple[float, ...]:
    """Give plain numbers; 0/0 is 0 here."""
    return tuple(0.0 if math.isnan(one) else one for one in values.tolist())
