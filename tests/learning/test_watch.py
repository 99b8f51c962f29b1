import numpy as np
import pytest

from geoseg.learning.watch import (
    Statistics, after_validation, data_doctor, labels_doctor, range_doctor,
)

NAMES = ("parcel", "boundary")
GOOD = {"spread": (0.3, 0.2), "iou": (0.8, 0.4), "share": (0.6, 0.1)}


def names(alarms):
    return [one.name for one in alarms]


def test_a_good_model_has_no_alarm():
    assert after_validation(Statistics(**GOOD), NAMES) == []


def test_one_grey_is_fatal_and_says_which_output():
    (alarm,) = after_validation(Statistics(**GOOD | {"spread": (0.3, 9e-4)}), NAMES)
    assert alarm.name == "collapsed" and alarm.fatal
    assert alarm.text.startswith("the boundary output is one grey")


def test_no_better_than_a_constant_is_named_after_the_warm_up_only():
    seen = GOOD | {"iou": (0.6, 0.4)}
    assert names(after_validation(Statistics(**seen), NAMES)) == ["not-learning"]
    assert after_validation(Statistics(**seen, warm=False), NAMES) == []


def test_a_class_that_is_nowhere_on_the_held_out_chips_is_no_alarm():
    seen = GOOD | {"iou": (0.8, 0.0), "share": (0.6, 0.0)}
    assert after_validation(Statistics(**seen), NAMES) == []


@pytest.mark.parametrize(("running", "wanted"), [(0.74, ["lagging-statistics"]), (0.76, [])])
def test_lagging_statistics_are_named(running, wanted):
    seen = Statistics(**GOOD, batch_iou=(0.8, 0.4), running_iou=(running, 0.4))
    assert names(after_validation(seen, NAMES)) == wanted


@pytest.mark.parametrize(("active", "wanted"), [(0.0, ["dead-unit"]), (0.02, [])])
def test_a_dead_unit_of_the_last_layer_is_named(active, wanted):
    assert names(after_validation(Statistics(**GOOD, active=active), NAMES)) == wanted


def examined(labels, valid=None):
    labels = np.asarray(labels)
    valid = np.ones(labels.shape, bool) if valid is None else valid
    return names(labels_doctor("scene", labels, valid))


def test_good_labels_have_no_alarm():
    assert examined([[0, 1], [1, 2]]) == []


def test_labels_of_0_and_255_are_a_mask_and_not_parcels():
    assert examined([[0, 255], [255, 0]]) == ["two-valued"]


def test_a_scene_without_parcels_is_named():
    assert examined([[0, 0]]) == ["empty"]


def test_hardly_any_parcel_is_named():
    labels = np.zeros((100, 100), int)
    labels[0, :30] = 1
    assert examined(labels) == ["rare"]


def test_one_parcel_over_all_is_named():
    assert examined([[3, 3]]) == ["one-label"]


def test_labels_only_where_the_image_has_no_data_are_fatal():
    (alarm,) = labels_doctor("scene", np.array([[1, -1]]), np.array([[False, True]]))
    assert alarm.name == "no-overlap" and alarm.fatal


def test_scenes_that_are_all_empty_are_fatal():
    empty = labels_doctor("scene", np.zeros((2, 2), int), np.ones((2, 2), bool))
    (alarm,) = data_doctor(0.0, empty, scenes=1)
    assert alarm.name == "all-empty" and alarm.fatal
    assert data_doctor(0.5, [], scenes=1) == []


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(10, 240, []), (0.0, 1.0, ["range"]), (3000, 9000, ["range"]), (120, 121, ["range"])],
)
def test_values_far_off_the_range_of_the_model_are_named(low, high, wanted):
    assert names(range_doctor("scene", low, high, [(0, 255)] * 3)) == wanted
