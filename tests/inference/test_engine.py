import threading
import time

import numpy as np
import pytest
from affine import Affine

from geoseg.grid import GeoBox, Window
from geoseg.inference import predict_cores
from geoseg.raster.scene import mirrored

RNG = np.random.default_rng(5)


class Pixels:
    """A scene in memory, mirrored past its edges."""

    def __init__(self, data, valid):
        self.data, self.valid, self.reads = data, valid, []
        self.geobox = GeoBox(*valid.shape, Affine.identity(), None)

    def read(self, window: Window):
        self.reads.append(window)
        rows = mirrored(window.row_off, window.row_stop, self.geobox.height)
        cols = mirrored(window.col_off, window.col_stop, self.geobox.width)
        return self.data[:, rows[:, None], cols], self.valid[rows[:, None], cols]


class Neighbours:
    """A predictor with a reach of two pixels: the mean of a 5 x 5 window."""

    def __init__(self):
        self.shapes, self.tiles = set(), 0

    def predict(self, batch, valid, *, low, high):
        self.shapes.add(batch.shape)
        self.tiles += len(batch)
        padded = np.pad(batch[:, 0].astype(int), ((0, 0), (2, 2), (2, 2)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
        mean = windows.sum(axis=(3, 4)) // 25
        return np.where(valid, mean, 255)[:, None].astype(np.uint8)


def run(data, valid, *, core, batch=2, predictor=None, done=(), out=None):
    out = np.full((1, *valid.shape), 255, np.uint8) if out is None else out
    starts = []

    def store(cores):
        for window, cut in cores:
            starts.append((window.row_off, window.col_off))
            if cut is not None:
                out[:, window.row_off : window.row_stop, window.col_off : window.col_stop] = cut

    predict_cores(
        Pixels(data, valid), predictor or Neighbours(), store, core=core, halo=4, divisor=4,
        batch=batch, low=np.zeros(1), high=np.ones(1), done=done,
    )
    assert len(starts) == len(set(starts))
    return out[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (70, 1), (3, 50), (33, 47), (64, 64)])
def test_the_result_does_not_depend_on_core_or_batch(shape):
    data = RNG.integers(0, 200, (1, *shape), dtype=np.uint8)
    valid = RNG.random(shape) > 0.2
    whole = run(data, valid, core=72)
    for core, batch in [(4, 3), (8, 1), (16, 5), (32, 2)]:
        assert (run(data, valid, core=core, batch=batch) == whole).all()
    assert ((whole == 255) == ~valid).all()


def test_every_batch_has_the_same_shape():
    predictor = Neighbours()
    data, valid = np.ones((1, 20, 44), np.uint8), np.ones((20, 44), bool)
    run(data, valid, core=8, batch=4, predictor=predictor)
    assert predictor.shapes == {(4, 1, 16, 16)}


def test_tiles_without_data_are_not_run():
    predictor = Neighbours()
    valid = np.zeros((16, 64), bool)
    valid[3, 40] = True
    out = run(np.ones((1, 16, 64), np.uint8), valid, core=8, batch=1, predictor=predictor)
    assert predictor.tiles == 1
    assert (out == 255).sum() == out.size - 1


def test_rows_are_read_once():
    pixels = Pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool))
    predict_cores(
        pixels, Neighbours(), lambda cores: None, core=8, halo=4, divisor=4, batch=1,
        low=np.zeros(1), high=np.ones(1),
    )
    rows = [row for one in pixels.reads for row in range(one.row_off, one.row_stop)]
    assert rows == list(range(-4, 68))


@pytest.mark.parametrize("n", [0, 1, 7, 8, 20, 23, 24])
def test_cores_that_are_done_are_not_run_again_and_the_result_is_the_same(n):
    data = RNG.integers(0, 200, (1, 30, 60), dtype=np.uint8)
    whole = run(data, np.ones((30, 60), bool), core=8)
    places = [(row, col) for row in range(0, 30, 8) for col in range(0, 60, 8)]
    out, predictor = whole[None].copy(), Neighbours()
    for row, col in places[n:]:
        out[:, row : row + 8, col : col + 8] = 99
    again = run(
        data, np.ones((30, 60), bool), core=8, batch=1, predictor=predictor, done=places[:n],
        out=out,
    )
    assert (again == whole).all()
    assert predictor.tiles == 32 - n


def test_a_failing_store_ends_the_run():
    def store(cores):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        predict_cores(
            Pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool)), Neighbours(), store,
            core=8, halo=4, divisor=4, batch=1, low=np.zeros(1), high=np.ones(1),
        )


class Diary(Neighbours):
    """Writes down each batch that begins and each that is stored."""

    def __init__(self):
        super().__init__()
        self.lines, self.second = [], threading.Event()

    def predict(self, batch, valid, *, low, high):
        if "predict" in self.lines:
            self.second.set()
        self.lines.append("predict")
        return super().predict(batch, valid, low=low, high=high)

    def store(self, cores):
        time.sleep(0.01)  # long enough for a batch that begins too early
        self.lines.append("store")

    def run(self, **options):
        predict_cores(
            Pixels(np.ones((1, 64, 16), np.uint8), np.ones((64, 16), bool)), self, self.store,
            core=8, halo=4, divisor=4, batch=2, low=np.zeros(1), high=np.ones(1), **options,
        )


@pytest.mark.parametrize(("ahead", "most"), [(False, 1), (True, 2)])
def test_a_batch_begins_when_the_last_is_stored(ahead, most):
    diary = Diary()
    diary.run(ahead=ahead)
    begun = np.cumsum([line == "predict" for line in diary.lines])
    stored = np.cumsum([line == "store" for line in diary.lines])
    assert begun[-1] == stored[-1] == 8
    assert (begun - stored).max() == most


def test_waiting_for_the_disk_overlaps_with_the_network():
    diary, overlapped = Diary(), []
    diary.run(settle=lambda: overlapped.append(diary.second.wait(10)))
    assert overlapped == [True] * 8
