from random import Random

import numpy as np
import pytest

from geoseg.learning.augment import RADIOMETRY, draw, plain

BANDS = 4


def looks(n=2000):
    random = Random(0)
    return [draw(random, BANDS) for _ in range(n)]


@pytest.mark.parametrize("change", [change for _, change in RADIOMETRY])
def test_a_change_is_a_function_of_the_seed(change):
    drawn = [change(Random(seed), BANDS) for seed in range(9)]
    assert str(drawn) == str([change(Random(seed), BANDS) for seed in range(9)])
    assert len(set(map(str, drawn))) > 1
    assert drawn[0].keys() <= set(plain(BANDS)._fields)


def test_every_change_happens_as_often_as_it_says():
    """2,000 draws stay within four standard deviations (0.045)."""
    unchanged, drawn = plain(BANDS), looks()
    names = ("blurs", "power", "contrast", "brightness", "gains", "saturation", "depth", "grain")
    for name, (share, _) in zip(names, RADIOMETRY, strict=True):
        usual = getattr(unchanged, name)
        found = np.mean([np.any(getattr(one, name) != usual) for one in drawn])
        assert abs(found - share) < 0.045, name


def test_every_turn_is_drawn():
    turns = np.bincount([one.turn for one in looks()], minlength=8)
    assert len(turns) == 8 and turns.min() > 180


@pytest.mark.parametrize("name, low, high", [
    ("blurs", 0, 2), ("power", 0.6065, 1.6488), ("contrast", 0.6065, 1.6488),
    ("brightness", -0.15, 0.15), ("gains", 0.8187, 1.2215), ("saturation", 0.2, 1.4),
    ("depth", -0.45, 0.2), ("right", -40, 40), ("down", -40, 40), ("shift", -16, 16),
    ("grain", 0, 0.04),
])
def test_draws_fill_their_range_and_stay_in_it(name, low, high):
    values = np.concatenate([np.atleast_1d(getattr(one, name)) for one in looks()])
    assert low <= values.min() < low + 0.2 * (high - low)
    assert high - 0.2 * (high - low) < values.max() <= high
