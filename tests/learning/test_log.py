from dataclasses import dataclass

from geoseg.learning.training import logged, record


@dataclass
class At:
    """A training's state, and its validation, at a step."""

    step: int
    seconds: float = 1.0

    def scores(self):
        return {"score": self.step / 100}


def log(folder, *steps):
    for step in steps:
        record(folder, At(step), At(step), 0.5, [], kept=False)
    return [(one["step"], one["score"]) for one in logged(folder / "log.csv")]


def test_each_validation_adds_a_line(tmp_path):
    assert log(tmp_path, 10, 20) == [("10", "0.1"), ("20", "0.2")]


def test_a_log_that_a_kill_left_longer_than_the_state_is_cut(tmp_path):
    log(tmp_path, 10, 20, 30)
    assert log(tmp_path, 20) == [("10", "0.1"), ("20", "0.2")]
