"""What a network sees of raw pixels: 0 to 1 over the range of each band, grey without data.

One formula for numpy arrays and for tensors, so that training and every way of predicting agree.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

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
    low, high = low[:, None, None], high[:, None, None]
    return choose(valid[..., None, :, :], (raw - low) / (high - low), GREY)
