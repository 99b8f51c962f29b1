"""Compare the borders of parcels with true ones: the boundary F of the cadastral papers.

A border pixel has a neighbour to its right or below with another label. Precision is the share of
predicted border pixels within `REACH` of a true one, recall the converse.

Source: Heipke et al., Evaluation of automatic road extraction, 1997 (completeness, correctness);
buffer of 2 pixels as Anaraki et al., arXiv 2502.11044, 2025.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geoseg.confusion import ratio
from geoseg.grid import Window
from geoseg.raster import Scene, rasterize
from geoseg.vector import read_polygons

REACH = 2.0
"""Pixels between centres."""


@dataclass(frozen=True, slots=True)
class BorderCounts:
    """Border pixels; those of several scenes add up."""

    predicted: int = 0
    right: int = 0
    true: int = 0
    found: int = 0

    def __add__(self, other: "BorderCounts") -> "BorderCounts":
        return BorderCounts(
            self.predicted + other.predicted, self.right + other.right,
            self.true + other.true, self.found + other.found,
        )

    @property
    def f1(self) -> float:
        """Give the harmonic mean of precision and recall."""
        precision, recall = ratio(self.right, self.predicted), ratio(self.found, self.true)
        return ratio(2 * precision * recall, precision + recall)


def compare_borders(parcels: Path, truth: Path) -> BorderCounts:
    """Count the border pixels of parcels, and of the label raster that is their truth."""
    with Scene(truth) as labels:
        box = labels.geobox
        true = labels.read(Window(0, 0, box.width, box.height), (1,))[0][0]
        found = rasterize(read_polygons(parcels, crs=box.crs), box)
    return count_borders(true, found)


def count_borders(true: np.ndarray, found: np.ndarray) -> BorderCounts:
    """Count the border pixels of two label rasters, (rows, cols)."""
    real, drawn = border(true), border(found)
    right, hit = drawn & near(real), real & near(drawn)
    return BorderCounts(*(int(one.sum()) for one in (drawn, right, real, hit)))


def border(labels: np.ndarray) -> np.ndarray:
    """Mark the pixels left of or above a change of label."""
    marked = np.zeros(labels.shape, bool)
    marked[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    marked[:-1] |= labels[:-1] != labels[1:]
    return marked


def near(marked: np.ndarray) -> np.ndarray:
    """Mark the pixels within `REACH` of a marked one."""
    reach = int(REACH)
    rows, cols = marked.shape
    padded = np.pad(marked, reach)
    shifts = range(2 * reach + 1)
    return np.logical_or.reduce([
        padded[down : down + rows, right : right + cols]
        for down in shifts for right in shifts if np.hypot(down - reach, right - reach) <= REACH
    ])
