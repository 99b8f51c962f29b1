import numpy as np
import pytest
import torch

from geoseg.errors import ModelError
from geoseg.learning.unet import DIVISOR, Lift, build, reach, set_prior

ORIGIN_CONVOLUTIONS = [
    448, 2320, 4640, 9248, 18496, 36928, 73856, 147584, 295168, 590080,
    131200, 32832, 8224, 2064,
    295040, 147584, 73792, 36928, 18464, 9248, 4624, 2320,
]
ORIGIN_NORMS = [
    64, 64, 128, 128, 256, 256, 512, 512, 1024, 1024,
    512, 512, 256, 256, 128, 128, 64, 64, 8,
]


def count(module):
    """Count as Keras does: parameters and moving statistics."""
    buffers = (one for name, one in module.named_buffers() if "num_batches" not in name)
    return sum(one.numel() for one in [*module.parameters(), *buffers])


def of_kind(model, kind):
    return [count(one) for one in model.modules() if isinstance(one, kind)]


def test_the_origin_has_the_parameters_of_its_keras_summary_layer_by_layer():
    model = build("unet-origin", classes=1)
    wanted = [*ORIGIN_CONVOLUTIONS, 290, 3]
    assert sorted(of_kind(model, torch.nn.Conv2d)) == sorted(wanted)
    assert of_kind(model, torch.nn.BatchNorm2d) == ORIGIN_NORMS
    assert count(model) == 1_947_277


def test_the_classic_has_the_parameters_of_its_publication():
    assert count(build("unet-classic", bands=1, classes=1)) == 31_031_685


def test_the_origin_takes_skips_before_batchnorm_at_three_levels_and_after_it_at_the_fourth():
    model = build("unet-origin", width=2).eval()
    seen = {}
    for depth, pair in enumerate(model.encoder):
        pair[1].register_forward_hook(lambda m, i, o, depth=depth: seen.update({depth: o}))
    joined = []
    for pair in model.decoder:
        pair[0].register_forward_hook(lambda m, i, o: joined.append(i[0]))
    for norm in (one for one in model.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        norm.running_mean.fill_(0.3)
    model(torch.rand(1, 3, 32, 32))
    for depth, tensor in zip((3, 2, 1, 0), joined, strict=True):
        normed, active = seen[depth]
        wanted = normed if depth == 3 else active
        assert torch.equal(tensor[:, : wanted.shape[1]], wanted)


def test_dropout_is_where_the_origin_has_it():
    origin, classic = build("unet-origin", width=2), build("unet-classic", width=2)
    rates = [(one.drop_skip.p, one.drop_bottom.p, one.drop_head.p) for one in (origin, classic)]
    assert rates == [(0.2, 0.5, 0.2), (0.5, 0.5, 0.0)]


def test_an_up_convolution_pads_right_and_below_as_keras_does():
    convolution = Lift(1, 1, 2)
    convolution.weight.data = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]]]])
    convolution.bias.data.zero_()
    out = convolution(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    wanted = [[1, 2, 2, 0], [3, 4, 4, 0], [3, 4, 4, 0], [0, 0, 0, 0]]
    assert out[0, 0].tolist() == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("unet", (94, 94)), ("unet-origin", (94, 110)), ("unet-classic", (94, 110))],
)
def test_no_pixel_beyond_the_reach_has_an_influence_and_the_last_one_within_has(
    name, wanted, monkeypatch
):
    """A mean stands for the maximum, which lets only one of its four pixels through."""
    monkeypatch.setattr(torch.nn.functional, "max_pool2d", torch.nn.functional.avg_pool2d)
    options = {} if name == "unet" else {"head": 1, "rising": 1}
    assert reach(**options) == wanted
    model = build(name, width=1).double().eval()
    for one in model.parameters():
        one.data = one.data.abs() + 0.01 if one.ndim > 1 else one.data.abs()
    size, start = 272, 128
    pixels = torch.rand(1, 3, size, 16, dtype=torch.float64, requires_grad=True)
    model(pixels)[:, :, start : start + DIVISOR].sum().backward()
    rows = np.flatnonzero(pixels.grad.abs().sum((0, 1, 3)).numpy())
    assert (start - rows[0], rows[-1] + 1 - start - DIVISOR) == wanted


def test_the_halo_is_the_reach_rounded_up_to_the_divisor():
    assert build("unet", width=1).halo == 96
    assert build("unet-origin", width=1).halo == 112


def test_an_untrained_unet_answers_the_class_prior():
    model = build("unet", width=4).eval()
    set_prior(model, [0.7, 0.1])
    answer = torch.sigmoid(model(torch.rand(1, 3, 32, 32))).mean((0, 2, 3))
    assert torch.allclose(answer, torch.tensor([0.7, 0.1]), atol=0.05)


def test_the_same_seed_draws_the_same_weights_and_leaves_the_process_generator_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two = build("unet", width=2, seed=3), build("unet", width=2, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    other = build("unet", width=2, seed=4)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_an_unknown_architecture_is_refused_with_the_names_there_are():
    with pytest.raises(ModelError, match="no architecture 'vnet'; choose from unet, unet-origin"):
        build("vnet")


def test_a_network_without_bands_is_refused():
    with pytest.raises(ModelError, match="bands 0"):
        build("unet", bands=0)
