"""Convolutions that learn give torch's outputs and gradients, with fewer multiplications."""

import pytest
import torch
from torch import nn

from geoseg.learning.convolution import padded, team, winograd
from geoseg.learning.unet import build

pytestmark = pytest.mark.skipif(not winograd.is_possible(), reason="the processor has no FMA")

TOLERANCE = 3e-5
"""Of the largest value: float32; at most half of it was seen, up to 256 channels and 256 pixels."""


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def draw(*shape):
    random = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=random).contiguous(memory_format=torch.channels_last)


def make_layer(channels, filters, bias=False, **options):
    torch.manual_seed(channels)
    layer = nn.Conv2d(channels, filters, 3, padding=1, bias=bias, **options)
    return layer.to(memory_format=torch.channels_last)


def learn(layer, pixels, gradients, convolve=padded.convolve):
    """Give the outputs and all gradients."""
    layer.zero_grad()
    pixels = pixels.detach().clone().requires_grad_()
    found = convolve(layer, pixels)
    found.backward(gradients)
    return found.detach(), pixels.grad, *(one.grad.clone() for one in layer.parameters())


def is_quick(layer, pixels):
    return padded.convolve(layer, pixels).grad_fn.name().startswith("_Convolution")


@pytest.mark.parametrize(
    ("n", "channels", "filters", "rows", "cols"),
    [(1, 16, 32, 250, 254), (3, 32, 16, 64, 64), (3, 48, 16, 33, 15), (1, 128, 64, 22, 31)],
)
def test_outputs_and_gradients_are_those_of_the_definition(
    threads, n, channels, filters, rows, cols
):
    layer, pixels = make_layer(channels, filters, bias=n == 3), draw(n, channels, rows, cols)
    gradients = draw(n, filters, rows, cols)
    found = learn(layer, pixels, gradients)
    assert found[0].is_contiguous(memory_format=torch.channels_last)
    wanted = learn(layer.double(), pixels.double(), gradients.double(), nn.Conv2d.__call__)
    for one, truth in zip(found, wanted, strict=True):
        assert (one - truth).abs().max() < TOLERANCE * truth.abs().max()


def test_weights_may_lie_in_any_order():
    layer, pixels, gradients = make_layer(16, 16), draw(2, 16, 24, 24), draw(2, 16, 24, 24)
    first = learn(layer, pixels, gradients)
    second = learn(layer.to(memory_format=torch.contiguous_format), pixels, gradients)
    assert layer.weight.is_contiguous()
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("side", [23, 24])
def test_two_runs_give_the_same_bits(threads, side):
    layer, pixels, gradients = make_layer(16, 32), draw(2, 16, side, 64), draw(2, 32, side, 64)
    first, second = (learn(layer, pixels, gradients) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_registers_change_no_bit_and_threads_none_but_of_the_kernels(monkeypatch):
    layer, pixels, gradients = make_layer(32, 16), draw(2, 32, 46, 102), draw(2, 16, 46, 102)
    found, before = {}, torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            for lanes in (8, 16):
                monkeypatch.setattr(winograd, "lanes", lambda lanes=lanes: lanes)
                found[threads, lanes] = learn(layer, pixels, gradients)
    finally:
        torch.set_num_threads(before)
    for threads in (1, 3):
        pairs = zip(found[threads, 8], found[threads, 16], strict=True)
        assert all(torch.equal(*pair) for pair in pairs)
    assert all(torch.equal(*pair) for pair in zip(found[1, 8][:2], found[3, 8][:2], strict=True))


def test_threads_of_torch_and_threads_of_a_pool_give_the_same(monkeypatch, threads):
    layer, pixels, gradients = make_layer(16, 16), draw(3, 16, 20, 36), draw(3, 16, 20, 36)
    first = learn(layer, pixels, gradients)
    monkeypatch.setattr(team, "_openmp", lambda: None)
    second = learn(layer, pixels, gradients)
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (make_layer(20, 16), (2, 20, 24, 24)),
        (make_layer(16, 24), (2, 16, 24, 24)),
        (make_layer(16, 16, stride=2), (2, 16, 48, 48)),
        (make_layer(16, 16, groups=2), (2, 16, 24, 24)),
        (make_layer(16, 16, padding_mode="reflect"), (2, 16, 24, 24)),
        (make_layer(16, 16).eval(), (2, 16, 24, 24)),
        (make_layer(16, 16), (1, 16, 12, 12)),
    ],
    ids=["channels", "filters", "stride", "groups", "mirrored", "resting", "small"],
)
def test_other_layers_are_left_to_torch(layer, shape):
    assert not is_quick(layer, draw(*shape))


def test_other_numbers_and_other_processors_are_left_to_torch(monkeypatch):
    layer, pixels = make_layer(16, 16), draw(2, 16, 24, 24)
    assert is_quick(layer, pixels)
    assert not is_quick(layer, pixels.contiguous())
    assert not is_quick(make_layer(16, 16).double(), pixels.double())
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_quick(layer, pixels)
    monkeypatch.setattr(winograd, "is_possible", lambda: False)
    assert not is_quick(layer, pixels)


def test_whoever_listens_to_a_layer_hears_it():
    layer, pixels, heard = make_layer(16, 16), draw(2, 16, 24, 24), []
    layer.register_forward_hook(lambda *given: heard.append(given[-1]))
    found = padded.convolve(layer, pixels)
    assert heard[0] is found


def test_only_what_is_asked_for_is_computed():
    layer, pixels = make_layer(16, 16), draw(2, 16, 24, 24)
    padded.convolve(layer, pixels).sum().backward()
    assert layer.weight.grad is not None and pixels.grad is None
    layer.zero_grad()
    layer.weight.requires_grad_(False)
    wanted = pixels.requires_grad_()
    padded.convolve(layer, wanted).sum().backward()
    assert layer.weight.grad is None and wanted.grad is not None


@pytest.mark.parametrize("name", ["unet", "unet-origin"])
def test_a_network_learns_as_with_torch_and_the_same_in_two_runs(monkeypatch, threads, name):
    pixels, target = draw(2, 3, 64, 64), draw(2, 2, 64, 64).sign().clamp(min=0)

    def run():
        network = build(name, width=16).to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-2)
        losses = []
        for step in range(4):
            torch.manual_seed(step)
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(network(pixels), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    first, second = run(), run()
    monkeypatch.setattr(padded, "_is_quick", lambda *_: False)
    assert first == second
    assert run() == pytest.approx(first, rel=1e-3 if name == "unet" else 1e-2)


def test_steps_leave_no_memory_behind():
    resource = pytest.importorskip("resource")
    layer, pixels, gradients = make_layer(32, 32), draw(2, 32, 64, 64), draw(2, 32, 64, 64)

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(5):
        learn(layer, pixels, gradients)
    before = peak()
    for _ in range(50):
        learn(layer, pixels, gradients)
    assert peak() - before < 8_000  # KiB; the outputs alone of 50 steps are 50 MiB
