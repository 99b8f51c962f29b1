"""The steps of labelling, each against a plain program that does the same slowly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from geoseg.vectorizer.agglomerate import (
    DOUBTFUL_PAIRS, MEAN_SHIFT, Rule, final_labels, give_away, merge_regions,
)
from geoseg.vectorizer.basins import AREA, COLUMNS, PEAK, cut_basins
from geoseg.vectorizer.borders import Borders, gather_borders, reduce_borders
from geoseg.vectorizer.region_graph import edges, linked, regions
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


def random_graph(random: np.random.Generator, n: int):
    """Make borders and statistics of n regions; region 0 has none, as no data."""
    pairs = np.unique(np.sort(random.integers(1, n, (3 * n, 2)), axis=1), axis=0)
    one, other = pairs[pairs[:, 0] != pairs[:, 1]].T.astype(np.int32)
    count = random.integers(1, 400, len(one))
    total = (count * random.random(len(one)) * 254).astype(np.int64)
    wide = random.integers(0, 200, len(one))
    statistics = np.zeros((n, COLUMNS), np.int64)
    statistics[1:, AREA] = random.integers(1, 3000, n - 1)
    statistics[1:, PEAK] = random.integers(1, 300, n - 1)
    background = random.random(n) < 0.2
    background[0] = False
    return Borders(one, other, total, count, total * 0, wide), statistics, background


def slow_strength(edge, one, other, rule):
    """Score a pair of parcels in plain Python."""
    total, count, wide = edge
    peak = max(min(one[1], other[1]), 1)
    narrow = rule.narrow * (peak - min(wide, peak)) // peak
    mean = (total << MEAN_SHIFT) + narrow * count + DOUBTFUL_PAIRS * rule.limit
    mean //= count + DOUBTFUL_PAIRS
    area = min(one[0], other[0])
    if area < rule.full_area:
        mean = mean * int(((area << 16) // rule.full_area) ** 0.5) >> 8
    return mean


def slow_merge(borders, statistics, background, rule):
    """Contract the weakest edge, looking at all of them every time; give the sets of parcels."""
    regions = {i: (int(row[AREA]), int(row[PEAK])) for i, row in enumerate(statistics)}
    members = {i: {i} for i in regions}
    columns = (borders.one, borders.other, borders.total, borders.count, borders.wide)
    edges = {
        (one, other): tuple(rest)
        for one, other, *rest in zip(*(column.tolist() for column in columns))
        if not background[one] and not background[other]
    }
    while edges:
        scores = {
            pair: slow_strength(edge, regions[pair[0]], regions[pair[1]], rule)
            for pair, edge in edges.items()
        }
        kept, gone = min(scores, key=scores.get)
        if scores[kept, gone] >= rule.limit:
            break
        members[kept] |= members.pop(gone)
        two = regions[kept], regions.pop(gone)
        regions[kept] = (two[0][0] + two[1][0], max(two[0][1], two[1][1]))
        edges = contracted(edges, kept, gone)
    return {frozenset(group) for first, group in members.items() if first and not background[first]}


def contracted(edges, kept, gone):
    """Rename a region in all edges and add up the parallel ones."""
    result: dict = {}
    for pair, (total, count, wide) in edges.items():
        one, other = sorted(kept if end == gone else end for end in pair)
        if one != other:
            old = result.get((one, other), (0, 0, 0))
            result[one, other] = (old[0] + total, old[1] + count, max(old[2], wide))
    return result


@pytest.mark.parametrize("full_area", [0, 900])
@pytest.mark.parametrize("seed", range(8))
def test_merging_contracts_the_weakest_border_every_time(seed, full_area):
    random = np.random.default_rng(seed)
    borders, statistics, background = random_graph(random, 60)
    one = 254 << MEAN_SHIFT
    rule = Rule(limit=int(0.55 * one), touching=0, narrow=one // 5, full_area=full_area)
    graph = linked(*regions(statistics, background), edges(borders))
    merge_regions(graph, rule)
    labels, count = final_labels(graph.nodes)
    found = {frozenset(np.flatnonzero(labels == i + 1).tolist()) for i in range(count)}
    assert found == slow_merge(borders, statistics, background, rule)


@pytest.mark.parametrize("seed", range(8))
def test_no_small_parcel_is_left_that_has_a_neighbour_or_not(seed):
    borders, statistics, background = random_graph(np.random.default_rng(seed), 60)
    graph = linked(*regions(statistics, background), edges(borders))
    give_away(graph, 2000, 0)
    labels, count = final_labels(graph.nodes)
    areas = np.bincount(labels[1:], statistics[1:, AREA], minlength=count + 1)
    assert (areas[1:] >= 2000).all()
    assert (labels[1:][background[1:]] == 0).sum() == background[1:].sum()


def test_sets_are_numbered_by_their_smallest_members():
    assert number_sets(np.array([0, 1, 1, 3, 2, 3], np.int32)).tolist() == [0, 1, 1, 2, 1, 2]
