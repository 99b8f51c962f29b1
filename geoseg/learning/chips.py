"""Chips: training samples cut on the fly from scenes with labels, never twice the same.

A *chip* is a square of scaled pixels with its targets, for example 256 x 256. The targets are two
bands: `parcel` (inside a parcel, off its border) and `boundary` (near a change of label).
A batch is a pure function of the seed and its number, so a resumed run sees the same chips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

import numpy as np
import torch

from geoseg.grid import Window
from geoseg.kernels.compiled import kernel
from geoseg.kernels.machine_code import Packed
from geoseg.learning.augment import Look, draw, plain
from geoseg.learning.cutting.light import relight
from geoseg.learning.cutting.rasters import raster_of, readable
from geoseg.learning.cutting.resample import resample, take_nearest
from geoseg.learning.cutting.room import make_room
from geoseg.learning.cutting.targets import find_targets, growths
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


@dataclass(frozen=True, slots=True)
class Cut:
    """What becomes a chip."""

    source: Source
    """The scene."""
    window: Window
    """A square in it, of any size."""
    look: Look | None = None
    """None is as it is."""


@kernel
def make_chip(image, labels, valid, side, look, growths, number, ranges, room):
    """Make a chip of a square: its pixels and its targets.

    Args:
        image: raster of (bands, side, side), raw.
        labels: raster of (side, side) int32.
        valid: raster of (side, side) bool.
        side: of the square.
        look: as in `augment`.
        growths: how often borders grow by a pixel.
        number: of the chip in the batch.
        ranges: (bands, 2) float32, the raw values that become 0 and 1.
        room: that is filled.
    """
    resample(image, valid, side, ranges, look.turn, number, room)
    take_nearest(labels, valid, side, look.turn, room)
    relight(room.pixels[number], look, room)
    find_targets(
        room.labels, room.known, growths, room.borders, room.target[number], room.valid[number]
    )


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

    def cut(self, cuts: Sequence[Cut], *, pinned: bool = False) -> Batch:
        """Cut chips from square windows; any size is resampled. Pinned: where a GPU reads them."""
        shapes = [(len(cuts), n, self.chip, self.chip) for n in (len(self.bands), 2, 1)]
        batch = Batch(*(torch.empty(one, pin_memory=pinned) for one in shapes))
        ranges = Packed(np.array([(one.low, one.high) for one in self.bands], np.float32))
        side = max(cut.window.width for cut in cuts)
        room = Packed(make_room(*(part.numpy() for part in batch.parts()), side))
        for number, cut in enumerate(cuts):
            self._cut(cut, number, ranges, room)
        return batch

    def _cut(self, cut: Cut, number: int, ranges: Packed, room: Packed) -> None:
        """Cut a chip into its place in a batch."""
        look, side = cut.look or plain(len(self.bands)), cut.window.width
        image, labels, valid = cut.source.read(cut.window)
        assert image.shape == (len(self.bands), side, side), image.shape  # kernels trust it
        assert labels.shape == valid.shape == (side, side), (labels.shape, valid.shape)
        labels = labels.astype(np.int32, copy=False)
        arrays = [readable(one) for one in (image, labels, valid)]
        times = growths(self._width(cut))
        make_chip(*map(raster_of, arrays), side, look, times, number, ranges, room)

    def _width(self, cut: Cut) -> float:
        if not self.in_metres:
            return self.boundary_width
        return self.boundary_width / (cut.source.resolution * cut.window.width / self.chip)


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
    pinned: bool = False
    """True to cut into memory that a GPU reads by itself; needs a CUDA device."""

    def __call__(self, step: int) -> Batch:
        """Draw batch number `step`; the same number gives the same batch."""
        random = Random(f"{self.seed} {step}")
        chosen = random.choices(self.areas, [_draws(area) for area in self.areas], k=self.batch)
        cuts = [self._one(area, random) for area in chosen]
        return self.cutter.cut(cuts, pinned=self.pinned)

    def _one(self, area: Area, random: Random) -> Cut:
        zoom = math.exp(random.uniform(*map(math.log, self.zoom)))
        room = area.window
        side = min(round(self.cutter.chip / zoom), room.width, room.height)
        col = room.col_off + random.randint(0, room.width - side)
        row = room.row_off + random.randint(0, room.height - side)
        return Cut(area.source, Window(col, row, side, side), draw(random, len(self.cutter.bands)))


def _draws(area: Area) -> float:
    """How often an area is drawn, relative to the others."""
    return area.window.width * area.window.height * area.source.weight
