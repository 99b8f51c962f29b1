"""Score models on the six aerials that no training saw, as a satellite of 10 m would see them.

    python tests/benchmarks/bench_coarse.py [MODEL ...]

Each is made coarse four times (coarse_scenes.py), with a nominal pixel of 10 m, and read as the
model's range says. F1 and PQ at IoU 0.5 over labels, before lines are drawn, counts added.
"""

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

import geoseg
from bench_instances import ours
from bench_model import TEST
from coarse_scenes import Look, nearest
from train_parcels_satellite import aerials, make

from geoseg.evaluation import count_parcels, overlaps_of_labels, parcel_scores
from geoseg.raster import MaskReader
from geoseg.spec import ModelSpec
from geoseg.tools.parcels import LineChoice, label_options

LOOKS = (Look(3), Look(4), Look(5), Look(6.5))
"""How coarse."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["parcels-aerial", "parcels-satellite"])
    chosen = parser.parse_args()
    totals: dict[tuple[str, float], list] = {}
    with tempfile.TemporaryDirectory() as name:
        for number, sharp in enumerate(aerials(TEST)):
            for look, scene in zip(LOOKS, make(Path(name), sharp, LOOKS, 2000 + number)):
                for model in chosen.models:
                    stored = Path(name) / "mask.tif"
                    geoseg.predict(f"{scene}.tif", stored, model=model, overwrite=True)
                    with MaskReader(stored) as mask:
                        bands, grid = mask.read(0, mask.shape[0]), mask.geobox
                        spec = ModelSpec.from_json(mask.tags["GEOSEG_SPEC"])
                    options = label_options(grid, spec.instances, LineChoice())
                    overlaps = overlaps_of_labels(
                        nearest(sharp[2], grid.shape), ours("basins")(bands, options)
                    )
                    totals.setdefault((model, look.coarser), []).append(count_parcels(overlaps))
    for (model, coarser), parts in sorted(totals.items()):
        made = parcel_scores(asdict(sum(parts[1:], parts[0])))
        print(f"{model:20}{coarser:5g} times{made['parcel_f1']:8.3f}"
              f"{made['panoptic_quality']:8.3f}")


if __name__ == "__main__":
    main()
