"""Borders as lines: drawn cases, the same geometry as the polygons, exactness across strips."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geoseg.grid import GeoBox
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer import LineOptions, parcels

RAW = {"method": "none", "smooth": "none"}


@pytest.fixture(scope="session")
def draw(as_source):
    """Vectorize an array; give its parcels' batches and its lines' batches."""

    def run(labels, probabilities=None, *, strip=1024, up=-1, **options):
        lines = []
        batches = list(parcels(
            as_source(labels), GeoBox(*labels.shape, Affine(1, 0, 0, 0, up, 0), None),
            options=LineOptions(**options), strip=strip, lines=lines.append,
            probabilities=None if probabilities is None else as_source(probabilities),
        ))
        return batches, lines

    return run


def _column(batches, name):
    return np.concatenate([getattr(one, name) for one in batches])


def _lines(batches):
    parts = []
    for one in batches:
        offsets, content = one.wkb()
        raw = content.tobytes()
        parts += [raw[start:stop] for start, stop in zip(offsets[:-1], offsets[1:], strict=True)]
    return shapely.from_wkb(parts)


def _edges(shapes):
    """Give every edge, as sorted pairs of points."""
    edges = set()
    for line in shapes:
        points = list(map(tuple, shapely.get_coordinates(line)))
        edges |= {tuple(sorted(pair)) for pair in zip(points[:-1], points[1:], strict=True)}
    return edges


def _noise(seed, shape, values=4, scale=3):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, values, (shape[0] // scale + 1, shape[1] // scale + 1))
    labels = coarse.repeat(scale, 0).repeat(scale, 1)[: shape[0], : shape[1]].astype(np.int32)
    return labels, random.integers(0, 256, (2, *shape)).astype(np.uint8)


def test_two_parcels_share_one_line_that_knows_both(digits, draw):
    _, lines = draw(digits("12 12"), **RAW)
    shapes, left, right = _lines(lines), _column(lines, "left"), _column(lines, "right")
    shared = np.flatnonzero((left > 0) & (right > 0))
    assert len(shared) == 1
    assert shapes[shared[0]].equals(shapely.LineString([(1, 0), (1, -2)]))
    assert {left[shared[0]], right[shared[0]]} == {1, 2}
    assert _column(lines, "edge").tolist().count(True) == len(shapes) - 1


@pytest.mark.parametrize("up", [-1, 1])
def test_the_left_parcel_is_on_the_left_hand_of_the_line(digits, polygons, draw, up):
    batches, lines = draw(digits("1122 1322 3332"), up=up)
    shapes = dict(zip(_column(batches, "parcel_id"), np.concatenate(
        [polygons(one) for one in batches]), strict=True))
    for line, *sides in zip(
        _lines(lines), _column(lines, "left"), _column(lines, "right"), strict=True
    ):
        (ax, ay), (bx, by) = shapely.get_coordinates(line)[:2]
        for side, parcel in zip((1, -1), sides, strict=True):
            beside = shapely.Point((ax + bx) / 2 - side * (by - ay) / 1e3,
                                   (ay + by) / 2 + side * (bx - ax) / 1e3)
            assert [key for key, one in shapes.items() if one.contains(beside)] == (
                [parcel] if parcel else []
            )


def test_the_likelihood_is_the_mean_of_the_pixels_beside_the_line(digits, draw):
    boundary = digits("000 000").astype(np.uint8)
    boundary[:, 0], boundary[:, 1] = 50, 250
    boundary[1, 1] = 255  # no data: it does not count
    _, lines = draw(digits("122 122"), np.stack([boundary, boundary]), **RAW)
    shared = (_column(lines, "left") > 0) & (_column(lines, "right") > 0)
    mean = (50 + 250 + 50) / 3 / PROBABILITY_SCALE
    assert _column(lines, "boundary")[shared] == pytest.approx([mean])


def test_without_probabilities_there_is_no_likelihood(digits, draw):
    _, lines = draw(digits("12 12"))
    assert np.isnan(_column(lines, "boundary")).all()


def test_a_border_between_background_and_the_outside_is_no_line(digits, draw):
    _, lines = draw(digits("000 010 000"), **RAW)
    assert _lines(lines)[0].length == 4
    assert len(_lines(lines)) == 1


@pytest.mark.parametrize("options", [RAW, {}, {"tolerance": 3.0}, {"method": "vw"},
                                     {"connectivity": 8}])
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 7]))
def test_every_ring_is_a_union_of_lines_and_every_line_is_in_a_ring(
    polygons, draw, options, seed, height, width, scale
):
    batches, lines = draw(_noise(seed, (height, width), scale=scale)[0], **options)
    shapes = [shape for one in batches for shape in polygons(one)]
    rings = shapely.get_rings(shapely.get_parts(shapes)) if shapes else []
    assert _edges(rings) == _edges(_lines(lines) if lines else [])
    ids, n = np.unique(_column(lines, "line_id") if lines else [], return_counts=True)
    assert (n == 1).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 30))
def test_lines_and_their_order_do_not_depend_on_the_strips(draw, seed, height, strip):
    labels, probabilities = _noise(seed, (height, 30))
    _, whole = draw(labels, probabilities)
    _, cut = draw(labels, probabilities, strip=strip)
    for name in ("line_id", "left", "right", "length_m", "boundary", "edge", "coords"):
        if whole:
            assert np.array_equal(_column(whole, name), _column(cut, name), equal_nan=True), name
    assert bool(whole) == bool(cut)


def test_lengths_and_likelihoods_add_up_to_those_of_the_parcels(draw):
    labels, probabilities = _noise(3, (80, 60), scale=5)
    probabilities = np.minimum(probabilities, 250)
    batches, lines = draw(labels, probabilities, **RAW)
    sides = [_column(lines, "left"), _column(lines, "right")]
    length, boundary = _column(lines, "length_m"), _column(lines, "boundary")
    inner, checked = ~_column(lines, "edge"), 0
    for k, parcel in enumerate(_column(batches, "parcel_id")):
        own = (sides[0] == parcel) | (sides[1] == parcel)
        assert length[own].sum() == pytest.approx(_column(batches, "perimeter_m")[k])
        if (inner | ~own).all():  # every pixel edge has two pixels beside it: weights are lengths
            mean = (boundary * length)[own].sum() / length[own].sum()
            assert mean == pytest.approx(_column(batches, "boundary")[k])
            checked += 1
    assert checked > 5
