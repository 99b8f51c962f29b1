"""Run other sliding-window programs beside geoseg: same network, scene, thread; file to file.

    python tests/benchmarks/bench_peers.py [--size 1536] [--peers geoseg,monai,geoai,torchgeo,ftw]

Peers that are not installed are named and left out; install them with `--no-deps` in an environment
of their own (monai, geoai-py, ftw-tools, torchgeo==0.7.2 with torchvision, kornia, kornia_rs,
einops, fiona, rtree, scipy, xarray; the newest ftw-tools that is released, 1.4.3, wants the bounds
of torchgeo 0.7). Each has its own defaults, then tiles of 704 pixels that overlap by 192 (a core of
512 with a halo of 96; geoseg looks at 128), one at a time. The network is the bundled model as
torch loads it; rewriting it is part of geoseg. CPU seconds are of all processes after the imports;
the peak is the process's own (Linux). `other` is the share of parcel pixels that differ from
geoseg's.
"""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import torch
from mirrored import write_mirrored
from torch import nn

SIDE, OVERLAP = 704, 192
MIB = 1 << 20
TORCHVISION = (
    "nms", "qnms", "roi_align", "_roi_align_backward", "roi_pool", "_roi_pool_backward",
    "ps_roi_align", "_ps_roi_align_backward", "ps_roi_pool", "_ps_roi_pool_backward",
    "qroi_align", "deform_conv2d", "_deform_conv2d_backward",
)
"""Operators of torchvision's compiled half, which wheels for CUDA lack beside torch for the CPU."""


class Shares(nn.Module):
    """The bundled network with its sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        from geoseg.learning.bundled import find_model
        from geoseg.learning.checkpoint import load

        self.network = load(find_model("parcels-aerial"))[1].eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.network(pixels))


def write(out: str, scene: str, shares: np.ndarray) -> None:
    """Write probabilities as geoseg does."""
    with rasterio.open(scene) as source:
        profile = source.profile | {"count": 2, "compress": "deflate", "zlevel": 1, "nodata": 255,
                                    "interleave": "band"}
    with rasterio.open(out, "w", **profile) as target:
        target.write(np.round(shares * 254).astype(np.uint8))


def geoseg(equal: bool) -> Callable[[str, str], None]:
    import geoseg as package
    import geoseg.tools.predict  # noqa: F401

    def run(scene: str, out: str) -> None:
        package.predict(scene, out, threads=1, tile=SIDE - OVERLAP if equal else None)

    return run


def monai(equal: bool) -> Callable[[str, str], None]:
    from monai.inferers import sliding_window_inference

    side, batch = (SIDE, 1) if equal else (512, 4)  # it has no defaults for these two
    more = {"overlap": OVERLAP / SIDE, "mode": "gaussian"} if equal else {}
    network = Shares()

    def run(scene: str, out: str) -> None:
        with rasterio.open(scene) as source:
            pixels = torch.from_numpy(source.read()).float().div_(255)[None]
        write(out, scene, sliding_window_inference(pixels, side, batch, network, **more)[0].numpy())

    return run


def geoai(equal: bool) -> Callable[[str, str], None]:
    utils = types.ModuleType("geoai.utils")  # maps and downloads; of it only this is imported
    utils.get_device = lambda: torch.device("cpu")
    sys.modules["geoai.utils"] = utils
    from geoai.inference import predict_geotiff

    more = {"tile_size": SIDE, "overlap": OVERLAP, "batch_size": 1} if equal else {}
    network = Shares()

    def run(scene: str, out: str) -> None:
        predict_geotiff(network, scene, out, num_classes=2, device="cpu", verbose=False, **more)

    return run


def _torchvision() -> None:
    for name in TORCHVISION:
        torch.library.define(f"torchvision::{name}", "(Tensor x) -> Tensor")


def torchgeo(equal: bool) -> Callable[[str, str], None]:
    _torchvision()
    from torch.utils.data import DataLoader
    from torchgeo.datasets import RasterDataset, stack_samples
    from torchgeo.samplers import GridGeoSampler

    # It has no defaults for these, and no stitching: the middle of each tile is pasted.
    side, overlap, batch = (SIDE, OVERLAP, 1) if equal else (512, 64, 4)
    network = Shares()

    def run(scene: str, out: str) -> None:
        class One(RasterDataset):
            filename_regex = Path(scene).name

        dataset = One(paths=str(Path(scene).parent))
        sampler = GridGeoSampler(dataset, size=side, stride=side - overlap)
        loader = DataLoader(dataset, sampler=sampler, batch_size=batch, collate_fn=stack_samples)
        with rasterio.open(scene) as source:
            shares, inverse = np.zeros((2, *source.shape), np.float32), ~source.transform
        for sample in loader:
            for one, bounds in zip(network(sample["image"] / 255).numpy(), sample["bounds"]):
                corner = inverse * (_edge(bounds, 0), _edge(bounds, 1))
                paste(shares, one, *(round(float(value)) for value in corner), overlap // 2)
        write(out, scene, shares)

    return run


def _edge(bounds: object, axis: int) -> float:
    """Give the western or the northern edge, as torchgeo 0.7, 0.8 (slices) and later tell it."""
    if hasattr(bounds, "maxy"):
        return bounds.minx if axis == 0 else bounds.maxy
    if isinstance(bounds[axis], slice):
        return bounds[0].start if axis == 0 else bounds[1].stop
    return float(bounds[0] if axis == 0 else bounds[4])


def paste(shares: np.ndarray, one: np.ndarray, col: int, row: int, pad: int) -> None:
    """Paste a tile without its rim, but at the scene's edges."""
    height, width = shares.shape[1:]
    top, left = (0 if row <= 0 else pad), (0 if col <= 0 else pad)
    stop_row = min(row + one.shape[1] - (0 if row + one.shape[1] >= height else pad), height)
    stop_col = min(col + one.shape[2] - (0 if col + one.shape[2] >= width else pad), width)
    top, left = max(top, -row), max(left, -col)
    shares[:, row + top : stop_row, col + left : stop_col] = one[
        :, top : stop_row - row, left : stop_col - col
    ]


def ftw(equal: bool) -> Callable[[str, str], None]:
    _torchvision()
    task = types.SimpleNamespace(model=Shares(), freeze=lambda: None)
    loader = types.SimpleNamespace(load_from_checkpoint=lambda path, map_location: task)
    for name, holds in {  # training: not used
        "trainers": {"CustomSemanticSegmentationTask": loader},
        "datamodules": {"preprocess": lambda sample: sample | {"image": sample["image"] / 255}},
    }.items():
        module = types.ModuleType(f"ftw.{name}")
        vars(module).update(holds)
        sys.modules[module.__name__] = module
    inference = importlib.import_module("ftw_cli.inference")
    side, batch, pad = (SIDE, 1, OVERLAP // 2) if equal else (None, 2, None)

    def run(scene: str, out: str) -> None:
        model = Path(scene).with_name("model.ckpt")
        model.touch()
        inference.run(scene, str(model), out, 1, None, side, batch, pad, True, False)

    return run


PEERS = {one.__name__: one for one in (geoseg, monai, geoai, torchgeo, ftw)}


def child(peer: str, equal: str, scene: str, out: str) -> None:
    """Run one peer in this process."""
    torch.set_num_threads(1)
    run = PEERS[peer](equal == "1")

    def spent() -> float:
        own, children = (resource.getrusage(who) for who in
                         (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

    cpu, began = spent(), time.perf_counter()
    with torch.no_grad():
        run(scene, out)
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    told = {"cpu": spent() - cpu, "seconds": time.perf_counter() - began, "peak": peak}
    print("\n" + json.dumps(told))


def parcels(path: Path) -> np.ndarray | None:
    """Give where a mask says parcel; None where it holds classes."""
    with rasterio.open(path) as mask:
        if mask.count == 1:
            return None
        data = mask.read(1)
        return data >= 0.5 if data.dtype.kind == "f" else data >= 127


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1536)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--settings", default="equal,own")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scene = Path(name) / "scene.tif"
        write_mirrored(scene, chosen.size, chosen.size, interleave="pixel")
        for setting in chosen.settings.split(","):
            first = None
            for peer in chosen.peers.split(","):
                out = Path(name) / f"{peer}-{setting}.tif"
                command = [sys.executable, __file__, "child", peer, str(int(setting == "equal"))]
                ran = subprocess.run([*command, str(scene), str(out)], capture_output=True,
                                     text=True, cwd=Path(__file__).parent)
                if ran.returncode:
                    print(f"{setting:6} {peer:9} did not run: {ran.stderr.strip()[-150:]}")
                    continue
                told, found = json.loads(ran.stdout.strip().splitlines()[-1]), parcels(out)
                first = found if first is None else first
                other = "-" if found is None else f"{(found != first).mean():.3%}"
                print(f"{setting:6} {peer:9} {told['cpu']:7.1f} CPU s {told['seconds']:7.1f} s "
                      f"{told['peak']:7.0f} MiB  other {other}", flush=True)


if __name__ == "__main__":
    main()
