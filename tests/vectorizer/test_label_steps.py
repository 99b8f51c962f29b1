"""The steps of labelling, each against a plain program that does the same slowly."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from geoseg.vectorizer.basins import cut_basins
from geoseg.vectorizer.borders import Borders, gather_borders, reduce_borders
from geoseg.vectorizer.relief import BORDER, NODATA, pixel_kinds, shape_relief
from geoseg.vectorizer.sets import number_sets


@some.composite
def kinds_of_pixels(draw):
    """Draw small rasters of kinds."""
    height, width = draw(some.integers(1, 12)), draw(some.integers(1, 12))
    random = np.random.default_rng(draw(some.integers(0, 2**32)))
    return random.choice(4, (height, width), p=[0.05, 0.6, 0.2, 0.15]).astype(np.uint8)


@given(kinds=kinds_of_pixels(), cap=some.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_distances_are_those_to_the_nearest_pixel_of_another_kind(kinds, cap):
    _, depth = shape_relief(kinds, np.zeros_like(kinds), cap=cap)
    for row, col in np.ndindex(*kinds.shape):
        others = np.argwhere(kinds != kinds[row, col]) - (row, col)
        squared = min([cap * cap, *(others**2).sum(axis=1).tolist()])
        wanted = 0 if kinds[row, col] == BORDER else int(16 * squared**0.5)
        assert depth[row, col] == wanted


@given(kinds=kinds_of_pixels(), seed=some.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_basin_is_where_the_drops_end(kinds, seed):
    relief = np.random.default_rng(seed).integers(0, 4, kinds.shape).astype(np.int32)
    labels, free = cut_basins(relief.ravel(), kinds.ravel(), kinds.shape[1], 0, kinds.size)
    ends = [end_of_drop(relief, kinds, place) for place in np.ndindex(*kinds.shape)]
    names: dict = {}
    wanted = [0 if end is None else names.setdefault(end, len(names) + 1) for end in ends]
    assert labels.tolist() == wanted
    assert free == len(names) + 1


def end_of_drop(relief, kinds, place):
    """Follow a drop of water pixel by pixel; None at no data."""
    if kinds[place] == NODATA:
        return None
    row, col = place
    around = [(row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col)]
    around = [
        near
        for near in around
        if 0 <= near[0] < kinds.shape[0] and 0 <= near[1] < kinds.shape[1]
        and kinds[near] != NODATA and kinds[place] in (BORDER, kinds[near])
    ]
    lowest = min([place, *around], key=lambda near: (relief[near], near))
    return place if lowest == place else end_of_drop(relief, kinds, lowest)


def test_the_crest_of_a_saturated_border_is_in_its_middle():
    boundary = np.zeros((1, 15), np.uint8)
    boundary[0, 4:11] = 254
    kinds = pixel_kinds(254 - boundary, boundary, parcel_level=127, boundary_level=51)
    relief, _ = shape_relief(kinds, boundary, cap=40)
    assert relief[0].argmax() == 7


@given(seed=some.integers(0, 2**32), cut=some.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_borders_add_up_over_strips(seed, cut):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 5, (10, 6)).astype(np.int32)
    boundary = random.integers(0, 255, labels.shape).astype(np.uint8)
    depth = random.integers(0, 99, labels.shape).astype(np.uint16)
    whole = gather_borders(labels, boundary, depth)
    upper = gather_borders(labels[:cut], boundary[:cut], depth[:cut])
    lower = gather_borders(labels[cut - 1 :], boundary[cut - 1 :], depth[cut - 1 :], above=1)
    both = reduce_borders([upper, lower], np.arange(5, dtype=np.int32))
    for name in Borders._fields:
        assert np.array_equal(getattr(both, name), getattr(whole, name))


def test_a_border_holds_sum_count_low_and_wide():
    labels = np.array([[1, 2], [1, 2]], np.int32)
    boundary = np.array([[10, 30], [50, 20]], np.uint8)
    depth = np.array([[5, 7], [9, 8]], np.uint16)
    found = gather_borders(labels, boundary, depth)
    assert [getattr(found, name).tolist() for name in Borders._fields] == [
        [1], [2], [80], [2], [30], [8]
    ]


def test_sets_are_numbered_by_their_smallest_members():
    assert number_sets(np.array([0, 1, 1, 3, 2, 3], np.int32)).tolist() == [0, 1, 1, 2, 1, 2]
