import logging
from dataclasses import dataclass

import pytest

from geoseg.learning.log_csv import logged, record
from geoseg.learning.recipe import Recipe
from geoseg.learning.tell import FEW, tell, tell_pace
from geoseg.learning.watch import Alarm


@dataclass
class At:
    """A training's state, and its validation, at a step."""

    step: int
    seconds: float = 1.0

    def scores(self):
        return {"score": self.step / 100}

    def brief(self):
        return {"score": self.step / 100, "parcel_iou": 0.5}


@pytest.fixture(autouse=True)
def all_lines(caplog):
    """Let log lines through, whatever an earlier test chose."""
    caplog.set_level(logging.INFO, "geoseg")


def written(folder, *steps):
    for step in steps:
        record(folder, At(step), At(step), 0.5, [], kept=False)
    return [(one["step"], one["score"]) for one in logged(folder / "log.csv")]


def test_each_validation_adds_a_line(tmp_path):
    assert written(tmp_path, 10, 20) == [("10", "0.1"), ("20", "0.2")]


def test_a_log_that_a_kill_left_longer_than_the_state_is_cut(tmp_path):
    written(tmp_path, 10, 20, 30)
    assert written(tmp_path, 20) == [("10", "0.1"), ("20", "0.2")]


def test_an_alarm_that_goes_on_is_named_and_explained_once(caplog):
    alarm = Alarm("not-learning", "no better than a constant answer")
    tell(At(10), [alarm], (), kept=True)
    tell(At(20), [alarm], {"not-learning"}, kept=False)
    assert caplog.messages == [
        "step 10: score 0.100, parcel IoU 0.500 (best, kept)",
        "not-learning: no better than a constant answer",
        "step 20: score 0.200, parcel IoU 0.500; still not-learning",
    ]


def test_an_alarm_that_was_acted_on_is_explained_again(caplog):
    alarm = Alarm("collapsed", "one grey; the highest rate is now 0.001", acted=True)
    tell(At(20), [alarm], {"collapsed"}, kept=False)
    assert caplog.messages[1:] == ["collapsed: one grey; the highest rate is now 0.001"]


def test_a_time_limit_for_too_few_steps_is_said_after_the_first_ones(caplog):
    tell_pace(Recipe(seconds=300), 10.0)
    assert caplog.messages[0] == "10.0 s a step: about 30 steps until the time limit"
    assert f"rarely of use before {FEW}; raise --time-limit" in caplog.messages[1]


def test_a_time_limit_for_enough_steps_or_none_warns_of_nothing(caplog):
    tell_pace(Recipe(seconds=3600), 2.0)
    tell_pace(Recipe(steps=20), 100.0)
    tell_pace(Recipe(seconds=300, steps=20), 10.0)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
