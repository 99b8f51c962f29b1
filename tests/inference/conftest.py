"""Scenes in memory, and predictors without a network."""

import numpy as np
import pytest
from affine import Affine

from geoseg.grid import GeoBox, Window
from geoseg.inference import Sweep
from geoseg.raster.scene import mirrored
from geoseg.tiling import inside


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

    def predict(self, batch, valid, *, low, high, halo=0):
        self.shapes.add(batch.shape)
        self.tiles += len(batch)
        padded = np.pad(batch[:, 0].astype(int), ((0, 0), (2, 2), (2, 2)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
        mean = windows.sum(axis=(3, 4)) // 25
        return inside(np.where(valid, mean, 255)[:, None].astype(np.uint8), halo)


@pytest.fixture
def make_pixels():
    """Give what makes a scene in memory."""
    return Pixels


@pytest.fixture
def make_neighbours():
    """Give what makes a predictor with a reach of two pixels."""
    return Neighbours


@pytest.fixture
def run():
    """Give what predicts a scene of one class with an engine, each core stored once."""

    def go(engine, data, valid, predictor, *, core, batch=2, halo=4, done=(), out=None):
        out = np.full((1, *valid.shape), 255, np.uint8) if out is None else out
        starts, steps = [], []

        def store(cores):
            for window, cut in cores:
                starts.append((window.row_off, window.col_off))
                if cut is not None:
                    out[:, window.row_off : window.row_stop, window.col_off : window.col_stop] = cut

        sweep = Sweep(
            Pixels(data, valid), predictor, core, halo, divisor=4, batch=batch, low=np.zeros(1),
            high=np.ones(1),
        )
        engine(sweep, store, done=done, progress=steps.append)
        assert len(starts) == len(set(starts))
        assert sum(steps) == -(-valid.shape[0] // core) * -(-valid.shape[1] // core)
        return out[0]

    return go
