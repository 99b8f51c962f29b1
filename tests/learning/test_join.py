"""What is fine and what is coarse are joined as torch does it, and learn the same."""

import pytest
import torch
from torch.nn import functional

from geoseg.learning import join as module
from geoseg.learning.join import join


def draw(*shape):
    random = torch.Generator().manual_seed(sum(shape))
    drawn = torch.randn(shape, generator=random)
    return drawn.contiguous(memory_format=torch.channels_last).requires_grad_()


def by_torch(fine, coarse):
    return torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0)], 1)


@pytest.mark.parametrize("shape", [(2, 16, 12, 20), (1, 3, 2, 2), (3, 5, 6, 2)])
def test_values_and_gradients_are_those_of_two_steps(shape):
    n, channels, rows, cols = shape
    fine, coarse = draw(*shape), draw(n, 2 * channels, rows // 2, cols // 2)
    gradients, found = draw(n, 3 * channels, rows, cols).detach(), []
    for step in (join, by_torch):
        fine.grad = coarse.grad = None
        joined = step(fine, coarse)
        joined.backward(gradients)
        found.append((joined.detach(), fine.grad, coarse.grad))
    assert join(fine, coarse).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])
    assert torch.allclose(found[0][2], found[1][2], atol=1e-6)


def test_a_network_at_rest_and_other_orders_and_numbers_take_torchs_steps(monkeypatch):
    fine, coarse = draw(1, 4, 8, 8), draw(1, 4, 4, 4)
    assert join(fine, coarse).grad_fn.name().startswith("_Join")
    monkeypatch.setattr(module._Join, "apply", lambda *_: pytest.fail("not torch's"))
    with torch.no_grad():
        assert torch.equal(join(fine, coarse), by_torch(fine, coarse))
    for pair in ((fine.contiguous(), coarse), (fine.double(), coarse.double())):
        assert torch.equal(join(*pair), by_torch(*pair))
