"""Chips: training samples cut on the fly from scenes with labels, never twice the same.

A *chip* is a square of scaled pixels with its targets, for example 256 x 256. The targets are two
bands: `parcel` (inside a parcel, off its border) and `boundary` (near a change of label).
A batch is a pure function of the seed and its number, so a resumed run sees the same chips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from geoseg.grid import Window
from geoseg.learning import resample, targets
from geoseg.learning.augment import Look, draw, plain
from geoseg.learning.light import LINES, relight
from geoseg.learning.targets import find_targets, growths
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

    def pinned(self) -> Batch:
        """Copy to memory that a GPU reads by itself; needs a CUDA device."""
        return Batch(*(one.pin_memory() for one in self.parts()))

    def parts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Give pixels, target and valid."""
        return self.pixels, self.target, self.valid


Batches = Callable[[int], Batch]
"""Gives batch number n, always the same; `Sampler` is one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What becomes a chip."""

    source: Source
    """The scene."""
    window: Window
    """A square in it, of any size."""
    look: Look | None = None
    """None is as it is."""


class Room(NamedTuple):
    """Memory in which chips are cut, one after the other."""

    pixels: np.ndarray
    """(bands, size, size) float32."""
    first: np.ndarray
    """(2, size) uint32."""
    labels: np.ndarray
    """(size + 2, size + 2) int32, in a frame of pixels that are not known."""
    known: np.ndarray
    """(size, size) bool."""
    lines: np.ndarray
    """(LINES, size) float32."""
    tones: np.ndarray
    """(2, bands) float32."""
    borders: np.ndarray
    """(2, size + 2, size + 2) uint8."""

    @classmethod
    def of(cls, bands: int, size: int) -> Room:
        """Make room for chips of a size."""
        known = np.empty((size, size), bool)
        return cls(
            np.empty((bands, size, size), np.float32), np.empty((2, size), np.uint32),
            targets.framed(known), known, np.empty((LINES, size), np.float32),
            np.empty((2, bands), np.float32), targets.room_for(known.shape),
        )


KINDS = ("uint8", "uint16", "int16", "float32")
"""Of pixels that are cut as they are; others become float32 first."""


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

    def cut(self, cuts: Sequence[Cut]) -> Batch:
        """Cut chips from square windows; any size is resampled."""
        n, size, bands = len(cuts), self.chip, len(self.bands)
        batch = Batch(*(torch.empty((n, count, size, size)) for count in (bands, 2, 1)))
        ranges = np.array([(one.low, one.high) for one in self.bands], np.float32)
        room = Room.of(bands, size)
        for cut, *places in zip(cuts, *(part.numpy() for part in batch.parts()), strict=True):
            self._cut(cut, ranges, room, *places)
        return batch

    def _cut(
        self, cut: Cut, ranges: np.ndarray, room: Room,
        pixels: np.ndarray, target: np.ndarray, valid: np.ndarray,
    ) -> None:
        """Cut a chip into its place in a batch."""
        source, look = cut.source, cut.look or plain(len(self.bands))
        raw, labels, good = source.read(cut.window)
        kind = raw.dtype.name if raw.dtype.name in KINDS else "float32"
        raw, good = np.ascontiguousarray(raw, kind), np.ascontiguousarray(good)
        labels = np.ascontiguousarray(labels, np.int32)
        resampling = resample.room_for(len(good), self.chip)
        resample.resample(raw, good, ranges, look.turn, resampling, room.pixels)
        resample.nearest(labels, good, look.turn, room.first, room.labels, room.known)
        relight(room.pixels, room.known, look, room.lines, room.tones, pixels)
        times = growths(self._width(source, cut.window))
        find_targets(room.labels, room.known, times, room.borders, target, valid)

    def _width(self, source: Source, window: Window) -> float:
        if not self.in_metres:
            return self.boundary_width
        return self.boundary_width / (source.resolution * window.width / self.chip)


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
        return self.cutter.cut([self._one(self.areas[index], random) for index in chosen])

    def _one(self, area: Area, random: np.random.Generator) -> Cut:
        zoom = math.exp(random.uniform(*map(math.log, self.zoom)))
        room = area.window
        side = min(round(self.cutter.chip / zoom), room.width, room.height)
        col = room.col_off + int(random.integers(room.width - side + 1))
        row = room.row_off + int(random.integers(room.height - side + 1))
        return Cut(area.source, Window(col, row, side, side), draw(random, len(self.cutter.bands)))


def _draws(area: Area) -> float:
    """How often an area is drawn, relative to the others."""
    return area.window.width * area.window.height * area.source.weight
