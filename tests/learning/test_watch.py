import pytest

from geoseg.learning.watch import Statistics, after_validation

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


@pytest.mark.parametrize(
    ("active", "wanted"),
    [((0.5, 0.0), ["dead-unit"]), ((0.5, 0.02), []), ((0.0, *[0.5] * 15), []), ((), [])],
)
def test_a_dead_half_of_the_units_before_the_last_layer_is_named(active, wanted):
    assert names(after_validation(Statistics(**GOOD, active=active), NAMES)) == wanted


def test_a_first_layer_without_a_gradient_is_named():
    assert names(after_validation(Statistics(**GOOD, gradient=0.0), NAMES)) == [
        "vanishing-gradient"
    ]
