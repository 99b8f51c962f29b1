"""The network computed where it decides a core is the network."""

import numpy as np
import pytest
import torch

from geoseg.learning.cone import GRAIN, Cone, is_quick, margins
from geoseg.learning.predictor import Predictor
from geoseg.learning.unet import DIVISOR, reach
from geoseg.learning.convolution.winograd import is_possible

pytestmark = pytest.mark.skipif(not is_possible(), reason="the processor has no FMA")
ENDS = {"low": np.zeros(3), "high": np.full(3, 255.0)}


def test_the_logits_of_the_core_are_the_networks(make_model):
    _, network = make_model(width=16)
    cone = Cone(network)
    side = GRAIN + 2 * cone.halo
    pixels = torch.rand(2, 3, side, side + GRAIN, generator=torch.Generator().manual_seed(0))
    own, halo = cone.halo - cone.margin, cone.halo
    with torch.inference_mode():
        wanted = network(pixels)[:, :, halo:-halo, halo:-halo]
        found = cone(pixels[:, :, own:-own, own:-own])
    assert found.shape == (2, 2, GRAIN, 2 * GRAIN)
    assert (found - wanted).abs().max() < 1e-4 * wanted.std()


def test_it_looks_as_far_as_the_network_does_and_farther_only_to_whole_tiles():
    before, after = reach()
    assert max(before, after) < margins().pixels <= 8 * DIVISOR


def test_the_plan_makes_cores_that_fit(make_model):
    assert make_model(width=16)[0].grain == GRAIN


def test_only_our_network_in_sixteens_of_filters_is_quick(make_model):
    assert is_quick(make_model(width=16)[1]) and is_quick(make_model(width=32)[1])
    assert not is_quick(make_model(width=8)[1])
    assert not is_quick(make_model("unet-origin", width=16)[1])


def test_a_tile_without_halo_is_answered_for_as_a_whole(make_model):
    predictor = Predictor(make_model(width=16), device="cpu", threads=1)
    random = np.random.default_rng(1)
    batch = random.integers(0, 255, (1, 3, 320, 320), dtype=np.uint8)
    valid = random.random((1, 320, 320)) > 0.1
    whole = predictor.predict(batch, valid, **ENDS).astype(int)
    core = predictor.predict(batch, valid, **ENDS, halo=predictor.halo).astype(int)
    assert whole.shape == (1, 2, 320, 320) and core.shape == (1, 2, GRAIN, GRAIN)
    inner = whole[:, :, predictor.halo : -predictor.halo, predictor.halo : -predictor.halo]
    assert ((core == 255) == (inner == 255)).all()
    assert np.abs(core - inner).max() <= 1 and (core == inner).mean() > 0.999


def test_other_numbers_and_networks_keep_the_halo_of_their_spec(make_model):
    assert Predictor(make_model(width=16), device="cpu").halo == 128
    for model in (make_model(width=16), make_model("unet-origin", width=16)):
        slow = Predictor(model, device="cpu", precision="bf16")
        assert slow.halo == model[0].halo
