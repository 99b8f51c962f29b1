import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine


@pytest.fixture
def write(tmp_path):
    """Give a function that writes an array as a GeoTIFF and returns its path."""

    def write_raster(data, name="scene.tif", *, colors=None, mask=None, **profile):
        options = {
            "driver": "GTiff", "count": data.shape[0], "height": data.shape[1],
            "width": data.shape[2], "dtype": data.dtype, "crs": "EPSG:32633",
            "transform": Affine(1, 0, 500000, 0, -1, 5400000),
        } | profile
        path = tmp_path / name
        with rasterio.open(path, "w", **options) as target:
            target.write(data)
            if colors:
                target.colorinterp = colors
            if mask is not None:
                target.write_mask(mask)
        return path

    return write_raster


@pytest.fixture
def ramp():
    """Give a (3, 6, 5) uint8 array whose values are all different."""
    return np.arange(90, dtype=np.uint8).reshape(3, 6, 5)


@pytest.fixture
def web(tmp_path):
    """Serve a folder in parts, from another process; give its address."""
    command = [sys.executable, str(Path(__file__).with_name("web.py")), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()
