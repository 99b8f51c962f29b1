"""Every score of cases that can be checked by hand: rows of fields 10 high, in columns of 10."""

import math

import numpy as np
import pytest
import shapely
from shapely import box

from geoseg.evaluation import (
    Distances,
    Parcels,
    SizeClass,
    compare,
    intervals,
    judge,
    scores,
    tally,
)


def parcels(*columns, kinds=None, top=10):
    """Give fields that span columns (start, stop)."""
    shapes = np.empty(len(columns), object)
    shapes[:] = [box(10 * a, 0, 10 * b, top) for a, b in columns]
    n = len(columns)
    kind = np.zeros(n, np.int64) if kinds is None else np.array(kinds)
    return Parcels(np.arange(n), shapes, kind, np.ones(n, bool))


def one_block(points):
    return np.zeros(len(points), np.int64)


def counted(truth, found, *, near=(1.0, 5.0), band=2.0, void=None, block=one_block, **options):
    made = compare(truth, found, box(-100, -100, 900, 900), Distances(near, band), void=void)
    return tally(made, judge(made), block=block, **options)


def scored(truth, found, group="all", **options):
    return {k: float(v) for k, v in scores(counted(truth, found, **options).pooled(group)).items()}


def test_a_perfect_map_scores_one_and_has_no_error():
    made = scored(parcels((0, 2), (2, 5)), parcels((0, 2), (2, 5)))
    ones = ("pixel_iou", "parcel_f1", "parcel_f1_50_95", "panoptic_quality", "boundary_iou",
            "boundary_f_1", "count_ratio")
    zeros = ("over_segmentation", "under_segmentation", "goc", "guc", "gtc", "polis", "area_bias",
             "perimeter_bias")
    assert [made[name] for name in ones] == [pytest.approx(1)] * len(ones)
    assert [made[name] for name in zeros] == [pytest.approx(0)] * len(zeros)


def test_a_parcel_that_is_a_quarter_too_long():
    # true 4 x 1 cells, found 5 x 1: IoU 4/5
    made = scored(parcels((0, 4)), parcels((0, 5)))
    assert made["parcel_f1"] == 1
    assert made["parcel_f1_50_95"] == 0.6  # 0.5 to 0.75: above 0.8 is no match
    assert made["segmentation_quality"] == made["pixel_iou"] == pytest.approx(0.8)
    assert made["area_bias"] == pytest.approx(0.25)
    assert made["perimeter_bias"] == pytest.approx(20 / 100)
    assert made["goc"] == pytest.approx(0)
    assert made["guc"] == pytest.approx(0.2)
    assert made["gtc"] == pytest.approx(math.sqrt(0.2**2 / 2))
    # two of the found corners are 10 off, two of the true ones 0: half of 5, half of 0
    assert made["polis"] == pytest.approx(2.5)


def test_borders_are_near_where_they_lie_on_each_other():
    # true perimeter 100: 90 lie on the found one, and 1 of each end of the right side is near it
    made = scored(parcels((0, 4)), parcels((0, 5)))
    assert made["boundary_recall_1"] == pytest.approx(92 / 100)
    # found perimeter 120: 90 on it, 1 past each corner
    assert made["boundary_precision_1"] == pytest.approx(92 / 120)
    assert made["boundary_f_1"] == pytest.approx(2 * 92 / (100 + 120))


def test_boundary_iou_compares_the_bands_inside():
    # 40 x 10 and 50 x 10, band 2: true band 400 - 36 * 6, found band 500 - 46 * 6;
    # of the true band the right end's inner part, 2 x 6, is not in the found one
    true, found = 400 - 36 * 6, 500 - 46 * 6
    both = true - 2 * 6
    made = scored(parcels((0, 4)), parcels((0, 5)))
    assert made["boundary_iou"] == pytest.approx(both / (true + found - both))


def test_a_parcel_cut_in_two_is_over_segmented():
    made = scored(parcels((0, 6), (6, 10)), parcels((0, 3), (3, 6), (6, 10)))
    assert (made["over_segmentation"], made["under_segmentation"]) == (0.5, 0)
    assert made["goc"] == pytest.approx((3 * 0.5 + 3 * 0.5 + 0) / 10)
    assert made["guc"] == pytest.approx(0)
    assert made["count_ratio"] == 1.5


def test_two_parcels_in_one_are_under_segmented():
    made = scored(parcels((0, 5), (5, 10)), parcels((0, 10)))
    assert (made["over_segmentation"], made["under_segmentation"]) == (0, 1)
    assert (made["goc"], made["guc"]) == (pytest.approx(0), pytest.approx(0.5))


def test_a_parcel_that_lies_on_nothing_is_wholly_wrong():
    made = scored(parcels((0, 2)), parcels((5, 7)))
    assert (made["goc"], made["guc"], made["gtc"]) == (1, 1, 1)
    assert math.isnan(made["polis"])


def test_unknown_ground_is_cut_and_what_lies_mostly_on_it_does_not_count():
    void = box(40, -10, 80, 20)
    made = counted(parcels((0, 5)), parcels((0, 6), (5.5, 8), (8, 9)), void=void).pooled()
    # 0-6 is cut to 0-4 and matches 0-4; 5.5-8 is unknown; 8-9 is false
    assert (made["truth"], made["predicted"], made["matched@0.95"]) == (1, 2, 1)
    assert (made["ground_true"], made["ground_found"], made["ground_both"]) == (400, 500, 400)


def test_the_cut_along_unknown_ground_is_no_border():
    made = counted(parcels((0, 5)), parcels((0, 5)), void=box(40, -10, 80, 20)).pooled()
    assert made["length_true"] == pytest.approx(40 + 10 + 40)


def test_classes_match_within_themselves_only():
    made = counted(parcels((0, 2), (2, 4), kinds=[0, 1]), parcels((0, 2), (2, 4), kinds=[0, 0]),
                   kinds=("crop", "grass"))
    assert made.groups == ("all", "class crop", "class grass")
    assert made.pooled()["matched@0.5"] == 2
    crop, grass = made.pooled("class crop"), made.pooled("class grass")
    assert (crop["truth"], crop["predicted"], crop["matched@0.5"]) == (1, 2, 1)
    assert (grass["truth"], grass["predicted"], grass["matched@0.5"]) == (1, 0, 0)
    assert (crop["ground_true"], crop["ground_found"], crop["ground_both"]) == (200, 400, 200)


def test_a_match_is_of_the_true_parcels_size():
    sizes = (SizeClass("small", 0, 450), SizeClass("large", 450, math.inf))
    made = counted(parcels((0, 4), (6, 7)), parcels((0, 5), (9, 10)), sizes=sizes)
    small, large = made.pooled("size small"), made.pooled("size large")
    assert (small["truth"], small["predicted"], small["matched@0.5"]) == (2, 2, 1)
    assert (large["truth"], large["predicted"], large["matched@0.5"]) == (0, 0, 0)


def test_tallies_of_scenes_add_up_and_other_distances_are_refused():
    one = counted(parcels((0, 2)), parcels((0, 2)))
    other = counted(parcels((0, 2), (2, 3), kinds=[0, 1]), parcels((0, 2), (2, 3), kinds=[0, 1]),
                    kinds=("crop", "grass"))
    both = one + other
    assert both.groups == ("all", "class crop", "class grass")
    assert both.counts.shape[0] == 2
    assert both.pooled()["matched@0.5"] == 3
    assert both.pooled("class grass")["truth"] == 1
    with pytest.raises(ValueError, match="other distances"):
        _ = one + counted(parcels((0, 2)), parcels((0, 2)), near=(1.0,))


def by_hundreds(points):
    return np.floor(points[:, 0] / 100).astype(np.int64)


def test_an_interval_holds_the_score_and_is_the_same_every_time():
    rng = np.random.default_rng(0)
    found = [(i, i + 5) for i in range(0, 500, 5) if rng.random() < 0.7]
    made = counted(parcels(*((i, i + 5) for i in range(0, 500, 5))), parcels(*found),
                   block=by_hundreds)
    low, high = intervals(made)["parcel_recall"]
    recall = len(found) / 100
    # a binomial's interval of 95 % is 0.7 +- 0.09 where parcels are found independently
    assert recall - 0.12 < low < recall - 0.06
    assert recall + 0.06 < high < recall + 0.12
    assert intervals(made) == intervals(made)


def test_few_blocks_give_no_interval():
    assert intervals(counted(parcels((0, 2)), parcels((0, 2)))) == {}


def test_parcels_of_one_layer_that_overlap_cover_their_ground_once():
    made = counted(parcels((0, 4)), parcels((0, 4), (2, 4))).pooled()
    assert (made["ground_found"], made["predicted"], made["matched@0.5"]) == (400, 2, 1)


def test_a_hole_has_a_border_too():
    truth = parcels((0, 4), top=40)
    truth.shapes[0] = shapely.difference(truth.shapes[0], box(10, 10, 20, 20))
    made = counted(truth, parcels((0, 4), top=40)).pooled()
    assert made["length_true"] == 160 + 40
    assert made["near_true@0"] == pytest.approx(160)
