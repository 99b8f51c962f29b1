"""Chips: training samples cut on the fly from scenes with labels, never twice the same.

A *chip* is a square of scaled pixels with its targets, for example 256 x 256. The targets are two
bands: `parcel` (inside a parcel, off its border) and `boundary` (near a change of label).
A batch is a pure function of the seed and its number, so a resumed run sees the same chips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from geoseg.grid import Window
from geoseg.learning.augment import TURNS, radiometry, turn
from geoseg.learning.scaling import GREY, scaled
from geoseg.spec import Band


class Source(Protocol):
    """A scene with labels."""

    name: str
    shape: tuple[int, int]
    resolution: float | None
    weight: float

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read (image (bands, rows, cols) raw, labels (rows, cols) int32, valid (rows, cols)).

        Labels: 0 is background, above 0 a parcel, -1 not known. Valid is about the image.
        """


@dataclass(frozen=True, slots=True)
class ArraySource:
    """A scene with labels, in memory."""

    name: str
    """For the log, and for holding it out."""
    image: np.ndarray
    """(bands, rows, cols), raw."""
    labels: np.ndarray
    """(rows, cols) integer: 0 background, above 0 a parcel, -1 not known."""
    valid: np.ndarray
    """(rows, cols) bool, of the image."""
    resolution: float | None = None
    """Metres per pixel; None where the scene has no place on Earth."""
    weight: float = 1.0
    """How often it is drawn, relative to its size."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.labels.shape

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read a window that lies inside the scene."""
        rows = slice(window.row_off, window.row_stop)
        cols = slice(window.col_off, window.col_stop)
        return self.image[:, rows, cols], self.labels[rows, cols], self.valid[rows, cols]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of a source from which chips may be cut."""

    source: Source
    """The scene."""
    window: Window
    """Chips lie wholly inside."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Chips, stacked: what one step of training sees."""

    pixels: torch.Tensor
    """(n, bands, rows, cols) float32, scaled."""
    target: torch.Tensor
    """(n, 2, rows, cols) float32: parcel, boundary."""
    valid: torch.Tensor
    """(n, 1, rows, cols) float32: 1 where the loss counts."""

    def to(self, device: torch.device) -> Batch:
        """Move to a device."""
        moved = (one.to(device, non_blocking=True) for one in self.parts())
        return Batch(*moved)

    def parts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give pixels, target and valid."""
        return self.pixels, self.target, self.valid


Batches = Callable[[int], Batch]
"""Gives batch number n, always the same; `Sampler` is one."""


def targets(labels: np.ndarray, boundary_width: float) -> np.ndarray:
    """Turn labels into the two bands that the network learns.

    Args:
        labels: (rows, cols) integer; -1 is not known and borders nothing.
        boundary_width: full width of a border in pixels; at least the two pixels on either side of
            a change of label are border.

    Returns:
        (2, rows, cols) bool: parcel (inside, off the border), boundary.
    """
    border = changes(labels)
    for step in range(round(boundary_width / 2) - 1):
        border = _grow(border, square=step % 2 == 1)
    border &= labels >= 0
    return np.stack([(labels > 0) & ~border, border])


def changes(labels: np.ndarray) -> np.ndarray:
    """Mark both pixels of every change between known labels; (rows, cols) bool."""
    changed = np.zeros(labels.shape, dtype=bool)
    known = labels >= 0
    for one, other in (
        ((slice(None), slice(1, None)), (slice(None), slice(-1))),
        ((slice(1, None),), (slice(-1),)),
    ):
        change = (labels[one] != labels[other]) & known[one] & known[other]
        changed[one] |= change
        changed[other] |= change
    return changed


def _grow(area: np.ndarray, *, square: bool) -> np.ndarray:
    """Add the 4 neighbours of every pixel, or all 8: in turns they make a round border."""
    grown = area.copy()
    grown[1:] |= area[:-1]
    grown[:-1] |= area[1:]
    across = grown if square else area
    wide = grown.copy()
    wide[:, 1:] |= across[:, :-1]
    wide[:, :-1] |= across[:, 1:]
    return wide


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts chips: what they look like, apart from where they are."""

    bands: tuple[Band, ...]
    """Scaling."""
    chip: int = 256
    """Rows and columns of a chip."""
    boundary_width: float = 4.0
    """Pixels, or metres where `in_metres`."""
    in_metres: bool = False
    """True where the width is metres on the ground; sources must then have a resolution."""

    def cut(
        self, area: Area, window: Window, random: np.random.Generator | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cut one chip from a square window; any size is resampled. With `random`: augmented."""
        raw, labels, known = area.source.read(window)
        low, high = np.array([(one.low, one.high) for one in self.bands], np.float32).T
        pixels = _resample(scaled(raw.astype(np.float32), known, low, high), self.chip)
        labels, known = _nearest(labels, self.chip), _nearest(known, self.chip)
        target = targets(labels, self._width(area.source, window))
        valid = (labels >= 0)[None] & known
        if random is not None:
            which = int(random.integers(TURNS))
            pixels = np.where(known, radiometry(pixels, random), np.float32(GREY))
            pixels, target, valid = (turn(one, which) for one in (pixels, target, valid))
        return pixels, target, valid

    def _width(self, source: Source, window: Window) -> float:
        if not self.in_metres:
            return self.boundary_width
        return self.boundary_width / (source.resolution * window.width / self.chip)


def _resample(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resample a square to size x size; shrinking averages."""
    if pixels.shape[-2:] == (size, size):
        return pixels
    tensor = torch.from_numpy(pixels)[None]
    smooth = functional.interpolate(tensor, size=(size, size), mode="bilinear", antialias=True)
    return smooth[0].numpy()


def _nearest(array: np.ndarray, size: int) -> np.ndarray:
    """Resample the last two axes to size x size, taking the nearest pixel."""
    rows, cols = (((np.arange(size) + 0.5) * side / size).astype(int) for side in array.shape)
    return array[rows[:, None], cols]


def stack(chips: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Batch:
    """Stack chips into a batch."""
    columns = (np.stack(column).astype(np.float32) for column in zip(*chips))
    return Batch(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns))


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws training batches: anywhere in the areas, at any zoom, turned and lit at random."""

    areas: tuple[Area, ...]
    """Where chips come from."""
    cutter: Cutter
    """How they are cut."""
    batch: int = 8
    """Chips in a batch."""
    zoom: tuple[float, float] = (0.5, 2.0)
    """Smallest and largest zoom; 0.5 sees twice as far, at half the resolution."""
    seed: int = 0
    """Of all draws."""

    def __call__(self, step: int) -> Batch:
        """Draw batch number `step`; the same number gives the same batch."""
        random = np.random.default_rng((self.seed, step))
        weights = np.array([_draws(area) for area in self.areas])
        chosen = random.choice(len(self.areas), self.batch, p=weights / weights.sum())
        return stack([self._one(self.areas[index], random) for index in chosen])

    def _one(self, area: Area, random: np.random.Generator) -> tuple[np.ndarray, ...]:
        zoom = np.exp(random.uniform(*np.log(self.zoom)))
        room = area.window
        side = min(round(self.cutter.chip / zoom), room.width, room.height)
        col = room.col_off + int(random.integers(room.width - side + 1))
        row = room.row_off + int(random.integers(room.height - side + 1))
        return self.cutter.cut(area, Window(col, row, side, side), random)


def _draws(area: Area) -> float:
    """How often an area is drawn, relative to the others."""
    return area.window.width * area.window.height * area.source.weight
