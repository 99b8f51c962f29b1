"""What the trainer does about an alarm: draw dead units anew, start over, lower the rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from geoseg.learning.job import State
from geoseg.learning.norm_statistics import batch_norms
from geoseg.learning.unet import LastUnit, last_unit
from geoseg.learning.watch import Alarm, Statistics

SLOWER = 0.3
"""What the rate is multiplied by after a collapse."""


def mend(
    state: State, seen: Statistics, alarms: Sequence[Alarm], *, rate: float, seed: int
) -> list[Alarm]:
    """Act on the alarms of a validation, and say in each what was done.

    A dead unit is drawn anew. A network whose first layer no longer gets a gradient starts over.
    That, or a grey output, lowers the rate where the warm-up is over.

    Args:
        state: is changed.
        seen: at the validation.
        alarms: of the validation.
        rate: highest learning rate of the recipe.
        seed: of what is drawn, together with the step, so that a resumed run does the same.
    """
    names = {alarm.name for alarm in alarms}
    random = torch.Generator().manual_seed(seed * 1_000_003 + state.step)
    done = {}
    ours = last_unit(state.model) is not None
    if "vanishing-gradient" in names and ours:
        start_over(state, random)
        done["vanishing-gradient"] = "all weights are drawn anew"
    elif "dead-unit" in names:
        revive(state, seen.dead, random)
        done["dead-unit"] = f"drawn anew: {', '.join(f'unit {one}' for one in seen.dead)}"
    if seen.warm and names & {"collapsed", "vanishing-gradient"}:
        state.slow *= SLOWER
        done.setdefault("collapsed", f"the highest rate is now {rate * state.slow:.1g}")
    return [
        replace(alarm, text=f"{alarm.text}; {done[alarm.name]}", acted=True)
        if alarm.name in done else alarm
        for alarm in alarms
    ]


@torch.no_grad()
def revive(state: State, units: Sequence[int], random: torch.Generator) -> None:
    """Draw the weights of some units of the last layer anew, and forget their moments.

    Source: Mishkin and Matas, All you need is a good init, 2016, for why it works: the inputs are
    normalised, so a fresh unit is active on about half of the pixels.
    """
    chosen = list(units)
    fresh = _he(last_unit(state.model).convolution.weight[chosen], random)
    for network in (state.model, state.averaged):
        unit = last_unit(network)
        unit.convolution.weight[chosen] = fresh
        for values, start in _others(unit):
            values[chosen] = start
    unit = last_unit(state.model)
    for weights in (*unit.convolution.parameters(), *unit.norm.parameters()):
        for name, moment in state.optimizer.state.get(weights, {}).items():
            if name != "step":
                moment[chosen] = 0


@torch.no_grad()
def start_over(state: State, random: torch.Generator) -> None:
    """Draw all weights anew but the last bias: that of a grey output is the classes' share."""
    head = state.model.head
    for module in state.model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.copy_(_he(module.weight, random))
            if module.bias is not None and module is not head:
                module.bias.zero_()
    head.weight.mul_(0.01 / head.weight.std().clamp(min=1e-9))
    for norm in batch_norms(state.model):
        norm.reset_parameters()
    state.averaged.load_state_dict(state.model.state_dict())
    state.optimizer.state.clear()


def _he(weights: Tensor, random: torch.Generator) -> Tensor:
    """Draw weights like some, (outputs, inputs, rows, cols).

    Source: He et al., Delving deep into rectifiers, 2015, equation 10.
    """
    drawn = torch.randn(weights.shape, generator=random) * (2 / weights[0].numel()) ** 0.5
    return drawn.to(weights.device)


def _others(unit: LastUnit) -> list[tuple[Tensor, float]]:
    """Give the values of a unit that are not its weights, and what they start from."""
    norm = unit.norm
    values = [] if unit.convolution.bias is None else [(unit.convolution.bias, 0.0)]
    if isinstance(norm, nn.BatchNorm2d):
        values += [(norm.weight, 1.0), (norm.bias, 0.0)]
        values += [(norm.running_mean, 0.0), (norm.running_var, 1.0)]
    return values
