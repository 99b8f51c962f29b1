import os

import numpy as np
import pytest
from rasterio.enums import ColorInterp

from geoseg.errors import CRSError, GridError, RasterError
from geoseg.grid import Window
from geoseg.raster import Scene
from geoseg.raster.scene import mirrored


def test_a_window_inside_is_read_as_it_is(write, ramp):
    with Scene(write(ramp)) as scene:
        data, valid = scene.read(Window(1, 2, 3, 2))
    assert (data == ramp[:, 2:4, 1:4]).all()
    assert valid.all()


def test_past_the_edge_the_scene_is_mirrored(write, ramp):
    with Scene(write(ramp)) as scene:
        data, _ = scene.read(Window(-7, -3, 20, 15))
    assert (data == np.pad(ramp, ((0, 0), (3, 6), (7, 8)), mode="symmetric")).all()


def test_one_pixel_fills_any_window():
    assert mirrored(-5, 5, 1).tolist() == [0] * 10


def test_nodata_is_where_every_band_says_so(write, ramp):
    ramp[:, 0, 0] = 7
    ramp[0, 0, 1] = 7
    with Scene(write(ramp, nodata=7)) as scene:
        _, valid = scene.read(Window(0, 0, 5, 6))
    assert not valid[0, 0]
    assert valid.sum() == 29


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e300, -np.finfo(np.float64).max, np.inf])
def test_a_number_beyond_single_precision_is_no_data(write, value):
    data = np.ones((2, 3, 3), np.float64)
    data[1, 1, 1] = value
    with Scene(write(data)) as scene:
        pixels, valid = scene.read(Window(0, 0, 3, 3))
    assert valid.sum() == 8 and not valid[1, 1]
    assert np.isfinite(pixels.astype(np.float32)).sum() == 17


def test_not_a_number_has_no_data(write):
    data = np.ones((2, 3, 3), np.float32)
    data[1, 1, 1] = np.nan
    with Scene(write(data)) as scene:
        _, valid = scene.read(Window(0, 0, 3, 3))
    assert valid.sum() == 8
    assert not valid[1, 1]


def test_alpha_and_mask_say_where_data_is(write, ramp):
    alpha = np.full((1, 6, 5), 255, np.uint8)
    alpha[0, 2:] = 0
    colors = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    with Scene(write(np.concatenate([ramp, alpha]), colors=colors)) as scene:
        data, valid = scene.read(Window(0, 0, 5, 6))
        assert len(data) == 3
        assert valid.tolist() == (alpha[0] > 0).tolist()
    with Scene(write(ramp, "masked.tif", mask=alpha[0] > 0)) as scene:
        assert (scene.read(Window(0, 0, 5, 6))[1] == (alpha[0] > 0)).all()


def test_a_cropped_scene_is_mirrored_at_its_own_edges(write, ramp):
    with Scene(write(ramp)) as scene:
        scene.crop(Window(1, 1, 3, 4))
        data, _ = scene.read(Window(-1, -1, 5, 6))
        assert scene.geobox.transform @ (0, 0) == (500001, 5399999)
        with pytest.raises(GridError, match="not inside 3 x 4"):
            scene.crop(Window(0, 0, 4, 4))
    assert (data == np.pad(ramp[:, 1:5, 1:4], ((0, 0), (1, 1), (1, 1)), mode="symmetric")).all()


def test_complex_pixels_are_refused(write):
    with pytest.raises(RasterError, match="complex pixels"):
        Scene(write(np.ones((1, 2, 2), np.complex64)))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(RasterError, match="does not exist"):
        Scene(tmp_path / "none.tif")


def test_an_empty_file_and_a_pipe_are_refused(tmp_path):
    (tmp_path / "empty.tif").touch()
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(RasterError, match="0 bytes"):
        Scene(tmp_path / "empty.tif")
    with pytest.raises(RasterError, match="not a regular file"):
        Scene(tmp_path / "pipe.tif")


def test_a_text_file_is_not_a_raster(tmp_path):
    (tmp_path / "scene.tif").write_text("no")
    with pytest.raises(RasterError, match="not a raster that geoseg can read"):
        Scene(tmp_path / "scene.tif")


def test_ground_control_points_alone_are_refused_with_advice(data_folder):
    with pytest.raises(CRSError, match="gdalwarp"):
        Scene(data_folder / "rasters/derived/naip_gcponly.tif")
