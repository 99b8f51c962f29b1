import numpy as np
import pytest
import rasterio
from affine import Affine

from geoseg.errors import OutputError
from geoseg.grid import GeoBox, Window
from geoseg.raster import Labels, MaskReader, MaskWriter, Scene

BOX = GeoBox(700, 520, Affine(1, 0, 0, 0, -1, 0), None)
ROWS = np.random.default_rng(0).integers(0, 256, (2, 700, 520), dtype=np.uint8)


def write_mask(path, threads=1):
    names = "parcel", "boundary"
    with MaskWriter(path, BOX, names, tags={"A": "b"}, threads=threads) as writer:
        writer.write(ROWS[:, :100])
        writer.write(ROWS[:, 100:])


def test_what_was_written_is_read_back(tmp_path):
    write_mask(tmp_path / "mask.tif")
    with MaskReader(tmp_path / "mask.tif") as mask:
        assert mask.is_probability
        assert mask.descriptions == ("parcel", "boundary")
        assert mask.tags["A"] == "b"
        assert (mask.read(3, 600) == ROWS[:, 3:600]).all()
        assert (mask.read_band(2, 3, 600) == ROWS[1, 3:600]).all()


def test_the_bytes_do_not_depend_on_threads(tmp_path):
    for threads in (1, 3):
        write_mask(tmp_path / f"{threads}.tif", threads)
    assert (tmp_path / "1.tif").read_bytes() == (tmp_path / "3.tif").read_bytes()


def test_other_programs_see_probabilities(tmp_path):
    write_mask(tmp_path / "mask.tif")
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.nodata == 255
        assert mask.scales == pytest.approx((1 / 254, 1 / 254))
        assert mask.block_shapes[0] == (512, 512)


def test_a_mask_is_laid_out_for_reading_over_a_network(tmp_path):
    write_mask(tmp_path / "mask.tif")
    assert [one.name for one in tmp_path.iterdir()] == ["mask.tif"]
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert mask.overviews(1) == [2]


def test_a_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_mask(tmp_path / "none" / "mask.tif")


def test_classes_have_a_colour_table_and_whole_overviews(tmp_path):
    rows = np.random.default_rng(1).integers(0, 3, (1, 700, 520), dtype=np.uint8)
    colors = {0: (0, 0, 0, 255), 1: (9, 8, 7, 255), 2: (1, 2, 3, 255), 255: (0, 0, 0, 0)}
    with MaskWriter(tmp_path / "c.tif", BOX, ("class",), tags={}, colors=colors) as writer:
        writer.write(rows)
    with rasterio.open(tmp_path / "c.tif") as mask:
        assert mask.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert {value: mask.colormap(1)[value] for value in (0, 1, 2)} == {
            value: colors[value] for value in (0, 1, 2)
        }
        assert set(np.unique(mask.read(1, out_shape=(350, 260)))) <= {0, 1, 2}
    with MaskReader(tmp_path / "c.tif") as mask:
        assert not mask.is_probability and (mask.read(0, 700) == rows).all()
    with Labels(tmp_path / "c.tif") as labels:
        assert (labels.read(Window(0, 0, 520, 700))[0] == rows).all()
    with Scene(tmp_path / "c.tif") as scene:
        assert scene.read(Window(0, 0, 520, 700))[0].shape == (3, 700, 520)
