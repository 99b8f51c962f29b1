"""Colour the ground: crops with their rows, grass, roads, water, and smooth noise to vary them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LATTICE = 512
"""Side of the lattice of random values that all noise is read from."""


@dataclass(frozen=True, slots=True)
class Surface:
    """How one kind of ground looks; colours are red, green, blue of 0 to 255."""

    colour: tuple[int, int, int]
    """Where it grows well."""
    second: tuple[int, int, int]
    """Where it does not: thin, wet or dry."""
    patches: float = 0.35
    """Share of the second colour in patches."""
    streaks: float = 0.05
    """Contrast of the long streaks that machines leave."""
    row: float = 0.0
    """Metres from row to row, 0 for none."""
    row_contrast: float = 0.0
    """Contrast of the rows."""
    tramline: float = 0.0
    """Metres from wheel track to wheel track, 0 for none."""
    speckle: float = 0.05
    """Contrast from clod to clod."""


CROPS = {
    "cereal": Surface((92, 122, 72), (140, 142, 98), 0.3, 0.05, tramline=24.0),
    "ripe cereal": Surface((176, 160, 112), (150, 138, 96), 0.4, 0.05, tramline=24.0),
    "maize": Surface((70, 103, 62), (104, 124, 78), 0.35, 0.06, 1.5, 0.10),
    "soya": Surface((84, 126, 72), (146, 144, 104), 0.4, 0.06, 0.9, 0.05),
    "soil": Surface((158, 146, 126), (122, 110, 94), 0.7, 0.06, speckle=0.05),
    "plough": Surface((124, 110, 94), (148, 134, 114), 0.6, 0.09, 3.0, 0.04, speckle=0.08),
    "stubble": Surface((186, 170, 128), (154, 142, 104), 0.4, 0.10, 5.5, 0.05),
    "meadow": Surface((104, 128, 72), (142, 142, 92), 0.7, 0.02, speckle=0.09),
    "hay": Surface((140, 154, 98), (168, 166, 112), 0.4, 0.07, 7.0, 0.07),
    "rape": Surface((154, 154, 94), (126, 138, 80), 0.4, 0.04, tramline=24.0),
    "beet": Surface((84, 122, 62), (120, 128, 80), 0.35, 0.07, 2.7, 0.08),
    "vine": Surface((112, 122, 78), (158, 142, 108), 0.4, 0.05, 2.4, 0.26),
    "orchard": Surface((116, 130, 80), (144, 142, 96), 0.5, 0.03, speckle=0.08),
}
"""What grows in fields."""
SEASONS = {
    "spring": {"cereal": 6, "soil": 4, "plough": 2, "meadow": 4, "rape": 2, "maize": 0.5},
    "early summer": {"cereal": 5, "maize": 4, "soya": 3, "meadow": 3, "hay": 2, "beet": 2,
                     "soil": 1.5, "ripe cereal": 1},
    "high summer": {"ripe cereal": 4, "stubble": 4, "maize": 5, "soya": 3, "meadow": 3, "hay": 2,
                    "beet": 2, "soil": 1},
    "autumn": {"stubble": 4, "soil": 4, "plough": 4, "maize": 2, "meadow": 3, "cereal": 3,
               "beet": 1},
}
"""Weights of the crops by season."""
OTHERS = {
    "rough": Surface((104, 116, 72), (134, 130, 92), 0.8, 0.0, speckle=0.14),
    "wood": Surface((56, 72, 44), (74, 86, 52), 0.6, 0.0, speckle=0.15),
    "farm": Surface((114, 126, 82), (168, 156, 132), 0.8, 0.0, speckle=0.10),
    "yard": Surface((184, 176, 158), (158, 150, 130), 0.6, 0.0, speckle=0.06),
    "pond": Surface((58, 72, 66), (70, 82, 72), 0.5, 0.0, speckle=0.02),
    "verge": Surface((120, 134, 82), (148, 146, 100), 0.7, 0.0, speckle=0.11),
    "grass": Surface((110, 130, 74), (146, 146, 98), 0.7, 0.0, speckle=0.10),
    "furrow": Surface((106, 108, 76), (134, 124, 92), 0.7, 0.0, speckle=0.10),
    "asphalt": Surface((150, 148, 144), (138, 136, 132), 0.5, 0.0, speckle=0.03),
    "gravel": Surface((196, 188, 172), (180, 168, 148), 0.5, 0.0, speckle=0.05),
    "dirt": Surface((168, 152, 122), (148, 138, 102), 0.6, 0.0, speckle=0.07),
    "water": Surface((66, 78, 68), (84, 92, 74), 0.5, 0.0, speckle=0.04),
    "bank": Surface((92, 112, 64), (122, 128, 80), 0.8, 0.0, speckle=0.14),
}
"""Ground that is no field."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Smooth noise of about -1 to 1, a function of the place alone."""

    lattice: np.ndarray
    """(LATTICE, LATTICE) float32 of -1 to 1."""

    def grid(self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float) -> np.ndarray:
        """Give noise on a grid of columns `x` and rows `y`, in metres: (len(y), len(x))."""
        col, col_share = _cell(x, wavelength, offset)
        row, row_share = _cell(y, wavelength, offset * 1.7)
        right = (col + 1) % LATTICE
        lines = self.lattice[:, col] * (1 - col_share) + self.lattice[:, right] * col_share
        row_share = row_share[:, None]
        return lines[row] * (1 - row_share) + lines[(row + 1) % LATTICE] * row_share

    def points(self, x: np.ndarray, y: np.ndarray, offset: float) -> np.ndarray:
        """Give noise at any places, in units of the wavelength."""
        flat = self.lattice.ravel()
        col, col_share = _cell(x, 1.0, offset)
        row, row_share = _cell(y, 1.0, offset * 1.7)
        right, below = (col + 1) % LATTICE, (row + 1) % LATTICE * LATTICE
        row = row * LATTICE
        above = flat[row + col] * (1 - col_share) + flat[row + right] * col_share
        under = flat[below + col] * (1 - col_share) + flat[below + right] * col_share
        return above * (1 - row_share) + under * row_share

    def fractal(self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float) -> np.ndarray:
        """Add four octaves, each turned against the last: clouds without a grid."""
        step = max(1, int(wavelength / 64 / abs(float(x[1] - x[0]))))
        if step > 1:
            return self._enlarged(x, y, wavelength, offset, step)
        return self._octaves(x, y, wavelength, offset)

    def _octaves(self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float) -> np.ndarray:
        """Add the octaves of `fractal` at every place."""
        total = np.zeros((len(y), len(x)), np.float32)
        for octave in range(4):
            scale = wavelength / 2.03**octave
            angle = 0.6 + 1.1 * octave
            across = (x[None, :] * np.cos(angle) + y[:, None] * np.sin(angle)) / scale
            down = (y[:, None] * np.cos(angle) - x[None, :] * np.sin(angle)) / scale
            total += self.points(across, down, offset + 31 * octave) * np.float32(0.62**octave)
        return total

    def _enlarged(
        self, x: np.ndarray, y: np.ndarray, wavelength: float, offset: float, step: int
    ) -> np.ndarray:
        """Make fractal noise at every `step`-th place, and draw straight lines between."""
        pixel = (x[1] - x[0]) * step
        col, row = np.floor(x[[0, -1]] / pixel), np.floor(y[[0, -1]] / pixel)
        coarse_x = (np.arange(col[0], col[1] + 3) * pixel).astype(np.float32)
        coarse_y = (np.arange(row[0], row[1] + 3) * pixel).astype(np.float32)
        total = self._octaves(coarse_x, coarse_y, wavelength, offset)
        at, share = _between(x / pixel - col[0])
        total = total[:, at] * (1 - share) + total[:, at + 1] * share
        at, share = _between(y / pixel - row[0])
        return total[at] * (1 - share[:, None]) + total[at + 1] * share[:, None]


def _between(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part places into whole numbers and the share of the next."""
    floor = np.floor(place)
    return floor.astype(int), (place - floor).astype(np.float32)


def _cell(place: np.ndarray, wavelength: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Give the lattice cell of each place, and the smoothed share of the next cell."""
    scaled = place / np.float32(wavelength) + np.float32(offset)
    floor = np.floor(scaled)
    share = (scaled - floor).astype(np.float32)
    return floor.astype(np.int32) % LATTICE, share * share * (3 - 2 * share)


@dataclass(frozen=True, slots=True)
class Plots:
    """The look of every plot of ground as columns; row `i` belongs to the pixels with id `i`."""

    colour: np.ndarray
    """(n, 3) float32."""
    second: np.ndarray
    """(n, 3) float32."""
    values: np.ndarray
    """(n, 9) float32: patches, streaks, row, row contrast, tramline, speckle, phase, spots,
    angle."""


def make_plots(
    rng: np.random.Generator, surfaces: list[Surface], angles: list[float], groups: list[int]
) -> Plots:
    """Give each group of plots its own tint, and each plot the angle of its rows in radians."""
    n = max(groups) + 1
    colour = np.array([one.colour for one in surfaces], np.float32)
    second = np.array([one.second for one in surfaces], np.float32)
    light = rng.normal(1.0, 0.06, (n, 1)).astype(np.float32)
    tint = rng.normal(1.0, 0.013, (n, 3)).astype(np.float32)
    light, tint = light[groups], tint[groups]
    strength = rng.lognormal(0.0, 0.4, (n, 1))[groups]
    spots = rng.uniform(0.4, 1.7, n)[groups]
    look = [
        [one.patches, one.streaks, one.row, one.row_contrast, one.tramline, one.speckle]
        for one in surfaces
    ]
    values = np.array(look, float)
    values[:, [0, 1, 3]] *= np.clip(strength, 0.4, 1.9)
    values = np.column_stack([values, rng.uniform(0, 400, n)[groups], spots, angles])
    return Plots(colour * light * tint, second * light * tint, values.astype(np.float32))


def shade(
    plots: Plots, ids: np.ndarray, x: np.ndarray, y: np.ndarray, noise: Noise, pixel: float
) -> np.ndarray:
    """Colour a piece of ground.

    Args:
        plots: looks.
        ids: (rows, cols) plot of each pixel.
        x: (cols,) metres.
        y: (rows,) metres.
        noise: source of all variation.
        pixel: metres; finer detail is left out.

    Returns:
        (rows, cols, 3) float32.
    """
    patches, streaks, row, contrast, tramline, speckle, phase, spots = (
        plots.values[:, k][ids] for k in range(8)
    )
    cosine, sine = np.cos(plots.values[:, 8])[ids], np.sin(plots.values[:, 8])[ids]
    along = x[None, :] * cosine + y[:, None] * sine
    across = y[:, None] * cosine - x[None, :] * sine + phase
    broad = noise.fractal(x, y, 150.0, 3.3) * 0.5 + noise.fractal(x, y, 41.0, 77.1) * 0.3
    own = noise.points((along + phase) / 70.0, across / 24.0, 11.0) * 0.35
    share = np.clip(0.35 + 0.75 * (broad + own), 0, 1.3) * patches
    share = np.clip(share + _spots(noise, x, y, spots) * (0.2 + 0.8 * patches), 0, 1)
    light = 1 + streaks * _streaks(noise, along, across, pixel)
    light += _rows(across, row, contrast, pixel) * (0.7 + 0.5 * broad)
    light -= 0.16 * _tramlines(across, tramline, pixel)
    fine = noise.grid(x, y, max(0.7, 1.3 * pixel), 5.0) + noise.grid(x, y, 2.9 + pixel, 59.0)
    light += speckle * (0.95 * fine + 0.7 * noise.fractal(x, y, 13.0, 51.0)) + 0.035 * broad
    picture = plots.colour[ids]
    picture += (plots.second[ids] - picture) * share[..., None]
    return picture * light[..., None]


def _spots(noise: Noise, x: np.ndarray, y: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Give wet or thin spots with soft edges, and winding gullies, 0 to 1."""
    clouds = noise.fractal(x, y, 75.0, 131.0)
    gullies = np.clip(1 - np.abs(noise.fractal(x, y, 190.0, 171.0)) / 0.025, 0, 1)
    return np.clip((clouds - least) * 2.4, 0, 1) + 0.3 * gullies * (least < 0.65)


def _streaks(noise: Noise, along: np.ndarray, across: np.ndarray, pixel: float) -> np.ndarray:
    """Give long thin streaks of several widths, as machines leave."""
    wide = noise.points(along / 260.0, across / 9.0, 41.0)
    narrow = noise.points(along / 70.0, across / max(1.9, 1.5 * pixel), 43.0)
    return 0.8 * wide + 0.7 * narrow


def _rows(across: np.ndarray, row: np.ndarray, contrast: np.ndarray, pixel: float) -> np.ndarray:
    """Give the rows of a crop, weaker as they come near the size of a pixel."""
    spacing = np.where(row > 0, row, 1.0)
    seen = np.clip(1.3 - 2.2 * pixel / spacing, 0, 1) * (row > 0)
    return np.sin(2 * np.pi * across / spacing) * contrast * seen


def _tramlines(across: np.ndarray, tramline: np.ndarray, pixel: float) -> np.ndarray:
    """Give the pair of wheel tracks that a sprayer leaves, 0 to 1."""
    spacing = np.where(tramline > 0, tramline, 1.0)
    off = np.abs(np.mod(across, spacing) - spacing / 2)
    reach = max(0.3, 0.6 * pixel)
    seen = min(1.0, 0.45 / pixel) * (tramline > 0)
    return np.clip(1.2 - np.abs(off - 0.95) / reach, 0, 1) * seen
