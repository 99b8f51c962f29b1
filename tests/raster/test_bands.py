import numpy as np
import pytest
from rasterio.enums import ColorInterp

from geoseg.errors import OptionError
from geoseg.raster import Scene, choose_bands

RGB = ("red", "green", "blue")


def scene_of(write, count, colors=None):
    return Scene(write(np.zeros((count, 4, 4), np.uint8), colors=colors, photometric="minisblack"))


def test_bands_are_found_by_colour_in_any_order(write):
    colors = [ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.alpha]
    with scene_of(write, 4, colors) as scene:
        assert choose_bands(scene, RGB) == (3, 2, 1)


def test_unnamed_bands_are_taken_in_order_and_said_so(write, caplog):
    with scene_of(write, 4) as scene:
        assert choose_bands(scene, RGB) == (1, 2, 3)
    assert "bands 1, 2, 3 are taken" in caplog.text


def test_one_band_is_shown_as_grey(write, caplog):
    with scene_of(write, 1) as scene:
        assert choose_bands(scene, RGB) == (1, 1, 1)
    assert "as grey" in caplog.text


def test_a_model_of_near_infrared_does_not_take_three_bands(write):
    with scene_of(write, 3) as scene, pytest.raises(
        OptionError, match=r"has 3 bands \(.*\), the model wants 4 \(red, green, blue, nir\)"
    ):
        choose_bands(scene, (*RGB, "nir"))


@pytest.mark.parametrize("given", [(1, 2), (1, 2, 5), (0, 1, 2)])
def test_given_bands_that_do_not_fit_are_refused(write, given):
    with scene_of(write, 4) as scene, pytest.raises(OptionError, match="--bands was"):
        choose_bands(scene, RGB, given)
