"""Choosing thresholds on known parcels."""

import numpy as np
import pytest

from geoseg.errors import OptionError
from geoseg.vectorizer import LabelOptions, label
from geoseg.vectorizer.tune import Grid, choose_thresholds


class Strips:
    """A strip source over an array of (bands, rows, width)."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape = array.shape[1:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows."""
        return self.array[:, row_start:row_stop]


def place_with_line(strength: int) -> Strips:
    """Draw two parcels of 20 x 20 pixels with a line between them of this stored value."""
    array = np.zeros((2, 20, 41), np.uint8)
    array[0], array[0, :, 20], array[1, :, 20] = 254, 0, strength
    return Strips(array)


def truth(parcels: int) -> np.ndarray:
    """Give true labels of one or two parcels."""
    labels = np.ones((20, 41), np.int32)
    labels[:, 21:] = parcels
    return labels


def right_counts(pairs) -> float:
    """Score the share of places with the right number of parcels."""
    return float(np.mean([found.max() == true.max() for found, true in pairs]))


def test_thresholds_that_part_the_true_parcels_are_found():
    places = [(place_with_line(60), truth(1)), (place_with_line(140), truth(2))]
    options, best = choose_thresholds(places, score=right_counts)
    assert best == 1.0
    assert [label(source, options=options).count for source, _ in places] == [1, 2]


def test_a_confidence_is_found_that_leaves_out_what_is_no_parcel():
    doubtful = place_with_line(254)
    doubtful.array[0, :, 21:] = 150
    options, best = choose_thresholds(
        [(doubtful, truth(1))], score=right_counts, grid=Grid(parcel=(0.5,))
    )
    assert best == 1.0
    assert options.confidence == 0.6


def test_the_start_is_kept_where_nothing_is_better():
    start = LabelOptions(merge=0.37)
    options, _ = choose_thresholds(
        [(place_with_line(254), truth(2))], score=right_counts, start=start
    )
    assert options == start


def test_only_values_of_the_grid_are_chosen():
    grid = Grid(parcel=(0.45,), boundary=(0.22,), merge=(0.95,), neck=(0.0,))
    options, best = choose_thresholds(
        [(place_with_line(140), truth(1))], score=right_counts, grid=grid
    )
    assert best == 1.0
    assert (options.merge, options.neck) == (0.95, 0.0)


def test_no_place_is_refused():
    with pytest.raises(OptionError, match="thresholds need at least one place"):
        choose_thresholds([], score=right_counts)
