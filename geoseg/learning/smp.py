"""Networks of segmentation_models.pytorch and timm by name, such as `smp:unet:resnet34`.

The name is `smp:DECODER:ENCODER`; timm's encoders begin with `tu-`. Pixels scaled to 0..1 are
standardized inside with ImageNet's statistics, as pretrained encoders want them.
"""

from __future__ import annotations

import functools
import math
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from geoseg.errors import ModelError
from geoseg.learning.extras import needed
from geoseg.learning.reach import LOOKED_AT, Sight, measure

PREFIX = "smp:"
"""Of the names of these networks."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue in ImageNet, of values 0 to 1; other bands take the middle ones."""


class SmpNetwork(nn.Module):
    """A network of segmentation_models.pytorch with what geoseg asks of a network.

    Attributes:
        divisor: rows and columns are multiples of it.
        bands: of the input.
    """

    def __init__(self, inner: nn.Module, bands: int, classes: int) -> None:
        super().__init__()
        self.inner, self.bands, self._classes = inner, bands, classes
        self.divisor = int(inner.encoder.output_stride)
        colours = bands == len(MEAN)
        mean, deviation = (one if colours else (one[1],) * bands for one in (MEAN, DEVIATION))
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the logits of scaled pixels."""
        return self.inner((pixels - self.mean) / self.deviation)

    @property
    def head(self) -> nn.Conv2d:
        """Give the last convolution."""
        return [one for one in self.inner.modules() if isinstance(one, nn.Conv2d)
                and one.out_channels == self._classes][-1]

    @property
    def halo(self) -> int:
        """Give the pixels around a core, measured."""
        return self._sight.halo

    @property
    def exact(self) -> bool:
        """Tell whether tiles with that halo give what the whole gives, measured."""
        return not self.obstacles

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Name what makes the answer depend on the tile."""
        return self._sight.obstacles

    @functools.cached_property
    def _sight(self) -> Sight:
        try:
            return measure(self, self.bands, self.divisor)
        except (AssertionError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"this network does not run on tiles of {LOOKED_AT} pixels: {error}; geoseg wants "
                "one that takes any multiple of its stride"
            ) from error

    @functools.cached_property
    def width(self) -> int:
        """Give the filters of a U-Net that needs as much memory; its largest layer has twice."""
        side, largest = -(-LOOKED_AT // self.divisor) * self.divisor, [0]

        def look(module: nn.Module, given: Any, answer: Any) -> None:
            tensors = [one for one in (*given, answer) if isinstance(one, Tensor)]
            largest[0] = max([largest[0], *(one.numel() for one in tensors)])

        was, hooks = self.training, [one.register_forward_hook(look) for one in self.modules()]
        with torch.no_grad():
            self.eval()(torch.zeros(1, self.bands, side, side, device=self.mean.device))
        for hook in hooks:
            hook.remove()
        self.train(was)
        return math.ceil(largest[0] / side**2 / 2)


def build_smp(
    name: str, *, bands: int, classes: int, encoder_weights: Path | None = None
) -> SmpNetwork:
    """Build a network by name, with freshly drawn weights.

    Args:
        name: `smp:DECODER:ENCODER`.
        bands: input bands.
        classes: output bands.
        encoder_weights: safetensors file of the encoder's weights, for three bands; for another
            number of bands the first convolution is adapted as smp does. None draws them.

    Raises:
        ModelError: segmentation_models.pytorch is not here, knows no such network, or the weights
            are not the encoder's.
    """
    library = _library()
    parts = name.removeprefix(PREFIX).split(":")
    if not name.startswith(PREFIX) or len(parts) != 2 or not all(parts):
        raise ModelError(f"no architecture {name!r}; wanted smp:DECODER:ENCODER")
    first = 3 if encoder_weights is not None else bands
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that smp will drop one day
            inner = library.create_model(
                parts[0], encoder_name=parts[1], encoder_weights=None, in_channels=first,
                classes=classes,
            )
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        reason = str(error.args[0] if error.args else error).splitlines()[0][:300]
        raise ModelError(f"smp cannot build {name}: {reason}") from error
    if encoder_weights is not None:
        _fill(inner.encoder, encoder_weights, name)
        if bands != first:
            inner.encoder.set_in_channels(bands, pretrained=True)
    return SmpNetwork(inner, bands, classes)


def _library() -> Any:
    """Import segmentation_models.pytorch.

    Raises:
        ModelError: it is not installed, or torchvision is another build than torch.
    """
    try:
        return needed("segmentation_models_pytorch", "smp", "an smp: architecture")
    except RuntimeError as error:
        raise ModelError(
            f"torchvision does not fit torch {torch.__version__} ({error}); install both from the "
            "same index, CPU or CUDA alike"
        ) from error


def _fill(encoder: nn.Module, path: Path, name: str) -> None:
    try:
        weights = load_file(path, device="cpu")
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read as safetensors: {error}") from error
    missing = sorted(set(encoder.state_dict()) ^ set(weights))
    missing = [one for one in missing if not one.endswith("num_batches_tracked")]
    if missing:
        raise ModelError(
            f"{path} does not hold the encoder of {name}: {missing[0]} is only in one of them "
            f"({len(missing)} such)"
        )
    try:
        encoder.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit the encoder of {name}: {error}") from error
