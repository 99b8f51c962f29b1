import numpy as np

from geoseg.inference import Averaged, predict_cores
from geoseg.tiling import inside

RNG = np.random.default_rng(7)


class Left:
    """Answers the pixel to the left; asked eight times, all four neighbours twice."""

    def predict(self, batch, valid, *, low, high, halo=0):
        shifted = np.pad(batch, ((0, 0), (0, 0), (0, 0), (1, 0)))[..., :-1]
        return inside(np.where(valid[:, None], shifted, 255).astype(np.uint8), halo)


def test_the_average_looks_in_all_directions():
    batch = np.zeros((1, 1, 5, 5), np.uint8)
    batch[0, 0, 2, 2] = 200
    valid = np.ones((1, 5, 5), bool)
    valid[0, 2, 3] = False
    found = Averaged(Left()).predict(batch, valid, low=np.zeros(1), high=np.ones(1))[0, 0]
    wanted = np.zeros((5, 5))
    wanted[[1, 2, 3], [2, 1, 2]] = 50
    wanted[2, 3] = 255
    assert (found == wanted).all()


def test_the_average_does_not_depend_on_the_tile(run):
    data = RNG.integers(0, 200, (1, 33, 47), dtype=np.uint8)
    valid = RNG.random((33, 47)) > 0.2
    whole = run(predict_cores, data, valid, Averaged(Left()), core=48)
    assert (run(predict_cores, data, valid, Averaged(Left()), core=8, batch=3) == whole).all()


def test_as_many_are_in_flight_as_the_predictor_takes():
    one = Left()
    assert Averaged(one).in_flight == 1
    one.in_flight = 2
    assert Averaged(one).in_flight == 2
