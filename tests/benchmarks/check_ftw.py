"""Run the public evaluation code of Fields of The World beside geoseg's, on the same masks.

    git clone https://github.com/fieldsoftheworld/ftw-baselines
    python tests/benchmarks/check_ftw.py ftw-baselines/ftw_tools/training/metrics.py

Masks are those of the six held-out aerials: a pixel is field (1) inside a parcel, not on its
border; FTW's fields are the 4-connected pieces of that. The predicted masks are the true ones with
fields that were eaten into, cut, joined and invented. Exits with 1 where one count differs.
"""

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
from bench_model import pairs

import geoseg
from geoseg.tools.evaluate_result import EvaluateResult


def fields(labels: np.ndarray) -> np.ndarray:
    """Give 1 inside parcels, 0 on their borders and outside."""
    inside = labels > 0
    for axis in (0, 1):
        for step in (1, -1):
            inside &= np.roll(labels, step, axis) == labels
    return inside.astype(np.uint8)


def disturbed(mask: np.ndarray, seed: int) -> np.ndarray:
    """Shift, cut, join and invent fields."""
    rng = np.random.default_rng(seed)
    made = np.roll(mask, rng.integers(-9, 10, 2), (0, 1))
    for _ in range(40):
        row, col = rng.integers(0, made.shape[0] - 90, 2)
        height, width = rng.choice([2, 4, 60, 90], 2)
        made[row : row + height, col : col + width] = rng.integers(0, 2)
    return made


def write_pieces(path: Path, mask: np.ndarray) -> None:
    """Write a label for each 4-connected piece of a mask."""
    shapes = [shape for shape, value in rasterio.features.shapes(mask) if value == 1]
    labels = np.zeros(mask.shape, np.int32)
    if shapes:
        numbered = [(shape, i + 1) for i, shape in enumerate(shapes)]
        labels = rasterio.features.rasterize(numbered, out_shape=mask.shape, dtype="int32")
    options = {"driver": "GTiff", "count": 1, "height": mask.shape[0], "width": mask.shape[1]}
    with rasterio.open(path, "w", dtype="int32", **options) as target:
        target.write(labels, 1)


def ours(true: np.ndarray, found: np.ndarray) -> EvaluateResult:
    with tempfile.TemporaryDirectory() as work:
        paths = Path(work) / "found.tif", Path(work) / "true.tif"
        for path, mask in zip(paths, (found, true)):
            write_pieces(path, mask)
        return geoseg.evaluate(*paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics", type=Path, help="ftw_tools/training/metrics.py")
    spec = importlib.util.spec_from_file_location("ftw_metrics", parser.parse_args().metrics)
    ftw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ftw)
    differs = False
    for number, (_, labels) in enumerate(pairs()["naip, 6 aerials"]):
        with rasterio.open(labels) as source:
            true = fields(source.read(1))
        found = disturbed(true, number)
        theirs = ftw.get_object_level_metrics(true, found, iou_threshold=0.5)
        made = ours(true, found)
        counts = made.parcels
        own = (counts.matched, counts.predicted - counts.matched, counts.truth - counts.matched)
        iou = (true & found).sum() / (true | found).sum()
        same = own == theirs and abs(made.scores["pixel_iou"] - iou) < 1e-9
        differs |= not same
        print(f"{labels.stem[:24]:26} FTW (TP, FP, FN) {theirs}   geoseg {own}   pixel IoU "
              f"{iou:.6f} and {made.scores['pixel_iou']:.6f}   {'same' if same else 'DIFFERS'}")
    sys.exit(differs)


if __name__ == "__main__":
    main()
