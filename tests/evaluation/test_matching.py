import math
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geoseg.evaluation import (
    ParcelCounts,
    count_parcels,
    overlaps_of_labels,
    overlaps_of_polygons,
    parcel_scores,
)

LABELS = arrays(np.int32, (6, 6), elements=st.integers(0, 5))


def counts(truth, found):
    return count_parcels(overlaps_of_labels(truth, found))


def scores(counts):
    return SimpleNamespace(**parcel_scores(asdict(counts)))


def test_equal_parcels_all_match(draw):
    truth = draw("1122 1122 3333")
    made = counts(truth, truth)
    assert made == ParcelCounts(3, 3, 3, 3.0, 0, 0)
    assert scores(made).parcel_f1 == scores(made).panoptic_quality == 1


def test_an_iou_of_one_half_is_no_match(draw):
    assert counts(draw("1111"), draw("2200")).matched == 0
    assert counts(draw("1111"), draw("2220")).matched == 1


def test_a_missed_a_wrong_and_a_found_parcel(draw):
    made = counts(draw("11112200"), draw("11100033"))
    assert made == ParcelCounts(2, 2, 1, 0.75, 0, 0)
    ratios = scores(made)
    assert ratios.parcel_precision == ratios.parcel_recall == ratios.parcel_f1 == 0.5
    assert (ratios.segmentation_quality, ratios.panoptic_quality) == (0.75, 0.375)


def test_panoptic_quality_is_recognition_times_segmentation(draw):
    made = counts(draw("1112222333"), draw("1110222044"))
    product = scores(made).parcel_f1 * scores(made).segmentation_quality
    assert scores(made).panoptic_quality == pytest.approx(product)


def test_a_parcel_cut_in_two_is_split(draw):
    made = counts(draw("1111112222"), draw("3334442222"))
    assert (made.split, made.merged) == (1, 0)
    assert scores(made).over_segmentation == 0.5


def test_two_parcels_in_one_are_merged(draw):
    made = counts(draw("1111112222"), draw("5555555555"))
    assert (made.split, made.merged) == (0, 1)
    assert scores(made).under_segmentation == 1


def test_nothing_found_is_no_error(draw):
    made = counts(draw("1122"), draw("0000"))
    assert scores(made).parcel_recall == scores(made).parcel_f1 == 0
    assert math.isnan(scores(made).parcel_precision)
    assert math.isnan(scores(made).segmentation_quality)


def test_counts_of_scenes_add_up(draw):
    one = counts(draw("1122"), draw("1122"))
    assert one + one == ParcelCounts(4, 4, 4, 4.0, 0, 0)


def test_parcels_that_overlap_each_other_match_once():
    truth = [shapely.box(0, 0, 10, 10)]
    found = [shapely.box(0, 0, 10, 8), shapely.box(0, 0, 10, 9)]
    made = count_parcels(overlaps_of_polygons(truth, found))
    assert (made.matched, made.iou) == (1, 0.9)


def test_a_parcel_whose_best_partner_is_taken_gets_the_next():
    truth = [shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 11)]
    found = [shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 9.5)]
    assert count_parcels(overlaps_of_polygons(truth, found)).matched == 2


@given(LABELS, LABELS)
def test_matches_are_those_of_comparing_every_pair(truth, found):
    ious = []
    for one in set(truth.ravel()) - {0}:
        for other in set(found.ravel()) - {0}:
            both = ((truth == one) & (found == other)).sum()
            either = ((truth == one) | (found == other)).sum()
            ious.append(both / either)
    expected = [value for value in ious if value > 0.5]
    made = counts(truth, found)
    assert made.matched == len(expected)
    assert made.iou == pytest.approx(sum(expected))
