import numpy as np
import pytest

from geoseg.learning import augment
from geoseg.learning.augment import RADIOMETRY, TURNS, blur, radiometry, shade, turn


def test_the_eight_turns_are_all_different():
    square = np.arange(4).reshape(2, 2)
    assert len({turn(square, which).tobytes() for which in range(TURNS)}) == TURNS


def test_a_turn_moves_all_bands_alike():
    bands = np.stack([np.arange(9).reshape(3, 3)] * 2)
    for which in range(TURNS):
        one, two = turn(bands, which)
        assert (one == two).all()


@pytest.mark.parametrize("change", [change for _, change in RADIOMETRY])
def test_a_change_keeps_shape_and_is_a_function_of_the_seed(change):
    pixels = np.random.default_rng(0).random((3, 24, 16), dtype=np.float32)
    one = change(pixels, np.random.default_rng(7))
    two = change(pixels, np.random.default_rng(7))
    assert one.shape == pixels.shape and (one == two).all() and np.isfinite(one).all()
    assert not (one == pixels).all()


@pytest.mark.parametrize("seed", range(8))
def test_changes_together_give_float32_and_leave_their_input_alone(seed):
    pixels = np.random.default_rng(0).random((4, 16, 16), dtype=np.float32)
    before = pixels.copy()
    out = radiometry(pixels, np.random.default_rng(seed))
    assert out.dtype == np.float32 and np.isfinite(out).all()
    assert (pixels == before).all()


def test_blur_keeps_a_flat_chip_flat_and_softens_an_edge():
    flat = np.full((1, 8, 8), 0.3, np.float32)
    assert np.allclose(blur(flat, np.random.default_rng(0)), 0.3)
    edge = np.zeros((1, 8, 8), np.float32)
    edge[..., 4:] = 1
    assert np.abs(np.diff(blur(edge, np.random.default_rng(0)))).max() < 0.6


def test_shade_changes_light_smoothly():
    pixels = np.ones((1, 64, 64), np.float32)
    for seed in range(5):
        out = shade(pixels, np.random.default_rng(seed))
        assert np.abs(np.diff(out[0], axis=0)).max() < 0.15
        assert 0.5 < out.min() and out.max() < 1.25


def test_every_change_has_a_share_between_never_and_always():
    assert all(0 < share < 1 for share, _ in augment.RADIOMETRY)
