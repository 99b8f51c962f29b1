import numpy as np
import pytest

from geoseg.errors import GridError
from geoseg.inference import blend_cores, predict_cores
from geoseg.tiling import inside

RNG = np.random.default_rng(6)
SHAPES = [(1, 1), (1, 70), (70, 1), (3, 50), (33, 47), (64, 64)]


class Identity:
    """Each pixel as it is; no tile differs from another where they overlap."""

    def predict(self, batch, valid, *, low, high, halo=0):
        return inside(np.where(valid[:, None], batch, 255).astype(np.uint8), halo)


class Opinions(Identity):
    """Every tile answers its own mean brightness: what no halo makes exact."""

    def predict(self, batch, valid, *, low, high, halo=0):
        mean = batch.mean(axis=(1, 2, 3), keepdims=True).round()
        mean = np.broadcast_to(mean, batch.shape)
        return super().predict(mean, valid, low=low, high=high, halo=halo)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("core", [8, 12, 32, 72])
def test_the_weights_add_up_to_one_everywhere(shape, core, run):
    data = RNG.integers(0, 255, (1, *shape), dtype=np.uint8)
    valid = RNG.random(shape) > 0.2
    out = run(blend_cores, data, valid, Identity(), core=core)
    assert (out == np.where(valid, data[0], 255)).all()


def test_a_blend_has_no_step_where_cores_have_one(run):
    data = np.zeros((1, 32, 64), np.uint8)
    data[:, :, 32:] = 250
    valid = np.ones((32, 64), bool)
    hard = run(predict_cores, data, valid, Opinions(), core=32, halo=8).astype(int)
    soft = run(blend_cores, data, valid, Opinions(), core=32, halo=8).astype(int)
    assert np.abs(np.diff(hard)).max() > 100
    assert 0 < np.abs(np.diff(soft)).max() < 20


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 20, 24])
def test_blocks_that_are_done_are_kept_and_the_rest_is_the_same(n, run):
    data, valid = RNG.integers(0, 200, (1, 30, 60), dtype=np.uint8), np.ones((30, 60), bool)
    whole = run(blend_cores, data, valid, Opinions(), core=8)
    rows, cols = [0, 4, 12, 20], [0, 4, 12, 20, 28, 36, 44, 52]
    places = [(row, col) for row in rows for col in cols]
    out = whole[None].copy()
    for row, col in places[n:]:
        out[:, row : row + 8, col : col + 8] = 99
    again = run(blend_cores, data, valid, Opinions(), core=8, done=places[:n], out=out)
    assert (again == whole).all()


def test_the_batch_does_not_change_a_blend(run):
    data, valid = RNG.integers(0, 200, (1, 30, 60), dtype=np.uint8), np.ones((30, 60), bool)
    one = run(blend_cores, data, valid, Opinions(), core=8, batch=1)
    assert (run(blend_cores, data, valid, Opinions(), core=8, batch=5) == one).all()


def test_tiles_too_small_to_blend_are_refused(run):
    with pytest.raises(GridError, match="tiles of 4 pixels cannot blend over 2 x 4"):
        run(blend_cores, np.ones((1, 9, 9), np.uint8), np.ones((9, 9), bool), Identity(), core=4)
