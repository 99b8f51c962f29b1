import numpy as np
import pytest

from geoseg.grid import Window
from geoseg.learning.data_check import (
    check_blank, check_together, check_labels, check_range, check_shift,
)
from geoseg.raster import Scene


def names(alarms):
    return [one.name for one in alarms]


def examined(labels, valid=None):
    labels = np.asarray(labels)
    valid = np.ones(labels.shape, bool) if valid is None else valid
    return names(check_labels("scene", labels, valid))


def test_good_labels_have_no_alarm():
    assert examined([[0, 1], [1, 2]]) == []


def test_labels_of_0_and_255_are_a_mask_and_not_parcels():
    assert examined([[0, 255], [255, 0]]) == ["two-valued"]


def test_a_scene_without_parcels_is_named():
    assert examined([[0, 0]]) == ["empty"]


def test_hardly_any_parcel_is_named():
    labels = np.zeros((100, 100), int)
    labels[0, :30] = 1
    assert examined(labels) == ["rare"]


def test_one_parcel_over_all_is_named():
    assert examined([[3, 3]]) == ["one-label"]


def test_labels_only_where_the_image_has_no_data_are_fatal():
    (alarm,) = check_labels("scene", np.array([[1, -1]]), np.array([[False, True]]))
    assert alarm.name == "no-overlap" and alarm.fatal


def test_scenes_that_are_all_empty_are_fatal():
    empty = check_labels("scene", np.zeros((2, 2), int), np.ones((2, 2), bool))
    (alarm,) = check_together(0.0, empty, scenes=1)
    assert alarm.name == "all-empty" and alarm.fatal
    assert check_together(0.5, [], scenes=1) == []


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(10, 240, []), (0.0, 1.0, ["range"]), (3000, 9000, ["range"]), (120, 121, ["range"])],
)
def test_values_far_off_the_range_of_the_model_are_named(low, high, wanted):
    assert names(check_range("scene", low, high, [(0, 255)] * 3)) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(0, ["undeclared-nodata"]), (77, [])])
def test_a_corner_of_one_extreme_value_is_named_as_missing_data(make_source, value, wanted):
    image = make_source().image.clip(1, 255)
    image[:, :40, :40] = value
    alarms = check_blank("scene", image, np.ones(image.shape[1:], bool))
    assert names(alarms) == wanted


def test_declared_missing_data_is_no_alarm(make_source):
    image = make_source().image.clip(1, 255)
    image[:, :40, :40] = 0
    valid = np.ones(image.shape[1:], bool)
    valid[:40, :40] = False
    assert check_blank("scene", image, valid) == []


@pytest.mark.parametrize("shift", [(12, 0), (0, -20), (9, 15)])
def test_shifted_labels_are_named_with_the_way_back(make_source, shift):
    source = make_source(size=256, field=72)
    labels = np.roll(source.labels, shift, axis=(0, 1))
    (alarm,) = check_shift("scene", source.image, labels, source.valid)
    down, right = -shift[0], -shift[1]
    assert alarm.name == "shifted"
    assert f"{abs(right)} pixels to the {'right' if right > 0 else 'left'}" in alarm.text
    assert f"and {abs(down)} {'down' if down > 0 else 'up'}" in alarm.text


@pytest.mark.parametrize("shift", [(0, 0), (4, 3)])
def test_labels_in_place_are_not_called_shifted(make_source, shift):
    source = make_source(size=256, field=72)
    labels = np.roll(source.labels, shift, axis=(0, 1))
    assert check_shift("scene", source.image, labels, source.valid) == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shift", [(0, 0), (12, 0)])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0, 3e38])
def test_pixels_without_data_neither_make_nor_hide_a_shift(make_source, shift, value):
    source = make_source(size=256, field=72)
    image, valid = source.image.astype(np.float32), source.valid.copy()
    valid[100:130, 90:170] = valid[:, 40] = False
    image[:, ~valid] = value
    labels = np.roll(source.labels, shift, axis=(0, 1))
    assert len(check_shift("scene", image, labels, valid)) == (shift != (0, 0))
    assert check_shift("scene", image, labels, np.zeros_like(valid)) == []


def test_an_image_without_borders_says_nothing_about_a_shift(make_source):
    source = make_source(size=256, field=72)
    image = np.random.default_rng(0).integers(0, 255, source.image.shape)
    assert check_shift("scene", image, source.labels, source.valid) == []


@pytest.mark.data
def test_real_labels_in_place_are_not_called_shifted_but_shifted_ones_are(data_folder):
    folder, found = data_folder / "parcels_naip", 0
    images = sorted((folder / "images").glob("*.png"))[::6]
    for path in images:
        with Scene(path) as scene, Scene(folder / "instances" / path.name) as truth:
            window = Window(0, 0, scene.geobox.width, scene.geobox.height)
            (image, valid), labels = scene.read(window, (1, 2, 3)), truth.read(window, (1,))[0][0]
        assert check_shift(path.stem, image, labels, valid) == []
        found += len(check_shift(path.stem, image, np.roll(labels.astype(int), 16, axis=1), valid))
    assert found == len(images)
