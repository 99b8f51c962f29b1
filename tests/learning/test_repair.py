import copy

import pytest
import torch

from geoseg.learning.chips import Batch
from geoseg.learning.job import State
from geoseg.learning.losses import parse_loss
from geoseg.learning.norm_statistics import renew_statistics
from geoseg.learning.recipe import Recipe
from geoseg.learning.repair import SLOWER, mend, start_over
from geoseg.learning.training import first_gradient, update
from geoseg.learning.unet import build, last_unit
from geoseg.learning.validation import validate
from geoseg.learning.watch import Statistics, after_validation

NAMES = ("parcel", "boundary")
RECIPE = Recipe(steps=10, precision="fp32")
CPU = torch.device("cpu")


@pytest.fixture
def batch():
    random = torch.Generator().manual_seed(3)
    pixels = torch.rand((4, 3, 32, 32), generator=random)
    target = (pixels[:, :2] > 0.6).float()
    return Batch(pixels, target, torch.ones(4, 1, 32, 32))


def begin(name):
    network = build(name, width=8, seed=1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    return State(network, copy.deepcopy(network).eval(), optimizer, CPU)


def step(state, batch, times=1):
    for _ in range(times):
        update(state, batch, parse_loss("bce"), RECIPE, 1e-2)


def kill(state, unit):
    """Push a unit of the narrow head below 0 everywhere."""
    for network in (state.model, state.averaged):
        network.narrow.convolution.bias.data[unit] = -1e3


def activity(state, batch):
    renew_statistics(state.model, lambda number: batch, 0, 1)
    return validate(state.model, [batch], parse_loss("bce"), CPU).statistics.active


def alarms_of(**seen):
    seen = Statistics(**{"spread": (0.3, 0.2), "iou": (0.8, 0.4), "share": (0.6, 0.1)} | seen)
    return seen, after_validation(seen, NAMES)


def test_a_dead_unit_of_the_origin_stays_dead_by_itself(batch):
    state = begin("unet-origin")
    kill(state, 1)
    step(state, batch, 8)
    assert activity(state, batch)[1] == 0


@pytest.mark.parametrize("units", [(1,), (0, 1)])
def test_dead_units_are_drawn_anew_and_learn_again(batch, units):
    state = begin("unet-origin")
    for unit in units:
        kill(state, unit)
    step(state, batch, 2)
    assert (first_gradient(state.model) == 0) == (len(units) == 2)  # the absorbing state
    seen, alarms = alarms_of(active=activity(state, batch))
    (alarm,) = mend(state, seen, alarms, rate=1e-2, seed=0)
    assert alarm.text.endswith(f"drawn anew: {', '.join(f'unit {one}' for one in units)}")
    assert min(activity(state, batch)) > 0.05
    weights = last_unit(state.model).convolution.weight.detach().clone()
    step(state, batch)
    assert first_gradient(state.model) > 0
    assert (last_unit(state.model).convolution.weight != weights)[list(units)].any()


def test_a_live_unit_is_left_as_it_is(batch):
    state = begin("unet-origin")
    kill(state, 1)
    before = last_unit(state.model).convolution.weight[0].detach().clone()
    seen, alarms = alarms_of(active=activity(state, batch))
    mend(state, seen, alarms, rate=1e-2, seed=0)
    assert torch.equal(last_unit(state.model).convolution.weight[0], before)


def test_a_network_without_a_gradient_starts_over_but_keeps_the_share_of_the_classes(batch):
    state = begin("unet")
    for weights in state.model.encoder.parameters():
        weights.data.zero_()
    step(state, batch)
    bias = state.model.head.bias.detach().clone()
    seen, alarms = alarms_of(gradient=first_gradient(state.model), spread=(0.0, 0.0))
    texts = {one.name: one.text for one in mend(state, seen, alarms, rate=1e-2, seed=0)}
    assert texts["vanishing-gradient"].endswith("all weights are drawn anew")
    assert torch.equal(state.model.head.bias, bias)
    step(state, batch)
    assert first_gradient(state.model) > 0


def test_a_grey_output_after_the_warm_up_lowers_the_rate_and_says_so():
    state = begin("unet")
    seen, alarms = alarms_of(spread=(0.0, 0.2))
    (alarm,) = mend(state, seen, alarms, rate=1e-2, seed=0)
    assert state.slow == SLOWER and alarm.text.endswith("the highest rate is now 0.003")


def test_a_grey_output_before_the_end_of_the_warm_up_is_left_to_itself():
    state = begin("unet")
    seen, alarms = alarms_of(spread=(0.0, 0.2), warm=False)
    mend(state, seen, alarms, rate=1e-2, seed=0)
    assert state.slow == 1


def test_the_same_seed_and_step_draw_the_same_weights():
    one, two = begin("unet"), begin("unet")
    for state in (one, two):
        start_over(state, torch.Generator().manual_seed(5))
    assert all(
        torch.equal(a, b) for a, b in zip(one.model.parameters(), two.model.parameters())
    )
