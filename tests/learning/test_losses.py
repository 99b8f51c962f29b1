import math

import pytest
import torch

from geoseg.errors import OptionError
from geoseg.learning.losses import LOSSES, parse_loss

HALF = 0.0
"""Logit of probability 0.5."""
P8 = math.log(4)
"""Logit of probability 0.8."""


def cells(*values):
    return torch.tensor(values, dtype=torch.float32)[None, None, None]


LOGITS = cells(P8, P8, HALF, -P8)
TARGET = cells(1, 0, 1, 0)
ALL = cells(1, 1, 1, 1)
# probabilities .8 .8 .5 .2: both 1.3, extra 1.0, missed 0.7; one pixel of smoothing
BY_HAND = {
    "bce": (-math.log(0.8) - math.log(0.2) - math.log(0.5) - math.log(0.8)) / 4,
    "dice": 1 - (2 * 1.3 + 1) / (2.6 + 1.0 + 0.7 + 1),
    "jaccard": 1 - (1.3 + 1) / (1.3 + 1.0 + 0.7 + 1),
    "tversky": 1 - (1.3 + 1) / (1.3 + 0.3 + 0.49 + 1),
    "log-cosh-dice": math.log(math.cosh(1 - 3.6 / 5.3)),
    "focal": (0.04 * -math.log(0.8) * 2 + 0.64 * -math.log(0.2) + 0.25 * -math.log(0.5)) / 4,
    "weighted-bce": (-math.log(0.8) - math.log(0.2) - math.log(0.5) - math.log(0.8)) / 4,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_loss_equals_its_value_by_hand(name):
    assert LOSSES[name](LOGITS, TARGET, ALL).item() == pytest.approx(BY_HAND[name], rel=1e-5)


def test_weighted_bce_lifts_a_class_of_a_quarter_by_the_root_of_three():
    logits, target = cells(HALF, HALF, HALF, HALF), cells(1, 0, 0, 0)
    wanted = math.log(2) * (math.sqrt(3) + 3) / 4
    assert LOSSES["weighted-bce"](logits, target, ALL).item() == pytest.approx(wanted, rel=1e-5)


def test_lovasz_equals_the_jaccard_steps_by_hand():
    # errors 1 - logit * sign, sorted: 2.0 (negative), 0.5 (positive), -1 (positive)
    logits, target = cells(1.0, 0.5, 2.0), cells(0, 1, 1)
    # jaccard after each: 1 - 2/3, 1 - 1/3, 1 - 0/3; steps 1/3, 1/3, 1/3
    wanted = 2.0 / 3 + 0.5 / 3
    assert LOSSES["lovasz"](logits, target, cells(1, 1, 1)).item() == pytest.approx(wanted)


@pytest.mark.parametrize("name", LOSSES)
def test_an_invalid_pixel_changes_no_loss(name):
    valid = cells(1, 1, 1, 1, 0)
    values = [
        LOSSES[name](
            torch.cat([LOGITS, cells(logit)], -1), torch.cat([TARGET, cells(truth)], -1), valid
        ).item()
        for logit, truth in ((9.0, 0), (-9.0, 1))
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert values[0] == pytest.approx(LOSSES[name](LOGITS, TARGET, ALL).item(), abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_a_valid_pixel_has_a_finite_loss_and_gradient(name):
    logits = LOGITS.clone().requires_grad_()
    value = LOSSES[name](logits, TARGET, torch.zeros_like(ALL))
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_better_answer_has_a_lower_loss(name):
    loss = LOSSES[name]
    good, bad = cells(3, -3, 3, -3), cells(-3, 3, 3, -3)
    assert loss(good, TARGET, ALL) < loss(bad, TARGET, ALL)


def test_dice_is_computed_over_the_batch_and_not_per_chip():
    logits = torch.full((2, 1, 1, 4), P8)
    target = torch.zeros(2, 1, 1, 4)
    target[0] = 1
    both, extra = 4 * 0.8, 4 * 0.8
    wanted = 1 - (2 * both + 1) / (2 * both + extra + 0.8 + 1)
    value = LOSSES["dice"](logits, target, torch.ones(2, 1, 1, 4))
    assert value.item() == pytest.approx(wanted, rel=1e-5)


def test_a_sum_weighs_its_terms():
    value = parse_loss("0.5*bce + dice")(LOGITS, TARGET, ALL).item()
    assert value == pytest.approx(0.5 * BY_HAND["bce"] + BY_HAND["dice"], rel=1e-5)


@pytest.mark.parametrize("text", ["", "bce+", "-1*bce", "bce*2", "iou", "bce dice"])
def test_a_loss_that_cannot_be_read_is_refused_with_the_names_there_are(text):
    with pytest.raises(OptionError, match="choose from bce, weighted-bce, dice"):
        parse_loss(text)
