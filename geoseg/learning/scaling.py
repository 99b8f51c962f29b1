"""What a network sees of raw pixels: 0 to 1 over the range of each band, grey without data.

One formula for numpy arrays, for tensors and for the pixels of a kernel, so that training and every
way of predicting agree.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

from geoseg.kernels.compiled import helper

GREY = 0.5
"""Scaled value of a pixel without data."""
Array = TypeVar("Array", np.ndarray, torch.Tensor)


def scaled(raw: Array, valid: Array, low: Array, high: Array) -> Array:
    """Scale pixels by the range of their bands.

    Args:
        raw: (..., bands, rows, cols) float32.
        valid: (..., rows, cols), True where data is good.
        low: (bands,) float32, raw value that becomes 0.
        high: (bands,) float32, raw value that becomes 1.

    Returns:
        Like raw; `GREY` where not valid.
    """
    choose = torch.where if isinstance(raw, torch.Tensor) else np.where
    values = scaled_pixel(raw, low[:, None, None], high[:, None, None])
    return choose(valid[..., None, :, :], values, GREY)


@helper
def scaled_pixel(raw, low, high):
    """Scale a pixel, or all those of one range."""
    return (raw - low) / (high - low)
