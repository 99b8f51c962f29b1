"""Arrays that are kept and used again: memory that is asked for anew has to be cleared first."""

from __future__ import annotations

import math
import sys

import numpy as np
from numpy.typing import DTypeLike

SPARE = 1.25
"""Room is made for this many times what is asked for: strips differ, and unused room costs none."""
RETURNED = 2
"""Arrays that are given away and watched, to be used again."""

_LIST = [object()]
ALONE = sys.getrefcount(_LIST[0])
"""References to what only a list refers to, as they are counted."""


class Scratch:
    """Arrays by name; one of a name holds until the next of that name is asked for."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}
        self._parts: dict[int, Scratch] = {}
        self._given: list[np.ndarray] = []

    def part(self, number: int) -> Scratch:
        """Give a room of its own to a part of the work."""
        return self._parts.setdefault(number, Scratch())

    def give(self, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """Give an array away: its memory is used again when nobody refers to it any more."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        for place in range(len(self._given)):
            if sys.getrefcount(self._given[place]) == ALONE and self._given[place].nbytes >= size:
                break
        else:
            self._given = [*self._given[1 - RETURNED :], np.empty(int(SPARE * size), np.uint8)]
            place = -1
        return self._given[place][:size].view(dtype).reshape(shape)

    def array(
        self, name: str, shape: int | tuple[int, ...], dtype: DTypeLike, *, keep: int = 0
    ) -> np.ndarray:
        """Give an array that holds anything, but for the items that are kept.

        Args:
            name: of the array.
            shape, dtype: see `np.empty`.
            keep: how many items, along the first axis, still hold what they held.
        """
        shape = (shape,) if isinstance(shape, int) else shape
        one = math.prod(shape[1:]) * np.dtype(dtype).itemsize
        size, old = shape[0] * one, self._kept.get(name)
        if old is None or old.nbytes < size:
            self._kept[name] = np.empty(int(SPARE * size), np.uint8)
            if keep:
                self._kept[name][: keep * one] = old[: keep * one]
        return self._kept[name][:size].view(dtype).reshape(shape)
