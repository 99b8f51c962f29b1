"""Masks of any shape, as GDAL and a plain program see them."""

import tracemalloc

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from geoseg.errors import OutputError
from geoseg.grid import GeoBox
from geoseg.raster import MaskWriter, cog
from geoseg.raster.halves import mean_of_four, most_of_four
from geoseg.run.plan import MASK_ROWS

SHAPES = [(1, 1), (1, 700), (700, 1), (512, 512), (513, 511), (1030, 2051)]


def pixels(height, width, bands=2, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 255, (bands, height, width), dtype=np.uint8)
    rows[:, rng.random((height, width)) < 0.2] = 255
    return rows


def write(path, rows, step=None, **options):
    height, width = rows.shape[1:]
    box = GeoBox(height, width, Affine(2, 0, 500_000, 0, -2, 5_400_000), "EPSG:32633")
    names = tuple("abc"[: len(rows)])
    with MaskWriter(path, box, names, tags={}, **options) as writer:
        for row in range(0, height, step or height):
            writer.write(rows[:, row : row + (step or height)])


def plain_halves(rows, choose):
    """Halve rows, four pixels at a time."""
    height, width = (-(-side // 2) for side in rows.shape[1:])
    out = np.empty((len(rows), height, width), np.uint8)
    for band, row, col in np.ndindex(*out.shape):
        four = rows[band, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2].ravel().tolist()
        good = [one for one in four if one != 255]
        out[band, row, col] = choose(good) if good else 255
    return out


def mean(good):
    return (sum(good) + len(good) // 2) // len(good)


def most(good):
    return max(good, key=good.count)  # the first of equals


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mask_of_any_shape_reads_back_with_its_overviews(tmp_path, shape):
    rows = pixels(*shape)
    write(tmp_path / "m.tif", rows)
    with rasterio.open(tmp_path / "m.tif") as mask:
        assert (mask.read() == rows).all()
        assert mask.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert mask.crs.to_epsg() == 32633 and mask.transform.a == 2
        levels = len(mask.overviews(1))
    assert max(shape) / 2**levels <= 512
    for level in range(levels):
        rows = mean_of_four(np.pad(rows, [(0, 0), *((0, n % 2) for n in rows.shape[1:])], "edge"))
        with rasterio.open(tmp_path / "m.tif", overview_level=level) as mask:
            assert (mask.read() == rows).all()


@pytest.mark.parametrize(("halve", "choose"), [(mean_of_four, mean), (most_of_four, most)])
@pytest.mark.parametrize("values", [3, 256])
def test_halves_are_those_of_a_plain_program(halve, choose, values):
    rows = pixels(20, 30) if values == 256 else pixels(20, 30) % values
    rows[0, :2, :2] = 255
    assert (halve(rows) == plain_halves(rows, choose)).all()


def test_a_file_of_more_than_4_gib_has_the_same_pixels_in_another_form(tmp_path, monkeypatch):
    rows = pixels(600, 1100)
    write(tmp_path / "small.tif", rows)
    monkeypatch.setattr(cog, "LARGEST_CLASSIC", 0)
    write(tmp_path / "big.tif", rows)
    heads = [(tmp_path / name).read_bytes()[:4] for name in ("small.tif", "big.tif")]
    assert heads == [b"II*\0", b"II+\0"]
    with rasterio.open(tmp_path / "small.tif") as small, rasterio.open(tmp_path / "big.tif") as big:
        assert (big.read() == rows).all() and big.profile == small.profile
        assert big.overviews(1) == small.overviews(1) == [2, 4]
        assert (big.read(out_shape=(2, 150, 275)) == small.read(out_shape=(2, 150, 275))).all()


@pytest.mark.parametrize("step", [1, 100, 512, 700])
def test_the_bytes_do_not_depend_on_how_rows_come(tmp_path, step):
    rows = pixels(1300, 530)
    write(tmp_path / "whole.tif", rows)
    write(tmp_path / "parts.tif", rows, step, threads=2)
    assert (tmp_path / "whole.tif").read_bytes() == (tmp_path / "parts.tif").read_bytes()


def test_a_mask_that_was_not_stored_whole_is_an_error(tmp_path, monkeypatch):
    def damaging(path, *rest):
        start = write_cog(path, *rest)
        data = bytearray(path.read_bytes())
        data[-100] ^= 1
        path.write_bytes(data)
        return start

    write_cog = cog.write_cog
    monkeypatch.setattr("geoseg.raster.write.write_cog", damaging)
    with pytest.raises(OutputError, match="not stored whole"):
        write(tmp_path / "m.tif", pixels(600, 600))
    assert not (tmp_path / "m.tif.blocks").exists()


@pytest.mark.parametrize("classes", ["ab", "abc", "abcd", "abcde"])
def test_no_class_is_taken_for_a_colour_or_for_opacity(tmp_path, classes):
    box = GeoBox(8, 8, Affine(2, 0, 0, 0, -2, 0), "EPSG:32633")
    with MaskWriter(tmp_path / "m.tif", box, tuple(classes), tags={}) as writer:
        writer.write(pixels(8, 8, len(classes)))
    with rasterio.open(tmp_path / "m.tif") as mask:
        others = [ColorInterp.undefined] * (len(classes) - 1)
        assert list(mask.colorinterp) == [ColorInterp.gray, *others]


def test_memory_is_that_of_the_rows_that_wait(tmp_path):
    box = GeoBox(1024, 20_000, Affine(2, 0, 0, 0, -2, 0), "EPSG:32633")
    rows = pixels(64, 20_000)
    with MaskWriter(tmp_path / "m.tif", box, ("a", "b"), tags={}) as writer:
        tracemalloc.start()
        for _ in range(16):
            writer.write(rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1.5 * MASK_ROWS * rows[:, 0].size
