"""BatchNorm's statistics, recomputed: what a network is evaluated with fits its weights.

Source: Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3 (PreciseBN).
"""

from __future__ import annotations

import torch
from torch import nn

from geoseg.learning.chips import Batches


@torch.no_grad()
def renew_statistics(network: nn.Module, sampler: Batches, first: int, batches: int) -> None:
    """Recompute BatchNorm's statistics from scratch, as the plain mean over some batches.

    Without this the running statistics lag behind the weights, and the network that trained well
    answers one grey when it is evaluated.

    Args:
        network: is left in evaluation mode.
        sampler: gives training batch number n.
        first: number of the first batch.
        batches: how many.
    """
    norms = batch_norms(network.eval())
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    device = next(network.parameters()).device
    for number in range(first, first + batches):
        batch = sampler(number).to(device)
        network(batch.pixels.contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
        norm.eval()


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    """List the BatchNorm layers of a network."""
    return [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
