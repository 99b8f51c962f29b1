import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geoseg.evaluation import Overlaps, overlaps_of_labels, overlaps_of_polygons

PAIRS = arrays(np.int32, st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 9)),
               elements=st.integers(-1, 4))


def as_dict(overlaps: Overlaps):
    return (
        dict(zip(overlaps.truth.tolist(), overlaps.truth_area.tolist(), strict=True)),
        dict(zip(overlaps.predicted.tolist(), overlaps.predicted_area.tolist(), strict=True)),
        {
            tuple(pair): area
            for pair, area in zip(overlaps.pairs.tolist(), overlaps.common.tolist(), strict=True)
        },
    )


def test_common_pixels_of_a_drawn_case(draw):
    truth = draw("1122 1122 0033")
    found = draw("1777 1777 0070")
    areas, found_areas, common = as_dict(overlaps_of_labels(truth, found))
    assert areas == {1: 4, 2: 4, 3: 2}
    assert found_areas == {1: 2, 7: 7}
    assert common == {(1, 1): 2, (1, 7): 2, (2, 7): 4, (3, 7): 1}


def test_pixels_whose_truth_is_not_known_do_not_count(draw):
    areas, found_areas, common = as_dict(overlaps_of_labels(draw("1.."), draw("222")))
    assert (areas, found_areas, common) == ({1: 1}, {2: 1}, {(1, 2): 1})


def test_background_has_no_label(draw):
    assert as_dict(overlaps_of_labels(draw("00"), draw("0."))) == ({}, {}, {})


@given(PAIRS)
def test_the_table_is_what_counting_by_hand_gives(pair):
    truth, found = pair
    areas, found_areas, common = as_dict(overlaps_of_labels(truth, found))
    known = truth >= 0
    for value in range(1, 5):
        assert areas.get(value, 0) == (truth == value).sum()
        assert found_areas.get(value, 0) == ((found == value) & known).sum()
        for other in range(1, 5):
            assert common.get((value, other), 0) == ((truth == value) & (found == other)).sum()


def test_polygons_share_the_area_of_their_intersection():
    truth = [shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2)]
    found = [shapely.box(9, 9, 10, 10), shapely.box(1, 0, 3, 2)]
    areas, found_areas, common = as_dict(overlaps_of_polygons(truth, found))
    assert areas == {0: 4, 1: 4}
    assert found_areas == {0: 1, 1: 4}
    assert common == {(0, 1): 2, (1, 1): 2}


def test_polygons_that_only_touch_do_not_overlap():
    touching = overlaps_of_polygons([shapely.box(0, 0, 1, 1)], [shapely.box(1, 0, 2, 1)])
    assert as_dict(touching)[2] == {}


def test_no_polygons_on_a_side_make_no_overlaps():
    one = [shapely.box(0, 0, 1, 1)]
    assert as_dict(overlaps_of_polygons([], one)) == ({}, {0: 1}, {})
    assert as_dict(overlaps_of_polygons(one, [])) == ({0: 1}, {}, {})
