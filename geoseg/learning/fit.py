"""Whether tiles fit a model: what every predictor checks before it runs."""

from __future__ import annotations

from geoseg.errors import ModelError
from geoseg.spec import ModelSpec


def check_fit(spec: ModelSpec, shape: tuple[int, ...]) -> None:
    """Refuse a batch of tiles, (n, bands, rows, cols), that a model does not take.

    Raises:
        ModelError: it has other bands, or sides that do not fit.
    """
    bands, rows, cols = shape[1:]
    if bands != len(spec.bands):
        raise ModelError(f"the tile has {bands} bands, the model wants {len(spec.bands)}")
    uneven = rows % spec.divisor or cols % spec.divisor
    if (rows, cols) != (spec.tile, spec.tile) if spec.tile else uneven:
        sizes = f"{spec.tile}" if spec.tile else f"multiples of {spec.divisor}"
        raise ModelError(
            f"a tile of {cols} x {rows} pixels does not fit the model; its sides must be {sizes}"
        )
