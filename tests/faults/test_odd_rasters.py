"""Rasters of every odd shape and content, made here: parcels or one clear line, nothing between."""

import os

import numpy as np
import psutil
import pyogrio
import pytest
import rasterio
from affine import Affine

injection = pytest.importorskip("injection", reason="wants POSIX")
PLACE = {"driver": "GTiff", "crs": "EPSG:32633", "transform": Affine(0.5, 0, 5e5, 0, -0.5, 5.4e6)}


def write(path, data, **options):
    count, height, width = data.shape
    with rasterio.open(
        path, "w", count=count, height=height, width=width, dtype=data.dtype, **PLACE | options
    ) as target:
        target.write(data)
    return path


@pytest.fixture
def vectorize(engine, tmp_path):
    """Give a function that runs `vectorize` on a raster: outcome, and layer's facts if it ended."""
    out = tmp_path / "out" / "o.gpkg"
    out.parent.mkdir()
    use = ["--model", engine.folder / "model.safetensors", "--tile", "64", "--threads", "1"]

    def run(scene, *more, **how):
        outcome = engine.run(["vectorize", scene, out, *use, *more], **how)
        assert "Traceback" not in outcome.said
        if outcome.code:
            errors = [one for one in outcome.said.splitlines() if one.startswith("geoseg: ")]
            assert len(errors) == 1 and os.listdir(out.parent) == [], outcome.said
            return outcome, None
        assert os.listdir(out.parent) == ["o.gpkg"]
        return outcome, pyogrio.read_info(out, layer="parcels")

    return run


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (2, 3), (5, 700)])
def test_a_raster_of_any_shape_has_a_result(vectorize, tmp_path, shape):
    data = np.random.default_rng(1).integers(0, 255, (3, *shape), dtype=np.uint8)
    outcome, info = vectorize(write(tmp_path / "s.tif", data), "--min-area", "0")
    assert outcome.code == 0 and info["crs"] == "EPSG:32633"


@pytest.mark.parametrize(("value", "nodata"), [(0, 0), (np.nan, None), (np.inf, None)])
def test_a_raster_without_good_pixels_gives_an_empty_layer(vectorize, tmp_path, value, nodata):
    data = np.full((3, 70, 80), value, np.uint8 if nodata == 0 else np.float32)
    outcome, info = vectorize(write(tmp_path / "s.tif", data, nodata=nodata))
    assert outcome.code == 0 and info["features"] == 0 and "no parcels were found" in outcome.said


def test_pixels_that_are_nan_are_no_data_and_the_others_count(engine, vectorize, tmp_path):
    with rasterio.open(engine.folder / "scene.tif") as scene:
        data = scene.read().astype(np.float32)
    data[:, :, :40] = np.nan
    outcome, info = vectorize(write(tmp_path / "s.tif", data), "--min-area", "0")
    assert outcome.code == 0 and info["features"] > 0
    assert info["total_bounds"][0] >= 5e5 + 40 * 0.5


def test_one_value_everywhere_is_no_error(vectorize, tmp_path):
    outcome, _ = vectorize(write(tmp_path / "s.tif", np.full((3, 70, 80), 9, np.uint8)))
    assert outcome.code == 0


@pytest.mark.parametrize("bands", [1, 2])
def test_too_few_bands_are_said_and_a_wrong_choice_is_refused(vectorize, tmp_path, bands):
    scene = write(tmp_path / "s.tif", np.full((bands, 70, 80), 9, np.uint8))
    outcome, _ = vectorize(scene, "--bands", "1,2,9")
    assert outcome.code == 2 and "--bands" in outcome.said
    outcome, _ = vectorize(scene)
    assert outcome.code == 0 and f"has {bands} band" in outcome.said


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "fifo", "folder", "empty.tif"])
def test_what_is_no_raster_file_is_refused_and_never_hangs(vectorize, tmp_path, path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.tif").touch()
    outcome, _ = vectorize(tmp_path / path)
    assert outcome.code == 4 and outcome.seconds < 30


@pytest.mark.parametrize("path", ["fifo", "folder"])
def test_what_is_no_file_is_never_an_output(engine, tmp_path, path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    model = engine.folder / "model.safetensors"
    outcome = engine.run(
        ["predict", engine.folder / "scene.tif", tmp_path / path, "--model", model, "--overwrite"]
    )
    assert outcome.code == 5 and "name of a file" in outcome.said


def test_a_hundred_thousand_parcels_are_written(engine, tmp_path):
    labels = np.arange(317 * 317, dtype=np.int32).reshape(317, 317) + 1
    mask, out = write(tmp_path / "l.tif", labels[None]), tmp_path / "o.gpkg"
    outcome = engine.run(["polygonize", mask, out])
    assert outcome.code == 0, outcome.said
    assert pyogrio.read_info(out, layer="parcels")["features"] == 317 * 317


def test_no_socket_listens_while_a_run_is_at_work(vectorize, engine):
    seen = []

    def watch(pid):
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            try:
                seen.append([one.status for one in process.net_connections("inet")])
            except (psutil.AccessDenied, psutil.NoSuchProcess):
                break

    outcome, _ = vectorize(engine.folder / "scene.tif", while_it_runs=watch)
    assert outcome.code == 0 and len(seen) > 3
    assert not any(psutil.CONN_LISTEN in states for states in seen)
