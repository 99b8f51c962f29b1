import numpy as np
import pytest

from geoseg.errors import TrainingError
from geoseg.grid import Window
from geoseg.learning.chips import Area, ArraySource
from geoseg.learning.places import hold_out, validation_cuts


def test_named_scenes_are_held_out_whole(make_source):
    sources = [make_source(name) for name in "abc"]
    training, held = hold_out(sources, names=["b"])
    assert [area.source.name for area in training] == ["a", "c"]
    assert [area.source.name for area in held] == ["b"]


def test_a_share_holds_out_neighbours_in_the_order_of_names(make_source):
    sources = [make_source(f"{number:02}") for number in range(10)]
    _, held = hold_out(sources, share=0.3, seed=3)
    numbers = sorted(int(area.source.name) for area in held)
    gaps = np.diff([*numbers, numbers[0] + 10])
    assert len(numbers) == 3 and sorted(gaps.tolist()) == [1, 1, 8]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(128, 320), (320, 128)])
def test_one_scene_is_cut_with_a_gap_between_training_and_validation(shape, seed):
    source = ArraySource("one", np.zeros((3, *shape), np.uint8), np.zeros(shape, np.int32),
                         np.ones(shape, bool))
    (training,), (held,) = hold_out([source], share=0.2, chip=64, seed=seed)
    used = np.zeros(shape, int)
    for value, area in ((1, training), (2, held)):
        window = area.window
        used[window.row_off : window.row_stop, window.col_off : window.col_stop] += value
    profile = used.max(axis=int(np.argmin(shape)))
    assert sorted(set(profile.tolist())) == [0, 1, 2]
    assert (profile == 0).sum() == 32 and (profile == 2).sum() == 64


def test_a_scene_too_small_to_split_is_refused_with_its_size(make_source):
    with pytest.raises(TrainingError, match="128 x 128 pixels is too small"):
        hold_out([make_source(size=128)], chip=64)


def test_an_unknown_name_to_hold_out_is_refused(make_source):
    with pytest.raises(TrainingError, match="no scene is named 'z'"):
        hold_out([make_source("a"), make_source("b")], names=["z"])


def test_holding_out_every_scene_is_refused(make_source):
    with pytest.raises(TrainingError, match="none is left to train on"):
        hold_out([make_source("a")], names=["a"])


def test_validation_chips_lie_on_a_grid_and_do_not_overlap(make_source):
    area = Area(make_source(size=128), Window(0, 0, 128, 128))
    windows = [one.window for one in validation_cuts([area], 32, most=100)]
    assert len(windows) == 16
    assert len({(one.col_off, one.row_off) for one in windows}) == 16
    assert all(one.col_off % 32 == 0 and one.row_off % 32 == 0 for one in windows)


def test_at_most_so_many_validation_chips_are_taken(make_source):
    area = Area(make_source(size=128), Window(0, 0, 128, 128))
    assert len(validation_cuts([area], 32, most=5)) == 5


def test_a_place_smaller_than_a_chip_cannot_validate(make_source):
    area = Area(make_source(size=32), Window(0, 0, 32, 32))
    with pytest.raises(TrainingError, match="64 pixels; lower --chip"):
        validation_cuts([area], 64, most=5)
