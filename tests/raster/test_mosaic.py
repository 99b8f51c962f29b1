import numpy as np
import pytest
import rasterio
from affine import Affine

from geoseg.errors import RasterError
from geoseg.grid import Window
from geoseg.raster import open_scene
from geoseg.raster.mosaic import grid_offset


@pytest.fixture
def write(tmp_path):
    """Give a function that writes a one-band scene at a place on a grid."""

    def write(name, col, row, data, crs="EPSG:32633", step=2.0):
        data = np.asarray(data, np.uint8)
        transform = Affine(step, 0, 4e5, 0, -step, 5e6) @ Affine.translation(col, row)
        options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": 0, "crs": crs}
        with rasterio.open(
            tmp_path / name, "w", height=data.shape[0], width=data.shape[1], transform=transform,
            **options,
        ) as target:
            target.write(data, 1)
        return str(tmp_path / name)

    return write


def test_each_pixel_comes_from_the_first_scene_that_has_it(write):
    top = write("top.tif", 1, 0, [[5, 0], [5, 5]])
    under = write("under.tif", 0, 0, [[7, 7, 7]])
    with open_scene([top, under]) as scene:
        data, valid = scene.read(Window(0, 0, 3, 2), (1,))
        assert data[0].tolist() == [[7, 5, 7], [0, 5, 5]]
        assert valid.tolist() == [[True, True, True], [False, True, True]]
        assert scene.geobox.transform @ (0, 0) == (4e5, 5e6)


def test_any_window_shows_the_same_pixels(write):
    random = np.random.default_rng(3)
    paths = [
        write(f"{i}.tif", *random.integers(0, 9, 2), random.integers(0, 9, (7, 6)))
        for i in range(4)
    ]
    with open_scene(paths) as scene:
        height, width = scene.geobox.shape
        whole, good = scene.read(Window(-4, -4, width + 8, height + 8), (1,))
        for _ in range(50):
            col, row = random.integers(-4, 8, 2)
            window = Window(int(col), int(row), *map(int, random.integers(1, 5, 2)))
            data, valid = scene.read(window, (1,))
            place = np.ix_(range(row + 4, row + 4 + window.height),
                           range(col + 4, col + 4 + window.width))
            assert (data[0] == whole[0][place]).all() and (valid == good[place]).all()


def test_a_cropped_mosaic_is_its_window(write):
    one, two = write("a.tif", 0, 0, [[1, 2]]), write("b.tif", 2, 1, [[3, 4]])
    with open_scene([one, two]) as scene:
        whole, _ = scene.read(Window(0, 0, 4, 2), (1,))
        scene.crop(Window(1, 1, 3, 1))
        data, _ = scene.read(Window(0, 0, 3, 1), (1,))
        assert (data == whole[:, 1:, 1:]).all()


def test_scenes_off_the_grid_or_of_another_crs_have_no_offset(write):
    paths = [
        write("a.tif", 0, 0, [[1]]), write("b.tif", 7, -3, [[1]]), write("c.tif", 0.5, 0, [[1]]),
        write("d.tif", 0, 0, [[1]], crs="EPSG:32632"), write("e.tif", 0, 0, [[1]], step=3.0),
    ]
    boxes = []
    for path in paths:
        with open_scene([path]) as scene:
            boxes.append(scene.geobox)
    assert [grid_offset(boxes[0], box) for box in boxes] == [(0, 0), (7, -3), None, None, None]
    with pytest.raises(RasterError, match="c.tif is not on the pixel grid of .*a.tif; warp it"):
        open_scene([paths[0], paths[2]])
