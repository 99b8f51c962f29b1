import numpy as np
import pytest
import torch
from torch.nn import functional

from geoseg.grid import Window
from geoseg.learning.augment import plain
from geoseg.learning.chips import ArraySource, Cut, Cutter
from geoseg.learning.cutting.rasters import KINDS
from geoseg.learning.cutting.resample import LEFT_RIGHT, TRANSPOSED, TURNS, UPSIDE_DOWN
from geoseg.learning.scaling import GREY, scaled
from geoseg.spec import Band


def noise(side, kind=np.uint8, bands=2):
    """Draw a scene of random pixels and labels; a tenth of them is no data."""
    random = np.random.default_rng(side)
    image = random.integers(0, 256, (bands, side, side)).astype(kind)
    labels = random.integers(-1, 5, (side, side)).astype(np.int32)
    return ArraySource("noise", image, labels, random.random((side, side)) < 0.9)


def cut(source, size, turn=0):
    """Cut all of a scene, and give pixels, target and valid of the chip."""
    bands = tuple(Band(str(number), 20 * number, 200) for number in range(len(source.image)))
    window = Window(0, 0, *source.shape)
    batch = Cutter(bands, size).cut([Cut(source, window, plain(len(bands))._replace(turn=turn))])
    return [part.numpy()[0] for part in batch.parts()]


def scaled_by_numpy(source):
    low, high = np.float32([0, 20][: len(source.image)]), np.float32([200, 200])
    return scaled(source.image.astype(np.float32), source.valid, low, high[: len(low)])


def resampled_by_torch(source, size):
    """In float64: places of pixels in float32 are off by as much as weights may not be."""
    pixels = torch.from_numpy(scaled_by_numpy(source))[None].double()
    return functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)[0].numpy()


def nearest_by_numpy(array, size):
    middle = ((np.arange(size) + 0.5) * len(array) / size).astype(int)
    return array[middle[:, None], middle]


def turned(array, turn):
    """Turn the last two axes."""
    if turn & UPSIDE_DOWN:
        array = array[..., ::-1, :]
    if turn & LEFT_RIGHT:
        array = array[..., ::-1]
    return array.swapaxes(-1, -2) if turn & TRANSPOSED else array


@pytest.mark.parametrize("size", [1, 7, 16, 40])
@pytest.mark.parametrize("side", [1, 2, 3, 16, 21, 39, 41, 64, 160, 333])
def test_pixels_are_resampled_as_torch_does_and_grey_where_the_nearest_has_no_data(side, size):
    """Sums of float32 pixels, by weights that add up to 1: they differ in the last bits."""
    source = noise(side)
    pixels, _, _ = cut(source, size)
    wanted = np.where(nearest_by_numpy(source.valid, size), resampled_by_torch(source, size), GREY)
    assert np.abs(pixels - wanted).max() < 1e-6


@pytest.mark.parametrize("kind", [*KINDS, "int64", "float64", ">u2"])
def test_pixels_of_any_kind_are_scaled_to_the_bits_of_predicting(kind):
    source = noise(37, kind)
    assert (cut(source, 37)[0] == scaled_by_numpy(source)).all()


def test_values_of_no_data_touch_nothing():
    source = noise(50, np.float32)
    source.image[:, ~source.valid] = np.nan
    assert np.isfinite(cut(source, 32)[0]).all()


@pytest.mark.parametrize("side", [33, 48, 90])
def test_a_turn_moves_pixels_targets_and_valid_alike(side):
    """Where a chip's middles fall between pixels, a mirrored one has the same neighbours."""
    source = noise(side)
    upright = cut(source, 48)
    for turn in range(TURNS):
        for part, wanted in zip(cut(source, 48, turn), upright, strict=True):
            assert np.abs(part - turned(wanted, turn)).max() < 2e-6


def test_the_eight_turns_are_all_different():
    source = noise(16)
    assert len({cut(source, 16, turn)[0].tobytes() for turn in range(TURNS)}) == TURNS


def test_labels_are_those_of_the_nearest_pixels():
    source = noise(90, bands=1)
    _, target, valid = cut(source, 48)
    labels, good = (nearest_by_numpy(one, 48) for one in (source.labels, source.valid))
    assert (valid[0] == ((labels >= 0) & good)).all()
    assert not target[0, labels <= 0].any()


def test_a_window_need_not_be_contiguous():
    source = noise(64)
    turned = ArraySource("", source.image[:, :, ::2], source.labels[:, ::2], source.valid[:, ::2])
    copied = ArraySource("", *(one.copy() for one in (turned.image, turned.labels, turned.valid)))
    window, bands = Window(3, 5, 20, 20), (Band("a", 0, 1), Band("b", 0, 1))
    one, two = (Cutter(bands, 16).cut([Cut(each, window)]) for each in (turned, copied))
    assert all((a == b).all() for a, b in zip(one.parts(), two.parts(), strict=True))
