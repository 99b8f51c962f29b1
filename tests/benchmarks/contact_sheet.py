"""Make docs/images/parcels.jpg: held-out aerials beside their parcels, true and found.

    python tests/benchmarks/contact_sheet.py [PICTURE] [--out FOLDER]

A row is one of the six aerials of bench_model.py (USDA NAIP, public domain), a column one way from
the same probabilities to parcels, as bench_instances.py scores it; a found parcel is yellow where
it matches a true one at an IoU above 0.5, else red. The folder keeps the probabilities. Needs
scikit-image and Pillow.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

import bench_model
import numpy as np
import rasterio.features
from bench_instances import ours, skimage_distance, truth_of
from PIL import Image, ImageDraw

import geoseg
from geoseg.evaluation import count_parcels, overlaps_of_labels, parcel_scores
from geoseg.evaluation.matching import HALF
from geoseg.raster import MaskReader
from geoseg.spec import ModelSpec
from geoseg.tools.parcels import LineChoice, label_options

AERIALS = (1, 2, 3, 4)
"""Places in the list: a suburb, a town's edge, large fields, small fields."""
SIDE, GAP, HEAD = 230, 4, 14
"""Pixels of a panel, between panels, and of the words above it."""
FINE = 2
"""Panels are drawn this much larger, then reduced."""
YELLOW, RED = (255, 225, 0), (255, 45, 45)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as source:
        return np.moveaxis(source.read((1, 2, 3)), 0, -1)


def matched(true: np.ndarray, found: np.ndarray) -> set[int]:
    """Give the found parcels that match a true one."""
    overlaps = overlaps_of_labels(true, found)
    ones, others = overlaps.pairs.T
    areas = [np.bincount(labels.ravel()) for labels in (true, found)]
    both = areas[0][ones] + areas[1][others] - overlaps.common
    return set(others[overlaps.common > HALF * both].tolist())


def panel(scene: np.ndarray, labels: np.ndarray | None, good: set[int], words: str) -> Image.Image:
    """Draw the outlines of labels over a scene, the words above it."""
    size = FINE * SIDE
    picture = Image.fromarray(scene).resize((size, size), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    shapes = [] if labels is None else rasterio.features.shapes(labels, mask=labels > 0)
    for shape, value in shapes:
        for ring in shape["coordinates"]:
            line = (np.array(ring) * size / len(scene)).ravel().tolist()
            draw.line(line, fill=YELLOW if int(value) in good else RED, width=3)
    whole = Image.new("RGB", (SIDE, SIDE + HEAD), "white")
    whole.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (0, HEAD))
    ImageDraw.Draw(whole).text((2, 1), words, fill="black")
    return whole


def row(scene: Path, truth: Path, stored: Path) -> list[Image.Image]:
    """Draw the panels of one aerial."""
    if not stored.exists():
        geoseg.predict(scene, stored)
    with MaskReader(stored) as mask:
        bands, grid = mask.read(0, mask.shape[0]), mask.geobox
        options = label_options(
            grid, ModelSpec.from_json(mask.tags["GEOSEG_SPEC"]).instances, LineChoice()
        )
    image, true = read(scene), truth_of(truth, grid)
    everything = set(range(1, int(true.max()) + 1))
    panels = [panel(image, None, set(), "scene"),
              panel(image, true, everything, f"drawn by hand: {len(everything)}")]
    for name, way in (("components", ours("components")),
                      ("watershed of distances", skimage_distance(0.4, 3.0)),
                      ("geoseg", ours("basins"))):
        found = np.asarray(way(bands, options), np.int32)
        counts = count_parcels(overlaps_of_labels(true, found))
        score = parcel_scores(asdict(counts))["parcel_f1"]
        panels.append(panel(image, found, matched(true, found), f"{name}: F1 {score:.2f}"))
    return panels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", nargs="?", type=Path,
                        default=bench_model.ROOT / "docs" / "images" / "parcels.jpg")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "instances")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    places = bench_model.pairs()["naip, 6 aerials"]
    rows = [row(*places[n], chosen.out / f"{places[n][0].stem}.tif") for n in AERIALS]
    across, down = SIDE + GAP, SIDE + HEAD + GAP
    sheet = Image.new("RGB", (across * len(rows[0]) - GAP, down * len(rows) - GAP), "white")
    for number, panels in enumerate(rows):
        for place, one in enumerate(panels):
            sheet.paste(one, (place * across, number * down))
    sheet.save(chosen.picture, quality=72)
    print(f"{chosen.picture}: {chosen.picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
