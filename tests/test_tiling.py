import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoseg.errors import GridError
from geoseg.tiling import plan_tiles

sizes = st.integers(1, 90)


@given(sizes, sizes, st.integers(1, 4), st.integers(0, 3), st.sampled_from([1, 4, 16]))
def test_cores_cover_the_raster_exactly_once(height, width, core, halo, divisor):
    seen = np.zeros((height, width), int)
    for tile in plan_tiles(
        height, width, core=core * divisor, halo=halo * divisor, divisor=divisor
    ):
        own = tile.core
        seen[own.row_off : own.row_stop, own.col_off : own.col_stop] += 1
        assert tile.window.contains(own)
        assert tile.window.row_off % divisor == tile.window.col_off % divisor == 0
        assert tile.window.width == tile.window.height == (core + 2 * halo) * divisor
    assert (seen == 1).all()


@pytest.mark.parametrize(("core", "halo"), [(0, 0), (24, 16), (32, 8), (32, -16)])
def test_core_and_halo_off_the_divisor_are_refused(core, halo):
    with pytest.raises(GridError, match="multiples of 16 pixels"):
        list(plan_tiles(64, 64, core=core, halo=halo, divisor=16))
