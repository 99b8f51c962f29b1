import numpy as np

from geoseg.learning.cutting.targets import changes, targets


def drawn(*lines):
    return np.array([[int(digit) for digit in line.replace(".", "0")] for line in lines])


def shown(band):
    return ["".join("#" if one else "." for one in row) for row in band]


def test_a_border_of_two_pixels_lies_on_both_sides_of_a_change_of_label():
    parcel, boundary = targets(drawn("..1122", "..1122", "..1122"), 2)
    assert shown(boundary) == [".####."] * 3
    assert shown(parcel) == [".....#"] * 3


def test_a_scene_edge_is_no_border():
    parcel, boundary = targets(drawn("111", "111"), 4)
    assert not boundary.any() and parcel.all()


def test_a_border_of_four_pixels_is_rounded_at_a_corner():
    labels = np.zeros((7, 7), int)
    labels[3:, 3:] = 1
    assert shown(targets(labels, 4)[1]) == [
        ".......",
        "...####",
        "..#####",
        ".######",
        ".######",
        ".####..",
        ".####..",
    ]


def test_a_label_that_is_not_known_borders_nothing_and_is_nothing():
    labels = np.array([[1, 1, -1, 0, 0]])
    parcel, boundary = targets(labels, 2)
    assert not boundary.any()
    assert shown(parcel) == ["##..."]


def test_borders_grow_by_4_and_8_neighbours_in_turns():
    """As numpy's shifted copies do."""
    labels = np.kron(np.random.default_rng(0).integers(-1, 4, (7, 9)), np.ones((6, 5), int))
    for width in range(2, 11, 2):
        border = changes(labels)
        for step in range(width // 2 - 1):
            border = grown(border, square=step % 2 == 1)
        assert (targets(labels, width)[1] == (border & (labels >= 0))).all()


def grown(area, *, square):
    near = np.zeros_like(area)
    for down, right in np.ndindex(3, 3):
        if square or 1 in (down, right):
            near |= np.pad(area, 1)[down:, right:][: area.shape[0], : area.shape[1]]
    return near


def test_a_change_marks_the_pixels_on_its_two_sides():
    assert shown(changes(drawn("1122", "1122", "1333"))) == [".##.", ".###", "####"]
