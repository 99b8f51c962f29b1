"""Make networks of other programs answer what geoseg asks: a parcel and a boundary band."""

from __future__ import annotations

import copy

import torch
from torch import nn


def with_boundary(network: nn.Module) -> nn.Module:
    """Give a copy whose second band is the boundary: all that is no parcel.

    Args:
        network: gives one band of logits, of parcel, from a convolution called `head`.

    Returns:
        A network of two bands: l and -l, so that boundary = 1 - parcel to the last bit.
    """
    network = copy.deepcopy(network)
    head = network.head
    wider = nn.Conv2d(head.in_channels, 2, head.kernel_size, padding=head.padding)
    with torch.no_grad():
        wider.weight.copy_(torch.cat([head.weight, -head.weight]))
        wider.bias.copy_(torch.cat([head.bias, -head.bias]))
    network.head = wider
    return network.eval()
