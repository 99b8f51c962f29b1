"""Ask a predictor eight times, once for every turn and mirror image of the tile, and average.

Test-time augmentation with the dihedral group D4: eight times the work, steadier probabilities.
It keeps what is exact exact: a turned tile is aligned as the tile was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geoseg.inference.batches import Array, Predictor, Stored, Valid
from geoseg.spec import PROBABILITY_NODATA
from geoseg.tiling import inside

SYMMETRIES = tuple((turn, mirror) for mirror in (False, True) for turn in range(4))
"""Quarter turns, then a mirror image or not: the eight symmetries of a square."""


class Averaged:
    """A predictor of averages; tiles must be square."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.in_flight = getattr(predictor, "in_flight", 1)

    def predict(
        self,
        batch: Array,
        valid: Valid,
        *,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        halo: int = 0,
    ) -> Stored:
        """Predict the mean of eight answers; see Predictor."""
        total: NDArray[np.uint16] | int = 0
        for turn, mirror in SYMMETRIES:
            answer = self._predictor.predict(
                _turned(batch, turn, mirror), _turned(valid, turn, mirror), low=low, high=high,
                halo=halo,
            )
            total = total + _turned_back(answer, turn, mirror).astype(np.uint16)
        mean = ((total + len(SYMMETRIES) // 2) // len(SYMMETRIES)).astype(np.uint8)
        return np.where(inside(valid, halo)[:, None], mean, np.uint8(PROBABILITY_NODATA))


def _turned(array: NDArray, turn: int, mirror: bool) -> NDArray:
    seen = np.rot90(array, turn, axes=(-2, -1))
    return np.ascontiguousarray(seen[..., ::-1] if mirror else seen)


def _turned_back(array: NDArray, turn: int, mirror: bool) -> NDArray:
    return np.rot90(array[..., ::-1] if mirror else array, -turn, axes=(-2, -1))
