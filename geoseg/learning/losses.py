"""Losses by name, and sums of them such as `0.5*bce+dice`; invalid pixels never count.

Every loss takes logits and targets (n, classes, rows, cols) and valid (n, 1, rows, cols), all
float32, and gives one number. Overlap losses are computed over the whole batch, per class.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from geoseg.errors import OptionError

SMOOTH = 1.0
"""Pixels added to both sides of an overlap, so that an empty batch has a finite gradient."""

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def _mean(each: Tensor, valid: Tensor) -> Tensor:
    """Average per-pixel losses over the valid pixels and all classes."""
    return (each * valid).sum() / (valid.sum() * each.shape[1]).clamp(min=1)


def bce(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy, -log of the probability given to the truth."""
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _mean(each, valid)


def weighted_bce(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy with rare classes lifted by min(10, sqrt((1 - p) / p)), p of this batch.

    Source: Xie and Tu, Holistically-Nested Edge Detection, 2015, equation 2. Departs: square root
    and a limit, so that the output stays near a probability.
    """
    share = (target * valid).sum((0, 2, 3)) / valid.sum().clamp(min=1)
    lift = ((1 - share) / share.clamp(min=1e-6)).sqrt().clamp(max=10)[:, None, None]
    each = functional.binary_cross_entropy_with_logits(
        logits, target, pos_weight=lift, reduction="none"
    )
    return _mean(each, valid)


def focal(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy times (1 - probability of the truth) squared.

    Source: Lin et al., Focal Loss for Dense Object Detection, 2017, equation 4, gamma 2.
    """
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _mean((1 - torch.exp(-each)) ** 2 * each, valid)


def _overlap(logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count true positives, false positives and false negatives softly, per class."""
    predicted = torch.sigmoid(logits) * valid
    target = target * valid
    both = (predicted * target).sum((0, 2, 3))
    return both, predicted.sum((0, 2, 3)) - both, target.sum((0, 2, 3)) - both


def dice(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """One minus the Dice coefficient of the batch, mean over classes.

    Source: Milletari et al., V-Net, 2016, section 3. Departs: sums, not squares; smoothed.
    """
    return _dice_each(logits, target, valid).mean()


def _dice_each(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    both, extra, missed = _overlap(logits, target, valid)
    return 1 - (2 * both + SMOOTH) / (2 * both + extra + missed + SMOOTH)


def log_cosh_dice(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Logarithm of the hyperbolic cosine of the Dice loss, mean over classes.

    Source: Jadon, A survey of loss functions for semantic segmentation, 2020, section II-N.
    """
    return torch.log(torch.cosh(_dice_each(logits, target, valid))).mean()


def jaccard(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """One minus intersection over union of the batch, mean over classes.

    Source: Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks, 2016, eq 3.
    """
    both, extra, missed = _overlap(logits, target, valid)
    return (1 - (both + SMOOTH) / (both + extra + missed + SMOOTH)).mean()


def tversky(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Dice that minds a missed pixel more (0.7) than an extra one (0.3).

    Source: Salehi et al., Tversky loss function for image segmentation, 2017, equation 4.
    """
    both, extra, missed = _overlap(logits, target, valid)
    return (1 - (both + SMOOTH) / (both + 0.3 * extra + 0.7 * missed + SMOOTH)).mean()


def lovasz(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """The Lovász hinge: the convex extension of 1 - IoU, over the batch, mean over classes.

    Source: Berman et al., The Lovász-Softmax loss, 2018, algorithm 1 and equation 9.
    """
    good = valid.expand_as(logits) > 0
    each = [
        _lovasz_flat(logits[:, one][good[:, one]], target[:, one][good[:, one]])
        for one in range(logits.shape[1])
    ]
    return torch.stack(each).mean()


def _lovasz_flat(logits: Tensor, target: Tensor) -> Tensor:
    if target.numel() == 0:
        return logits.sum()
    errors, order = torch.sort(1 - logits * (2 * target - 1), descending=True)
    truth = target[order]
    intersection = truth.sum() - truth.cumsum(0)
    union = truth.sum() + (1 - truth).cumsum(0)
    steps = 1 - intersection / union
    steps = torch.cat([steps[:1], steps[1:] - steps[:-1]])
    return torch.dot(functional.relu(errors), steps)


LOSSES: dict[str, Loss] = {
    "bce": bce,
    "weighted-bce": weighted_bce,
    "dice": dice,
    "jaccard": jaccard,
    "tversky": tversky,
    "focal": focal,
    "lovasz": lovasz,
    "log-cosh-dice": log_cosh_dice,
}


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """A sum of named losses."""

    terms: tuple[tuple[float, Loss], ...]
    """Weight and loss of each."""

    def __call__(self, logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Give the weighted sum, computed in float32."""
        logits = logits.float()
        return sum(weight * loss(logits, target, valid) for weight, loss in self.terms)


def parse_loss(text: str) -> WeightedSum:
    """Read a loss such as `bce`, `bce+dice` or `0.5*bce+jaccard`.

    Raises:
        OptionError: a name is not known or a weight is not a positive number.
    """
    terms = []
    for part in text.replace(" ", "").split("+"):
        found = re.fullmatch(r"(?:(\d+\.?\d*|\.\d+)\*)?([a-z-]+)", part)
        if found is None or found[2] not in LOSSES:
            raise OptionError(f"no loss {part!r}; choose from {', '.join(LOSSES)}, or their sums")
        terms.append((float(found[1] or 1), LOSSES[found[2]]))
    return WeightedSum(tuple(terms))
