"""Score ways from probabilities to parcels, all on the same predictions of places never trained on.

    python tests/benchmarks/bench_instances.py [--model parcels-aerial] [--place denmark]

Places are those of bench_model.py. F1 and PQ at IoU 0.5 over labels, before lines are drawn; no way
may keep a piece smaller than the model's least area. scikit-image's ways run where it is installed,
each with the best of some settings ON THESE PLACES, which flatters them. "ftw rule" is what
ftw-tools' polygonize does with the classes: connected pieces of the class field, cut every 2048
pixels.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import bench_model
import numpy as np
import rasterio
import rasterio.features

import geoseg
from geoseg.evaluation import count_parcels, overlaps_of_labels, parcel_scores
from geoseg.raster import MaskReader
from geoseg.spec import ModelSpec
from geoseg.tools.parcels import LineChoice, label_options
from geoseg.vectorizer import LabelOptions, label


def connected(mask: np.ndarray) -> np.ndarray:
    """Label the 4-connected pieces of a mask, by polygons that are burned back."""
    shapes = rasterio.features.shapes(mask.astype(np.uint8), mask=mask, connectivity=4)
    numbered = [(shape, n + 1) for n, (shape, _) in enumerate(shapes)]
    return rasterio.features.rasterize(numbered, mask.shape, dtype=np.int32) if numbered else (
        np.zeros(mask.shape, np.int32)
    )


def large(labels: np.ndarray, least: float) -> np.ndarray:
    """Drop the labels of fewer pixels."""
    return np.where(np.bincount(labels.ravel())[labels] >= least, labels, 0)


def ftw_rule(bands: np.ndarray, options: LabelOptions) -> np.ndarray:
    """Connected pieces of the pixels that are more field than boundary or background."""
    parcel, boundary = bands.astype(int)
    field = (parcel > boundary) & (parcel > 254 - parcel - boundary)
    out = np.zeros(field.shape, np.int32)
    for row in range(0, field.shape[0], 2048):
        for col in range(0, field.shape[1], 2048):
            part = np.s_[row : row + 2048, col : col + 2048]
            found = connected(field[part])
            out[part] = np.where(found > 0, found + out.max(), 0)
    return large(out, options.min_area_pixels)


def skimage_distance(threshold: float, height: float) -> Callable:
    """Make a way of scikit-image's watershed from peaks of the distance to borders."""
    from scipy import ndimage
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    def way(bands: np.ndarray, options: LabelOptions) -> np.ndarray:
        parcel, boundary = bands / 254.0
        inside = (parcel >= options.parcel) & (boundary < threshold)
        distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(inside), 1.0)
        markers = ndimage.label(h_maxima(distance, height))[0]
        ground = (parcel + boundary) >= options.parcel
        return large(watershed(8 * boundary - distance, markers, mask=ground),
                     options.min_area_pixels)

    return way


def skimage_minima(height: float) -> Callable:
    """Make a way of scikit-image's watershed from h-minima of the boundary probability."""
    from scipy import ndimage
    from skimage.morphology import h_minima
    from skimage.segmentation import watershed

    def way(bands: np.ndarray, options: LabelOptions) -> np.ndarray:
        parcel, boundary = bands / 254.0
        smooth = ndimage.gaussian_filter(boundary, 1.0)
        ground = (parcel + boundary) >= options.parcel
        markers = ndimage.label(h_minima(smooth, height))[0]
        return large(watershed(smooth, markers, mask=ground), options.min_area_pixels)

    return way


class Strips:
    """An array as a strip source."""

    def __init__(self, bands: np.ndarray) -> None:
        self.bands, self.shape = bands, bands.shape[1:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give the rows [row_start, row_stop)."""
        return self.bands[:, row_start:row_stop]


def ours(method: str) -> Callable:
    """Make a way of geoseg's labels, with the model's own thresholds."""
    return lambda bands, options: np.maximum(
        label(Strips(bands), options=replace(options, method=method)).read(0, bands.shape[1]), 0
    )


def ways() -> dict[str, Callable]:
    """Give the ways that can run here."""
    found = {"basins (default)": ours("basins"), "components": ours("components"),
             "ftw rule": ftw_rule}
    if importlib.util.find_spec("skimage") is not None:
        for height in (0.05, 0.1, 0.2):
            found[f"skimage h-minima {height}"] = skimage_minima(height)
        for threshold in (0.2, 0.4):
            for height in (1.0, 3.0):
                found[f"skimage distance {threshold} {height}"] = skimage_distance(
                    threshold, height
                )
    return found


def truth_of(path: Path, grid: geoseg.grid.GeoBox) -> np.ndarray:
    """Read true labels, or burn true polygons."""
    if path.suffix == ".png":
        with rasterio.open(path) as source:
            return source.read(1).astype(np.int32)
    import geopandas

    frame = geopandas.read_file(path).to_crs(grid.crs)
    shapes = [(shape, n + 1) for n, shape in enumerate(frame.geometry)]
    return rasterio.features.rasterize(
        shapes, grid.shape, transform=grid.transform, dtype=np.int32
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="parcels-aerial")
    parser.add_argument("--place", default="", help="only places whose names begin so")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(chosen.model, chosen.place, Path(folder))


def compare(model: str, wanted: str, folder: Path) -> None:
    """Print the scores of every way on what a model predicts; masks go to a folder."""
    for place, scenes in bench_model.pairs(wanted).items():
        counts: dict[str, list] = {name: [] for name in ways()}
        for scene, truth in scenes:
            stored = folder / f"{scene.stem}.tif"
            geoseg.predict(scene, stored, model=model)
            with MaskReader(stored) as mask:
                bands, grid = mask.read(0, mask.shape[0]), mask.geobox
                spec = ModelSpec.from_json(mask.tags["GEOSEG_SPEC"])
            options = label_options(grid, spec.instances, LineChoice())
            true = truth_of(truth, grid)
            for name, way in ways().items():
                counts[name].append(count_parcels(overlaps_of_labels(true, way(bands, options))))
        print(f"\n{place}\n{'':28}      F1      PQ")
        for name, parts in counts.items():
            total = parts[0]
            for one in parts[1:]:
                total = total + one
            made = parcel_scores(asdict(total))
            print(f"{name:28}{made['parcel_f1']:8.3f}{made['panoptic_quality']:8.3f}", flush=True)


if __name__ == "__main__":
    main()
