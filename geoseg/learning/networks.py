"""Build a network of any kind by the name of its architecture."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from geoseg.errors import ModelError
from geoseg.learning import unet
from geoseg.learning.smp import PREFIX, build_smp

NAMES = (*unet.DEFAULT_WIDTH, "smp:DECODER:ENCODER")
"""Of the architectures."""


def build(
    name: str,
    *,
    width: int | None = None,
    bands: int = 3,
    classes: int = 2,
    seed: int = 0,
    encoder_weights: Path | None = None,
) -> nn.Module:
    """Build a network with freshly drawn weights.

    Args:
        name: one of `NAMES`.
        width: filters of the first level; networks of smp have their own, whatever this is.
        bands: input bands.
        classes: output bands.
        seed: of the weights; the generator of the process is left as it is.
        encoder_weights: safetensors file for the encoder of a network of smp; None draws them.

    Returns:
        A module with the attributes `divisor` and `halo`, in pixels, `bands`, `width`, `exact`, and
        `head`, the last convolution.

    Raises:
        ModelError: there is no network of that name, or it cannot be built.
    """
    if not name.startswith(PREFIX):
        if encoder_weights is not None:
            raise ModelError(f"{name} has no encoder that is trained before; drop the weights")
        if name not in unet.DEFAULT_WIDTH:
            raise ModelError(f"no architecture {name!r}; choose from {', '.join(NAMES)}")
        return unet.build(name, width=width, bands=bands, classes=classes, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_smp(name, bands=bands, classes=classes, encoder_weights=encoder_weights)
