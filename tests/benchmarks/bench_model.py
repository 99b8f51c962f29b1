"""Score a model on places that training never saw: pixel IoU, and parcels matched at IoU 0.5.

    python tests/benchmarks/bench_model.py [MODEL] [--place denmark] [--instances basins|components]
        [--precision fp32|bf16|fp16] [--out FOLDER]

The real imagery is found in the folder that GEOSEG_DATA names. Its six aerials are named below;
they are in neither the training nor the validation list of the bundled model (docs/models).
Counts are added over images, then divided; the spread is the standard deviation of the images.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import geoseg
from geoseg.tools.evaluate_result import EvaluateResult

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GEOSEG_DATA", ROOT.parent / "shared" / "data"))
TEST = (
    "39.6679328199836--95.4287818841267", "41.186372--88.187202",
    "41.8049052687692--89.9462267030189", "43.0237255888202--95.8220672607422",
    "43.7839925305993--92.4227786633144", "45.3400283876709--93.7965417477249",
)
COLUMNS = (
    "pixel_iou", "parcel_precision", "parcel_recall", "parcel_f1", "panoptic_quality",
    "boundary_f_2", "over_segmentation", "under_segmentation",
)
"""`boundary_f_2` is at the second distance: 2 pixels for a scene without a place, else 2 m."""


def pairs(place: str = "") -> dict[str, list[tuple[Path, Path]]]:
    """Give scenes and their truths by place; of the places whose names begin so."""
    naip, denmark = DATA / "parcels_naip", DATA / "parcels_denmark_s2"
    sample = ROOT / "sample_data"
    every = {
        "naip, 6 aerials": [
            (naip / "images" / f"{name}.png", naip / "instances" / f"{name}.png") for name in TEST
        ],
        "denmark, 10 m": [(denmark / "RGB_small.tif", denmark / "marker2016_small.shp")],
        "sample scene": [(sample / "scene.tif", sample / "parcels.gpkg")],
    }
    return {name: scenes for name, scenes in every.items() if name.startswith(place)}


def score(scene: Path, truth: Path, out: Path, **options: str) -> EvaluateResult:
    """Vectorize one scene and compare it with its truth."""
    made = geoseg.vectorize(scene, out, overwrite=True, **options)
    return geoseg.evaluate(made.path, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="parcels-aerial")
    parser.add_argument("--place", default="", help="only places whose names begin so")
    parser.add_argument("--instances", default="basins")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "bench_model")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    print(f"{'':18}" + "".join(f"{name.replace('_', ' '):>20}" for name in COLUMNS))
    for place, scenes in pairs(chosen.place).items():
        total, each = None, []
        for scene, truth in scenes:
            out = chosen.out / f"{scene.stem}.gpkg"
            one = score(scene, truth, out, model=chosen.model, instances=chosen.instances,
                        precision=chosen.precision)
            total = one if total is None else total + one
            each.append(one.scores)
        print(f"{place:18}" + "".join(f"{total.scores[name]:20.3f}" for name in COLUMNS))
        if len(each) > 1:
            spread = [statistics.stdev(one[name] for one in each) for name in COLUMNS]
            print(f"{'  spread':18}" + "".join(f"{value:20.3f}" for value in spread), flush=True)


if __name__ == "__main__":
    main()
