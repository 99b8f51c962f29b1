"""Rings that are walked at once are those that are put together from arcs."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geoseg.grid import GeoBox
from geoseg.vectorizer import LineOptions, parcels
from geoseg.vectorizer.batch import merge

COMBS = """
11111111111 10202020201 10202022201 10202000201 10202220201 10200020001 10222222201 10000000001
11111111111 33333333333 34444444443 34555554443 34565654443 34555554443 34444444443 33333333333
"""


def _columns(labels, as_source, *, in_arcs, strip=1024, up=-1.0, **options):
    """Vectorize with all points; borders that are asked for besides are made of arcs."""
    lines = {"lines": lambda _: None} if in_arcs else {}
    grid = GeoBox(*labels.shape, Affine(1.5, 0.2, 7, 0.1, up, 9), None)
    chosen = LineOptions(method="none", smooth="none", **options)
    found = list(parcels(as_source(labels), grid, options=chosen, strip=strip, threads=1, **lines))
    one = merge(found, None)
    return {name: getattr(one, name).tobytes() for name in one.__slots__ if name != "classes"}


@pytest.mark.parametrize("strip", [1, 2, 3, 5, 8, 16])
@pytest.mark.parametrize("connectivity", [4, 8])
def test_regions_that_grow_together_or_taller_than_a_strip_keep_their_rings(
    digits, as_source, strip, connectivity
):
    given_ = {"skip": (), "connectivity": connectivity}
    labels = digits(COMBS)
    expected = _columns(labels, as_source, in_arcs=True, **given_)
    assert _columns(labels, as_source, in_arcs=False, strip=strip, **given_) == expected


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([1, 2, 5]), st.sampled_from([1, 3, 8, 64]),
    st.sampled_from([(), (0,), (0, 1)]), st.sampled_from([-1, 0, 2]), st.sampled_from([-1.0, 1.0]),
)
def test_rings_of_any_raster_are_those_of_its_arcs(
    as_source, seed, scale, strip, skip, nodata, up
):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, (12, 14)).repeat(scale, 0).repeat(2, 1).astype(np.int32)
    labels[random.random(labels.shape) < 0.03] = 3
    given_ = {"skip": skip, "nodata": nodata, "up": up}
    expected = _columns(labels, as_source, in_arcs=True, **given_)
    assert _columns(labels, as_source, in_arcs=False, strip=strip, **given_) == expected
