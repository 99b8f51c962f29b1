import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely import LineString, box

from geoseg.evaluation.boundaries import near_lengths, polis, segments

POINTS = arrays(np.float64, st.tuples(st.integers(2, 6), st.just(2)),
                elements=st.integers(0, 20).map(float))


def lines(*shapes):
    return segments(np.array(shapes, object))


def ring(*bounds):
    return shapely.boundary(box(*bounds))


def test_pieces_of_a_line_with_parts_belong_to_it():
    pieces, starts = lines(ring(0, 0, 1, 1), shapely.MultiLineString([[(0, 0), (1, 0)]] * 2))
    assert starts.tolist() == [0, 4, 6]
    assert pieces[4].tolist() == [0, 0, 1, 0]


def test_a_square_moved_by_one_is_near_where_it_should_be():
    # within 0.5: top and bottom from 0.5 to 10, and half a unit of the right side at each corner
    near = near_lengths(lines(ring(0, 0, 10, 10)), lines(ring(1, 0, 11, 10)), [0.5, 1])
    assert near.tolist() == [[pytest.approx(20), pytest.approx(40)]]


def test_parts_that_are_near_two_lines_count_once():
    near = near_lengths(
        lines(LineString([(0, 0), (10, 0)])),
        lines(LineString([(0, 1), (6, 1)]), LineString([(4, -1), (10, -1)])), [1]
    )
    assert near.tolist() == [[pytest.approx(10)]]


def test_nothing_is_near_nothing():
    none = lines()
    assert near_lengths(lines(ring(0, 0, 1, 1)), none, [1, 2]).tolist() == [[0, 0]]
    assert near_lengths(none, lines(ring(0, 0, 1, 1)), [1]).shape == (0, 1)


@settings(deadline=None)
@given(POINTS, POINTS, st.sampled_from([0.5, 1.0, 3.0]))
def test_near_lengths_are_those_of_a_buffer(one, other, distance):
    one, other = LineString(one), LineString(other)
    exact = one.intersection(other.buffer(distance, quad_segs=256))
    near = near_lengths(lines(one), lines(other), [distance])[0, 0]
    parts = sum(shapely.length(part) for part in _pieces(one, other, distance))
    assert near == pytest.approx(parts, abs=1e-2)
    assert exact.length <= near + 1e-2


def _pieces(one, other, distance):
    """A buffer's intersection joins parts that a line goes over twice: cut it piece by piece."""
    near = other.buffer(distance, quad_segs=256)
    points = list(one.coords)
    return [LineString(two).intersection(near) for two in zip(points, points[1:])]


def test_polis_of_a_moved_square_is_the_mean_of_its_corners_distances():
    # corners of the left side are 1 away, those on the other's top and bottom 0; and back
    one, other = lines(ring(0, 0, 10, 10)), lines(ring(1, 0, 11, 10))
    assert polis(one, other, np.array([[0, 0]])).tolist() == [pytest.approx(0.5)]


def test_polis_does_not_depend_on_the_order():
    one, other = lines(ring(0, 0, 10, 10)), lines(ring(2, 3, 7, 20))
    pair = np.array([[0, 0]])
    assert polis(one, other, pair) == pytest.approx(polis(other, one, pair))
