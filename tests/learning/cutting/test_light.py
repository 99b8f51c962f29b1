"""A chip under each look is what plain numpy makes of it."""

import numpy as np
import pytest

from geoseg.grid import Window
from geoseg.learning.augment import plain
from geoseg.learning.chips import ArraySource, Cut, Cutter
from geoseg.learning.scaling import GREY
from geoseg.spec import Band

SIZE = 37
PIXELS = np.random.default_rng(0).random((3, SIZE, SIZE), dtype=np.float32) * 1.2 - 0.1
KNOWN = np.ones((SIZE, SIZE), bool)


def under(pixels=PIXELS, known=KNOWN, **look):
    """Give a chip of some pixels under a look."""
    bands = tuple(Band(str(number), 0, 1) for number in range(len(pixels)))
    source = ArraySource("", pixels, np.zeros(known.shape, np.int32), known)
    cut = Cut(source, Window(0, 0, *known.shape), plain(len(pixels))._replace(**look))
    return Cutter(bands, len(known)).cut([cut]).pixels.numpy()[0]


def near(found, wanted, tolerance=2e-6):
    return np.abs(found - wanted).max() < tolerance


def averaged(pixels):
    for axis in (-2, -1):
        padded = np.pad(pixels, [(0, 0)] + [(int(axis + 3 == at),) * 2 for at in (1, 2)], "edge")
        three = np.stack([np.roll(padded, shift, axis) for shift in (-1, 0, 1)])
        pixels = np.average(three, axis=0, weights=(1, 2, 1))
        pixels = pixels.take(range(1, padded.shape[axis] - 1), axis)
    return pixels


def test_a_plain_look_changes_nothing():
    assert (under() == PIXELS).all()


@pytest.mark.parametrize("size", [1, 2, 3, SIZE])
def test_blur_averages_with_weights_1_2_1(size):
    pixels, known = PIXELS[:, :size, :size], KNOWN[:size, :size]
    assert near(under(pixels, known, blurs=1), averaged(pixels))
    assert near(under(pixels, known, blurs=2), averaged(averaged(pixels)))


@pytest.mark.parametrize("power", [0.6, 0.99, 1.7])
def test_power_is_numpys_of_what_is_above_0(power):
    pixels = np.logspace(-6, 3, SIZE * SIZE, dtype=np.float32).reshape(1, SIZE, SIZE)
    assert np.allclose(under(pixels, power=power), pixels**power, rtol=1e-5, atol=0)
    assert near(under(power=power), PIXELS.clip(0) ** power)


def test_contrast_stretches_around_the_mean():
    mean = PIXELS.mean(dtype=np.float64)
    assert near(under(contrast=1.4), (PIXELS - mean) * 1.4 + mean)


def test_brightness_comes_before_gains_and_these_before_saturation():
    gains = np.array([0.8, 1.0, 1.2])
    lit = (PIXELS + 0.1) * gains[:, None, None]
    assert near(under(brightness=0.1, gains=gains), lit)
    grey = lit.mean(axis=0)
    assert near(under(brightness=0.1, gains=gains, saturation=0.3), grey + 0.3 * (lit - grey))


def test_shade_is_a_logistic_slope():
    down, right = np.indices((SIZE, SIZE)) / (SIZE - 1) - 0.5
    light = 1 - 0.4 / (1 + np.exp(-(30 * right - 12 * down - 2.5)))
    assert near(under(depth=-0.4, right=30.0, down=-12.0, shift=2.5), PIXELS * light)


def test_grain_is_nearly_normal_and_without_a_pattern():
    """Mean and correlations of 3 x 256 x 256 numbers stay within 5 standard errors (0.0113)."""
    grey = np.full((3, 256, 256), 0.5, np.float32)
    known = np.ones((256, 256), bool)
    one, two = (under(grey, known, grain=1.0, seed=seed) - 0.5 for seed in (1, 2**32 - 1))
    assert abs(one.mean()) < 0.0113 and abs(one.std() - 1) < 0.0113
    assert 3 < np.abs(one).max() < 3.5
    assert abs((np.abs(one) < 1).mean() - 0.683) < 0.02
    others = two, np.roll(one, 1, 2), np.roll(one, 1, 1), np.roll(one, 1, 0)
    assert all(abs((one * other).mean()) < 0.0113 for other in others)


def test_what_has_no_data_is_grey_under_any_look():
    known = np.random.default_rng(1).random(KNOWN.shape) < 0.5
    found = under(known=known, brightness=0.2, grain=0.04, depth=0.2, right=3.0)
    assert (found[:, ~known] == GREY).all() and not (found[:, known] == GREY).all()


@pytest.mark.parametrize("bands", [1, 2, 5])
def test_any_number_of_bands_is_lit(bands):
    pixels = np.random.default_rng(2).random((bands, SIZE, SIZE), dtype=np.float32)
    grey = pixels.mean(axis=0)
    assert near(under(pixels, saturation=0.5), grey + 0.5 * (pixels - grey))
