import numpy as np
import torch

from geoseg.learning.scaling import scaled

LOW, HIGH = np.float32([1000, 0]), np.float32([3000, 255])
RAW = np.float32([[[1000, 3000, 5000]], [[0, 255, 51]]])


def test_low_becomes_0_and_high_1_and_nothing_is_clipped():
    found = scaled(RAW, np.ones((1, 3), bool), LOW, HIGH)
    assert found.dtype == np.float32
    assert np.allclose(found, [[[0, 1, 2]], [[0, 1, 0.2]]], atol=1e-7)


def test_a_pixel_without_data_is_grey_in_every_band():
    found = scaled(RAW, np.array([[True, False, True]]), LOW, HIGH)
    assert found[:, 0, 1].tolist() == [0.5, 0.5] and found[0, 0, 0] == 0


def test_tensors_are_scaled_to_the_bits_of_arrays():
    random = np.random.default_rng(0)
    raw = random.uniform(-10, 4000, (3, 2, 5, 7)).astype(np.float32)
    valid = random.random((3, 5, 7)) < 0.8
    arrays = raw, valid, LOW, HIGH
    assert (scaled(*map(torch.from_numpy, arrays)).numpy() == scaled(*arrays)).all()
