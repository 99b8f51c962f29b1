import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from shapely import LineString

from geoseg.grid import Window
from geoseg.raster import Looker, Scene, draw, encode

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def scene(tmp_path, data, **options):
    path = tmp_path / "s.tif"
    count, rows, cols = data.shape
    with rasterio.open(path, "w", driver="GTiff", dtype=data.dtype, count=count, height=rows,
                       width=cols, **options) as target:
        target.write(data)
    return path


def test_a_look_at_bytes_is_their_mean(tmp_path):
    data = np.zeros((3, 4, 8), np.uint8)
    data[:, :2, :2] = [[[10]], [[20]], [[30]]]
    data[:, 0, 0] += 4
    with Scene(scene(tmp_path, data)) as opened:
        look = Looker(opened).look(4)
    assert look.rgb.shape == (3, 2, 4)
    assert look.rgb[:, 0, 0].tolist() == [11, 21, 31]
    assert look.scale == 0.5


def test_other_types_are_stretched_and_no_data_is_grey(tmp_path):
    data = np.linspace(100, 4000, 64 * 64).reshape(1, 64, 64).astype(np.uint16)
    data[0, 0] = 0
    with Scene(scene(tmp_path, data, nodata=0)) as opened:
        rgb = Looker(opened).look(64).rgb
    assert (rgb[:, 0] == 72).all()
    assert rgb[:, 2].max() < 30 and rgb[:, -1].min() > 240
    assert (rgb[0] == rgb[2]).all()


def test_a_look_at_a_window_shows_it_alone(tmp_path):
    data = np.arange(3 * 100, dtype=np.uint8).reshape(3, 10, 10)
    with Scene(scene(tmp_path, data)) as opened:
        look = Looker(opened).look(50, Window(2, 3, 4, 5))
    assert (look.rgb == data[:, 3:8, 2:6]).all()


def test_a_line_is_drawn_where_it_is_and_as_wide_as_it_should_be():
    grey = np.full((3, 20, 20), 100, np.uint8)
    made = draw(grey, [LineString([(0, 10), (20, 10)])], (255, 0, 0), width=2)
    assert (made[0, 9:11, 2:18] == 255).all() and (made[1, 9:11, 2:18] == 0).all()
    assert (made[:, :8] == 100).all() and (made[:, 12:] == 100).all()
    assert draw(grey, [], (0, 0, 0)) is grey


def test_an_encoded_picture_opens_again():
    rgb = np.random.default_rng(0).integers(0, 255, (3, 8, 9), dtype=np.uint8)
    with MemoryFile(encode(rgb, "png")) as memory, memory.open() as back:
        assert (back.read() == rgb).all()
    assert encode(rgb, "jpeg")[:3] == b"\xff\xd8\xff"


def test_a_small_scene_is_shown_larger_by_a_whole_factor(tmp_path):
    data = np.arange(3 * 50, dtype=np.uint8).reshape(3, 5, 10)
    with Scene(scene(tmp_path, data)) as opened:
        look = Looker(opened).look(2000, least=35)
    assert look.scale == 3 and look.rgb.shape == (3, 15, 30)
    assert (look.rgb[:, ::3, ::3] == data).all()
