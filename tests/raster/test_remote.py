"""Scenes on a web server, which is a process of its own: GDAL waits for it with the lock held."""

import urllib.request

import numpy as np
import pytest

from geoseg.errors import RasterError
from geoseg.grid import Window
from geoseg.raster import Scene


@pytest.mark.parametrize("prefix", ["/vsicurl/", ""])
def test_a_window_of_a_remote_scene_is_read_in_parts(web, write, prefix):
    data = np.random.default_rng(0).integers(0, 255, (3, 1024, 1024), dtype=np.uint8)
    path = write(data, tiled=True, blockxsize=256, blockysize=256)
    with Scene(f"{prefix}{web}/{path.name}") as scene:
        found, valid = scene.read(Window(300, 520, 100, 80))
    assert (found == data[:, 520:600, 300:400]).all() and valid.all()
    sent = int(urllib.request.urlopen(f"{web}/sent").read())
    assert 0 < sent < path.stat().st_size / 2


def test_a_remote_scene_that_is_not_there_is_one_line(web):
    with pytest.raises(RasterError) as raised:
        Scene(f"/vsicurl/{web}/none.tif")
    assert "\n" not in str(raised.value)
