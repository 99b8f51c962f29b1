"""Fixtures that every test folder may use."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio
from affine import Affine

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Give the folder of real imagery (GEOSEG_DATA, or shared/data beside the checkout)."""
    folder = Path(os.environ.get("GEOSEG_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder of real imagery: set GEOSEG_DATA")
    return folder


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """Give the project's own sample data."""
    return ROOT / "sample_data"


@pytest.fixture(scope="session")
def cut_scene(sample_data) -> Callable[..., Path]:
    """Give a function that writes a part of the sample scene to a path, and gives the path."""

    def cut(path, col=0, row=0, width=300, height=300, data=lambda pixels: pixels, **profile):
        window = ((row, row + height), (col, col + width))
        with rasterio.open(sample_data / "scene.tif") as source:
            pixels = data(source.read(window=window))
            options = {
                "driver": "GTiff", "count": len(pixels), "height": height, "width": width,
                "dtype": pixels.dtype, "crs": source.crs,
                "transform": source.transform @ Affine.translation(col, row),
            } | profile
        with rasterio.open(path, "w", **options) as target:
            target.write(pixels)
        return path

    return cut


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """Let SIGINT through, which a shell's background job ignores, children included."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
