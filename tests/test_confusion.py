import math

import numpy as np
import pytest

from geoseg.confusion import ConfusionMatrix, f1, iou, precision, ratio, recall

TRUTH = np.array([[0, 0, 1, 1], [0, 1, 1, 2]])
PREDICTED = np.array([[0, 1, 1, 1], [0, 1, 2, 2]])


def test_rows_are_truth_and_columns_prediction():
    matrix = ConfusionMatrix.of(TRUTH, PREDICTED, classes=3)
    assert matrix.counts.tolist() == [[2, 1, 0], [0, 3, 1], [0, 0, 1]]


def test_ratios_of_a_class_against_the_rest():
    matrix = ConfusionMatrix.of(TRUTH, PREDICTED, classes=3)
    assert iou(matrix, 1) == 3 / 5
    assert precision(matrix, 1) == 3 / 4
    assert recall(matrix, 1) == 3 / 4
    assert f1(matrix, 1) == 3 / 4
    assert recall(matrix, 2) == 1
    assert precision(matrix, 2) == 1 / 2


def test_counts_of_parts_add_up_to_the_whole():
    parts = [ConfusionMatrix.of(TRUTH[row], PREDICTED[row], classes=3) for row in (0, 1)]
    whole = ConfusionMatrix.of(TRUTH, PREDICTED, classes=3)
    assert np.array_equal((parts[0] + parts[1]).counts, whole.counts)


def test_pixels_that_are_not_valid_do_not_count():
    valid = np.zeros(TRUTH.shape, bool)
    valid[0, 1] = True
    matrix = ConfusionMatrix.of(TRUTH, PREDICTED, classes=3, valid=valid)
    assert matrix.counts.sum() == matrix.counts[0, 1] == 1


def test_nothing_by_nothing_is_nan():
    nothing = ConfusionMatrix(np.zeros((2, 2), np.int64))
    assert all(math.isnan(score(nothing)) for score in (iou, precision, recall, f1))
    assert math.isnan(ratio(0, 0))


def test_an_area_is_split_into_hits_misses_and_false_alarms():
    matrix = ConfusionMatrix.of_areas(truth=10, predicted=8, common=6)
    assert (iou(matrix), precision(matrix), recall(matrix)) == (6 / 12, 6 / 8, 6 / 10)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"truth is \(2, 4\), prediction \(4,\)"):
        ConfusionMatrix.of(TRUTH, PREDICTED[0], classes=3)
    with pytest.raises(ValueError, match=r"\(2, 3\), wanted \(classes, classes\)"):
        ConfusionMatrix(np.zeros((2, 3), np.int64))
