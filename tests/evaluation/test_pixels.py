import pytest
from shapely import box

from geoseg.confusion import iou, precision, recall
from geoseg.evaluation import compare_areas, compare_labels


def test_labels_count_as_parcel_or_not(draw):
    matrix = compare_labels(draw("1120."), draw("33044"))
    assert matrix.counts.tolist() == [[0, 1], [1, 2]]


def test_areas_of_polygons_are_compared_without_a_grid():
    matrix = compare_areas([box(0, 0, 4, 1)], [box(1, 0, 3, 1), box(3, 0, 5, 1)])
    assert iou(matrix) == pytest.approx(3 / 5)
    assert precision(matrix) == recall(matrix) == pytest.approx(3 / 4)


def test_polygons_that_overlap_each_other_count_once():
    matrix = compare_areas([box(0, 0, 2, 1)], [box(0, 0, 2, 1), box(0, 0, 2, 1)])
    assert iou(matrix) == pytest.approx(1)


def test_nothing_predicted_is_zero():
    assert iou(compare_areas([box(0, 0, 1, 1)], [])) == 0
