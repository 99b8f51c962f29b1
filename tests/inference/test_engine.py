import threading
import time

import numpy as np
import pytest

from geoseg.inference import Sweep, predict_cores

RNG = np.random.default_rng(5)


def sweep(pixels, predictor, batch=1):
    ends = {"low": np.zeros(1), "high": np.ones(1)}
    return Sweep(pixels, predictor, core=8, halo=4, divisor=4, batch=batch, **ends)


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (70, 1), (3, 50), (33, 47), (64, 64)])
def test_the_result_does_not_depend_on_core_or_batch(shape, run, make_neighbours):
    data = RNG.integers(0, 200, (1, *shape), dtype=np.uint8)
    valid = RNG.random(shape) > 0.2
    whole = run(predict_cores, data, valid, make_neighbours(), core=72)
    for core, batch in [(4, 3), (8, 1), (16, 5), (32, 2)]:
        tiled = run(predict_cores, data, valid, make_neighbours(), core=core, batch=batch)
        assert (tiled == whole).all()
    assert ((whole == 255) == ~valid).all()


def test_every_batch_has_the_same_shape(run, make_neighbours):
    predictor = make_neighbours()
    data, valid = np.ones((1, 20, 44), np.uint8), np.ones((20, 44), bool)
    run(predict_cores, data, valid, predictor, core=8, batch=4)
    assert predictor.shapes == {(4, 1, 16, 16)}


def test_tiles_without_data_are_not_run(run, make_neighbours):
    predictor = make_neighbours()
    valid = np.zeros((16, 64), bool)
    valid[3, 40] = True
    data = np.ones((1, 16, 64), np.uint8)
    out = run(predict_cores, data, valid, predictor, core=8, batch=1)
    assert predictor.tiles == 1
    assert (out == 255).sum() == out.size - 1


def test_rows_are_read_once(make_pixels, make_neighbours):
    pixels = make_pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool))
    predict_cores(sweep(pixels, make_neighbours()), lambda cores: None)
    rows = [row for one in pixels.reads for row in range(one.row_off, one.row_stop)]
    assert rows == list(range(-4, 68))


@pytest.mark.parametrize("n", [0, 1, 7, 8, 20, 23, 24])
def test_cores_that_are_done_are_not_run_again_and_the_result_is_the_same(n, run, make_neighbours):
    data, valid = RNG.integers(0, 200, (1, 30, 60), dtype=np.uint8), np.ones((30, 60), bool)
    whole = run(predict_cores, data, valid, make_neighbours(), core=8)
    places = [(row, col) for row in range(0, 30, 8) for col in range(0, 60, 8)]
    out, predictor = whole[None].copy(), make_neighbours()
    for row, col in places[n:]:
        out[:, row : row + 8, col : col + 8] = 99
    again = run(predict_cores, data, valid, predictor, core=8, batch=1, done=places[:n], out=out)
    assert (again == whole).all()
    assert predictor.tiles == 32 - n


def test_a_predictor_with_more_in_flight_is_called_from_as_many_threads_in_order(
    run, make_neighbours
):
    """All of a meeting of three are there at once, or the barrier breaks."""
    meeting, lock = threading.Barrier(3, timeout=20), threading.Lock()
    predictor = make_neighbours()
    alone = predictor.predict

    def predict(batch, valid, **ends):
        meeting.wait()
        with lock:
            return alone(batch, valid, **ends)

    data, valid = RNG.integers(0, 200, (1, 16, 48), dtype=np.uint8), np.ones((16, 48), bool)
    whole = run(predict_cores, data, valid, make_neighbours(), core=48)
    predictor.predict, predictor.in_flight = predict, 3
    assert (run(predict_cores, data, valid, predictor, core=8, batch=1) == whole).all()


def test_the_steps_say_where_the_time_went(make_pixels, make_neighbours):
    pixels = make_pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool))
    seconds = predict_cores(sweep(pixels, make_neighbours()), lambda cores: None)
    assert set(seconds) == {"network", "waiting to read", "waiting to store"}
    assert all(one >= 0 for one in seconds.values()) and seconds["network"] > 0


def test_a_failing_store_ends_the_run(make_pixels, make_neighbours):
    def store(cores):
        raise OSError("disk full")

    pixels = make_pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool))
    with pytest.raises(OSError, match="disk full"):
        predict_cores(sweep(pixels, make_neighbours()), store)


@pytest.fixture
def make_diary(make_pixels, make_neighbours):
    """Give what runs a predictor that writes down each batch that begins and each stored one."""

    class Diary:
        def __init__(self):
            self.predictor, self.lines, self.second = make_neighbours(), [], threading.Event()

        def predict(self, batch, valid, *, low, high, halo):
            if "predict" in self.lines:
                self.second.set()
            self.lines.append("predict")
            return self.predictor.predict(batch, valid, low=low, high=high, halo=halo)

        def store(self, cores):
            time.sleep(0.01)  # long enough for a batch that begins too early
            self.lines.append("store")

        def run(self, **options):
            pixels = make_pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool))
            predict_cores(sweep(pixels, self, batch=2), self.store, **options)

    return Diary


@pytest.mark.parametrize(("ahead", "most"), [(False, 1), (True, 2)])
def test_a_batch_begins_when_the_last_is_stored(ahead, most, make_diary):
    diary = make_diary()
    diary.run(ahead=ahead)
    begun = np.cumsum([line == "predict" for line in diary.lines])
    stored = np.cumsum([line == "store" for line in diary.lines])
    assert begun[-1] == stored[-1] == 8
    assert (begun - stored).max() == most


def test_waiting_for_the_disk_overlaps_with_the_network(make_diary):
    diary, overlapped = make_diary(), []
    diary.run(settle=lambda: overlapped.append(diary.second.wait(10)))
    assert overlapped == [True] * 8
