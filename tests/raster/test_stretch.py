import numpy as np
import pytest

from geoseg.raster import Scene, percentiles
from geoseg.raster.stretch import SIDE


def test_outliers_and_pixels_without_data_do_not_move_the_range(write):
    data = np.random.default_rng(0).uniform(1000, 2000, (2, 200, 200)).astype(np.float32)
    data[:, 0, :20] = 1e9
    data[:, 100:] = -9999
    with Scene(write(data, nodata=-9999)) as scene:
        low, high = percentiles(scene, (1, 2))
    assert low == pytest.approx([1020, 1020], abs=5)
    assert high == pytest.approx([1980, 1980], abs=8)


@pytest.mark.parametrize(
    ("value", "nodata", "wanted"), [(7, None, (7, 8)), (0, 0, (0, 1))],
)
def test_the_range_is_never_empty(write, value, nodata, wanted):
    with Scene(write(np.full((1, 4, 4), value, np.uint16), nodata=nodata)) as scene:
        assert percentiles(scene, (1,)).T.tolist() == [list(wanted)]


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (5000, 2), (1500, 1100)])
def test_the_thinned_read_is_small_and_sees_the_whole_scene(write, shape):
    data = np.add.outer(*map(np.arange, shape)).astype(np.uint32)[None]
    with Scene(write(data)) as scene:
        seen, _ = scene.read_decimated(SIDE, (1,))
    assert max(seen.shape) <= SIDE
    assert seen.min() <= data.max() * 0.01 + 2 and seen.max() >= data.max() * 0.99 - 2
