"""Kernels become points by the definition, and gradients of points those of kernels."""

import pytest
import torch

from geoseg.learning.convolution import padded, winograd
from geoseg.learning.convolution.winograd import TO_POINTS

pytestmark = pytest.mark.skipif(not winograd.is_possible(), reason="the processor has no FMA")

BY_HAND = torch.kron(TO_POINTS, TO_POINTS)
"""From nine weights to 36 points."""


@pytest.fixture
def kernels():
    random = torch.Generator().manual_seed(0)
    return torch.randn(9, 96, generator=random)


def test_points_are_those_of_the_definition(kernels):
    found = padded._points(kernels)
    assert torch.allclose(found.double(), BY_HAND @ kernels.double(), atol=1e-6)


def test_kernels_turned_round_are_read_from_their_end(kernels):
    found = padded._points(kernels, turned=True)
    assert torch.equal(found, padded._points(kernels.flip(0)))


def test_the_parts_of_the_sums_are_added_and_turned_back():
    random = torch.Generator().manual_seed(1)
    sums = torch.randn(3, 36, 16 * 32, generator=random)
    whole = (BY_HAND.T @ sums.double().sum(0)).view(3, 3, 2, 16, 16)  # rows, cols, 32, channels
    wanted = whole.permute(2, 4, 3, 0, 1).reshape(32, 16, 3, 3)
    found = padded._kernels(sums, torch.Size((32, 16, 3, 3)))
    assert torch.allclose(found.double(), wanted, atol=2e-6 * wanted.abs().max())
