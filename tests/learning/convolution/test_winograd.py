"""Convolutions with fewer multiplications give what torch's give, to the last bit of their own."""

import pytest
import torch
from torch.nn import functional

from geoseg.learning.convolution import winograd
from geoseg.learning.convolution.winograd import WinogradConvolution

pytestmark = pytest.mark.skipif(not winograd.is_possible(), reason="the processor has no FMA")


def draw(n, channels, rows, cols):
    random = torch.Generator().manual_seed(channels + rows)
    drawn = torch.randn(n, channels, rows, cols, generator=random)
    return drawn.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("channels", "filters", "rows", "cols"),
    [(16, 16, 4, 4), (16, 32, 8, 100), (48, 16, 12, 96), (64, 64, 4, 200), (32, 16, 100, 4)],
)
def test_the_outputs_are_those_of_the_definition(channels, filters, rows, cols):
    convolution = torch.nn.Conv2d(channels, filters, 3)
    pixels = draw(2, channels, rows + 2, cols + 2)
    with torch.inference_mode():
        wanted = convolution.double()(pixels.double()).relu()
        found = WinogradConvolution(convolution)(pixels, (rows, cols))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - wanted).abs().max() < 2e-5  # float32; the values reach 3


def test_what_is_coarse_counts_as_four_pixels_wherever_it_begins():
    convolution = torch.nn.Conv2d(48, 16, 3)
    fine, coarse = draw(1, 16, 40, 48), draw(1, 32, 20, 24)
    doubled = functional.interpolate(coarse, scale_factor=2.0)
    for offset, other in ((0, 0), (3, 1), (6, 7)):
        parts = fine[:, :, offset : offset + 30, offset : offset + 34], doubled[
            :, :, other : other + 30, other : other + 34
        ]
        with torch.inference_mode():
            wanted = convolution(torch.cat(parts, 1)).relu()
            found = WinogradConvolution(convolution)(
                fine, (28, 32), offset, coarse=coarse, coarse_offset=other
            )
        assert torch.allclose(found, wanted, atol=2e-5, rtol=0)


def test_threads_and_registers_do_not_change_a_bit(monkeypatch):
    convolution, pixels, found = torch.nn.Conv2d(32, 32, 3), draw(2, 32, 46, 102), []
    threads = torch.get_num_threads()
    try:
        for lanes in (8, 16):
            monkeypatch.setattr(winograd, "lanes", lambda lanes=lanes: lanes)
            for count in (1, 3):
                torch.set_num_threads(count)
                with torch.inference_mode():
                    found.append(WinogradConvolution(convolution)(pixels, (44, 100)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, found[0]) for one in found)


def test_a_row_of_tiles_does_not_depend_on_what_is_below_and_beside_it():
    quick = WinogradConvolution(torch.nn.Conv2d(16, 16, 3))
    pixels = draw(1, 16, 22, 126)
    with torch.inference_mode():
        whole, part = quick(pixels, (20, 124)), quick(pixels, (8, 40), 4)
    assert torch.equal(part, whole[:, :, 4:12, 4:44])
