"""Measure shards and their merge on simulated probabilities of a country, beside a single run.

    python tests/benchmarks/bench_scale.py --size 30000 --parcels 1000000 --shard-rows 4096
    python tests/benchmarks/bench_scale.py --size 10000 --parcels 100000 --shard-rows 1024 3000 9999

No network runs: what is measured is everything after it. A square of fields with roads between
their blocks is drawn once and repeated; borders are blurred and have gaps. Shards, merge and the
single run are processes of their own; a line gives each one's CPU seconds and peak memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyproj
from affine import Affine
from label_maps import field_map

from geoseg.grid import GeoBox
from geoseg.run.packed import pack
from geoseg.run.plan import label_strip
from geoseg.run.shards import Mosaic, ShardPlan, cut_rows
from geoseg.run.store import Folder
from geoseg.spec import Band, LabelClass, ModelSpec
from geoseg.tools.merge import merge
from geoseg.tools.parcels import LineChoice, label_options, write_probabilities

SQUARE = 3000
"""Pixels per side of what is repeated."""
CRS = pyproj.CRS("EPSG:32633").to_wkt()
SPEC = ModelSpec(
    name="simulated", bands=(Band("grey", 0, 255),), dtype="uint8",
    classes=(LabelClass(0, "parcel"), LabelClass(1, "boundary")), resolution=(0.5, 2.0),
    divisor=32, halo=96, architecture="none", width=1,
)


def draw_square(path: Path, parcels_per_pixel: float) -> None:
    """Draw probabilities of SQUARE x SQUARE pixels: parcel and boundary."""
    labels = field_map(SQUARE, round(SQUARE * SQUARE * parcels_per_pixel))
    noise = np.random.default_rng(1)
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    near = edge.copy()
    for axis in (0, 1):
        near |= np.roll(edge, 1, axis)
    gaps = np.kron(noise.random((SQUARE // 4, SQUARE // 4)) < 0.06, np.ones((4, 4), bool))
    boundary = np.where(edge & ~gaps, 215, np.where(near & ~gaps, 140, 6)).astype(np.uint8)
    boundary += noise.integers(0, 30, labels.shape, np.uint8)
    parcel = np.where(labels > 0, 230, 15).astype(np.uint8)
    parcel += noise.integers(0, 20, labels.shape, np.uint8)
    np.save(path, np.stack([np.where(near & ~gaps, parcel // 2, parcel), boundary]))


class Country:
    """The square repeated, as a strip source."""

    def __init__(self, path: Path, size: int) -> None:
        self.square = np.load(path, mmap_mode="r")
        self.geobox = GeoBox(size, size, Affine(1, 0, 4e5, 0, -1, 5.6e6), CRS)
        self.shape = self.geobox.shape
        self.cols = np.arange(size) % SQUARE

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows [row_start, row_stop)."""
        rows = self.square[:, np.arange(row_start, row_stop) % SQUARE]
        return np.take(rows, self.cols, axis=2)


def plan_of(country: Country, rows: int) -> ShardPlan:
    """Plan shards as `geoseg plan` does."""
    box = country.geobox
    facts = {"scene grid": [box.height, box.width, *box.transform[:6]], "scene crs": CRS,
             "rows": rows}
    bands = tuple(cut_rows(box.height, core=min(rows, box.height), rows=rows))
    mosaic = Mosaic("", ("none.tif",), facts, {"scene": "none.tif"}, bands, box.width)
    return ShardPlan((mosaic,), SPEC.to_json(), {}, LineChoice().as_dict(), "parcels", None)


def do_shards(square: Path, size: int, rows: int, place: Path) -> None:
    """Make all shards in random order."""
    country = Country(square, size)
    plan = plan_of(country, rows)
    plan.save(Folder(place))
    options = label_options(country.geobox, SPEC.instances, LineChoice())
    shards = list(plan.shards)
    random.Random(1).shuffle(shards)
    for shard in shards:
        blob = pack(
            country.read(shard.row_start, shard.row_stop), shard, options,
            height=size, strip=label_strip(size),
        )
        Folder(place).put(shard.name, blob)


def do_merge(square: Path, size: int, rows: int, place: Path) -> None:
    """Merge the shards."""
    merge(place, place / "parcels.gpkg")


def do_single(square: Path, size: int, rows: int, place: Path) -> None:
    """Do the same as one run does after its network."""
    report = {"scene": "none.tif", "options": LineChoice().as_dict()}
    write_probabilities(
        Country(square, size), place / "parcels.gpkg", SPEC, LineChoice(), layer="parcels",
        report=report, scratch=place, progress=lambda event: None,
    )


STEPS = {"shards": do_shards, "merge": do_merge, "single": do_single}


def measured(step: str, square: Path, size: int, rows: int, place: Path) -> dict[str, float]:
    """Run a step in a process of its own; give CPU seconds, seconds and MiB."""
    place.mkdir(exist_ok=True)
    words = [sys.executable, __file__, "--step", step, *map(str, (square, size, rows, place))]
    shown = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    used = json.loads(shown.stdout.splitlines()[-1])
    print(f"{step:7} {rows or '':>6} {used['cpu']:7.1f} CPU s  {used['seconds']:7.1f} s  "
          f"{size**2 / used['cpu'] / 1e6:6.2f} Mpx per CPU s  {used['mib']:6.0f} MiB", flush=True)
    return used


def main() -> None:
    if "--step" in sys.argv:
        step, square, size, rows, place = sys.argv[2:]
        began = time.perf_counter()
        STEPS[step](Path(square), int(size), int(rows), Path(place))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({
            "cpu": used.ru_utime + used.ru_stime, "seconds": time.perf_counter() - began,
            "mib": used.ru_maxrss / 1024,
        }))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10000)
    parser.add_argument("--parcels", type=int, default=100000)
    parser.add_argument("--shard-rows", type=int, nargs="+", default=[2048])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        square = folder / "square.npy"
        draw_square(square, chosen.parcels / chosen.size**2)
        measured("single", square, chosen.size, 0, folder / "single")
        wanted = hashlib.sha256((folder / "single" / "parcels.gpkg").read_bytes()).digest()
        for rows in chosen.shard_rows:
            place = folder / f"shards-{rows}"
            for step in ("shards", "merge"):
                measured(step, square, chosen.size, rows, place)
            stored = sum(one.stat().st_size for one in place.glob("*.shard"))
            same = hashlib.sha256((place / "parcels.gpkg").read_bytes()).digest() == wanted
            print(f"shards of {rows} rows: {stored / 1e6:.0f} MB, "
                  f"{'the same bytes' if same else 'OTHER BYTES'} as the single run", flush=True)


if __name__ == "__main__":
    main()
