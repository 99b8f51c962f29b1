"""Measure how well and how fast probabilities become parcels, on simulated cadastres.

    python tests/benchmarks/bench_label.py [quality|speed|all]

Quality: object F1 (IoU above 0.5) and PQ on simulated boundary maps with gaps, mean of two scenes
of 512 x 512, against connected components and, where scikit-image is installed, its marker
watershed. Speed: megapixels per CPU second on 4000 x 4000, one thread. The simulations need scipy.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geoseg.vectorizer import LabelOptions, label

SIDE = 512
"""Pixels per side of a simulated scene."""
SEEDS = (0, 1)
"""One scene each."""
SMALLEST = 30
"""Pixels; smaller pieces are not parcels, for every method."""


@dataclass(frozen=True, slots=True)
class Cadastre:
    """A family of simulated parcels and how badly their borders are seen."""

    gap: float = 0
    """Diameter of a gap, pixels."""
    share: float = 0
    """Share of the border's length that is erased."""
    noise: float = 0.05
    """Standard deviation of the noise, in logits / 12."""
    aspect: float = 1
    """Length by width of a parcel."""
    merged: float = 0
    """Share of cells that are joined with a neighbour, so that they are not convex."""


FAMILIES = {
    "compact": Cadastre(),
    "compact 6/10%": Cadastre(6, 0.10, 0.08),
    "compact 12/25%": Cadastre(12, 0.25, 0.10),
    "compact 20/40%": Cadastre(20, 0.40, 0.10),
    "long": Cadastre(aspect=4),
    "long 6/10%": Cadastre(6, 0.10, 0.08, aspect=4),
    "long 12/25%": Cadastre(12, 0.25, 0.10, aspect=4),
    "bent 6/10%": Cadastre(6, 0.10, 0.08, merged=0.3),
    "bent 12/25%": Cadastre(12, 0.25, 0.10, aspect=2, merged=0.3),
}
"""Gaps of so many pixels over so much of the border."""


class Strips:
    """A strip source over an array of (bands, rows, width)."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape = array.shape[1:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows."""
        return self.array[:, row_start:row_stop]


def cells(random: np.random.Generator, cadastre: Cadastre) -> np.ndarray:
    """Draw the cells of jittered points: (rows, cols) int labels from 1."""
    from scipy.spatial import cKDTree

    step = random.uniform(28, 40)
    grid = np.mgrid[-2 * step : 1.3 * SIDE + step : step, -2 * step : 1.3 * SIDE + step : step]
    points = grid.reshape(2, -1).T
    points = points + random.uniform(-0.35, 0.35, points.shape) * step
    rows, cols = np.mgrid[:SIDE, :SIDE]
    stretch = cadastre.aspect**0.5
    pixels = np.stack([rows.ravel() * stretch, cols.ravel() / stretch], 1)
    found = np.unique(cKDTree(points).query(pixels)[1], return_inverse=True)[1]
    return found.reshape(SIDE, SIDE) + 1


def join_cells(random: np.random.Generator, labels: np.ndarray, share: float) -> np.ndarray:
    """Join a share of the cells with a neighbour, each cell at most once."""
    sides = ((labels[:-1], labels[1:]), (labels[:, :-1], labels[:, 1:]))
    pairs = np.concatenate([np.stack([one[one != two], two[one != two]], 1) for one, two in sides])
    pairs, counts = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)
    names, used = np.arange(labels.max() + 1), set()
    for one, two in random.permutation(pairs[counts >= 12]):
        if len(used) < 2 * share * labels.max() and one not in used and two not in used:
            names[two] = one
            used |= {one, two}
    return np.unique(names[labels], return_inverse=True)[1].reshape(labels.shape) + 1


def border_pixels(labels: np.ndarray) -> np.ndarray:
    """Mark pixels whose right or lower neighbour is another parcel."""
    border = np.zeros(labels.shape, bool)
    border[:-1] |= labels[:-1] != labels[1:]
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return border


def seen(random: np.random.Generator, labels: np.ndarray, cadastre: Cadastre) -> np.ndarray:
    """Make the boundary probability that a network might give: gaps, fading, blur and noise."""
    from scipy import ndimage

    border = border_pixels(labels)
    rows, cols = np.nonzero(border)
    visible = np.ones(labels.shape, bool)
    if cadastre.gap:
        picked = random.choice(len(rows), int(cadastre.share * len(rows) / cadastre.gap), False)
        centres = np.ones(labels.shape, bool)
        centres[rows[picked], cols[picked]] = False
        visible = ndimage.distance_transform_edt(centres) > cadastre.gap / 2
    fading = 12 * ndimage.gaussian_filter(random.normal(0, 1, labels.shape), 12)
    line = ndimage.gaussian_filter((border & visible).astype(float), 1.0) / 0.42
    line = np.clip(line * np.clip(0.75 + 0.25 * fading, 0.35, 1), 0.01, 0.99)
    noise = 12 * cadastre.noise * ndimage.gaussian_filter(random.normal(0, 1, labels.shape), 1.2)
    return 1 / (1 + np.exp(-np.log(line / (1 - line)) - noise))


def simulate(cadastre: Cadastre, seed: int) -> tuple[np.ndarray, Strips]:
    """Give true labels and a boundary band."""
    random = np.random.default_rng(seed)
    labels = cells(random, cadastre)
    if cadastre.merged:
        labels = join_cells(random, labels, cadastre.merged)
    probability = seen(random, labels, cadastre)
    return labels, Strips(np.round(254 * probability).astype(np.uint8)[np.newaxis])


def score(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Give object F1 at an IoU above 0.5, and PQ; 0 in `found` is no parcel."""
    width = int(found.max()) + 1
    pairs = np.bincount(truth.ravel() * width + found.ravel(), minlength=width * (truth.max() + 1))
    shared = pairs.reshape(-1, width)[1:].astype(float)
    true_area, area = shared.sum(1), shared.sum(0)[1:]
    shared = shared[:, 1:][:, area >= SMALLEST]
    area = area[area >= SMALLEST]
    iou = shared / (true_area[:, None] + area[None] - shared)
    both = len(true_area) + len(area)
    return 2 * float((iou > 0.5).sum()) / both, 2 * float(iou[iou > 0.5].sum()) / both


def ours(**options) -> Callable[[Strips], np.ndarray]:
    """Make a method of our labels."""
    chosen = LabelOptions(min_area_pixels=SMALLEST, **options)
    return lambda source: label(source, options=chosen).read(0, source.shape[0])


def marker_watershed(height: float) -> Callable[[Strips], np.ndarray]:
    """Make a method of scikit-image's h-minima and watershed."""
    from scipy import ndimage
    from skimage.morphology import h_minima
    from skimage.segmentation import watershed

    def run(source: Strips) -> np.ndarray:
        smooth = ndimage.gaussian_filter(source.array[0] / 254.0, 1.0)
        return watershed(smooth, ndimage.label(h_minima(smooth, height))[0])

    return run


def distance_watershed(threshold: float, height: float) -> Callable[[Strips], np.ndarray]:
    """Make a method of scikit-image's watershed from peaks of the distance to borders."""
    from scipy import ndimage
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    def run(source: Strips) -> np.ndarray:
        probability = source.array[0] / 254.0
        distance = np.minimum(ndimage.distance_transform_edt(probability < threshold), 40)
        distance = ndimage.gaussian_filter(distance, 1.0)
        markers = ndimage.label(h_maxima(distance, height))[0]
        return watershed(8 * probability - distance, markers)

    return run


def methods() -> dict[str, Callable[[Strips], np.ndarray]]:
    """Give the methods that can run here."""
    known = {"components": ours(method="components")}
    if importlib.util.find_spec("skimage") is not None:
        known["skimage h-minima .1"] = marker_watershed(0.1)
        known["skimage distance, h 1"] = distance_watershed(0.3, 1.0)
    for merge in (0.25, 0.3, 0.35, 0.4):
        known[f"basins, merge {merge}, no neck"] = ours(merge=merge, neck=0.0)
        known[f"basins, merge {merge}"] = ours(merge=merge)
    return known


def quality() -> None:
    """Print F1 and PQ of every method on every family."""
    scenes = {name: [simulate(family, seed) for seed in SEEDS] for name, family in FAMILIES.items()}
    print(f"{'F1/PQ':26}", *[f"{name:>14}" for name in scenes], f"{'mean':>11}")
    for title, method in methods().items():
        scores = [
            np.mean([score(truth, method(source)) for truth, source in pair], axis=0)
            for pair in scenes.values()
        ]
        scores.append(np.mean(scores, axis=0))
        print(f"{title:26}", *[f"{f1:>9.3f}/{pq:.2f}" for f1, pq in scores], flush=True)


def speed(side: int = 4000) -> None:
    """Print megapixels per CPU second for a few options, beside a plain copy of the array."""
    truth, source = simulate(FAMILIES["compact 6/10%"], 0)
    tiles = -(-side // SIDE)
    noise = np.random.default_rng(0).integers(-3, 4, (1, side, side))
    large = np.tile(source.array, (1, tiles, tiles))[:, :side, :side] + noise
    large = np.clip(large, 0, 254).astype(np.uint8)
    label(source)
    runs: dict[str, Callable[[], object]] = {"copy": large.copy}
    for cap in (20, 40):
        options = LabelOptions(min_area_pixels=SMALLEST, distance_cap=cap)
        runs[f"label, cap {cap}"] = lambda options=options: label(Strips(large), options=options)
    options = LabelOptions(min_area_pixels=SMALLEST, method="components")
    runs["label, components"] = lambda: label(Strips(large), options=options)
    for title, run in runs.items():
        start = time.process_time()
        run()
        seconds = time.process_time() - start
        print(f"{title:20} {seconds:7.3f} s {large.size / 1e6 / seconds:9.1f} Mpx/s")


def main() -> None:
    """Run what the first argument names."""
    chosen = sys.argv[1] if len(sys.argv) > 1 else "all"
    if chosen in ("quality", "all"):
        quality()
    if chosen in ("speed", "all"):
        speed()


if __name__ == "__main__":
    main()
