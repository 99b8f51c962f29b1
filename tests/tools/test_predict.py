"""Scene -> probability raster, as a user runs it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import rasterio

import geoseg
from geoseg.errors import OptionError, OutputError
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import load, save

PEAK = """
import json, pathlib, sys, geoseg
made = geoseg.predict(sys.argv[1], sys.argv[2], tile=256, threads=1)
status = pathlib.Path("/proc/self/status").read_text()
print(json.dumps([int(status.split("VmHWM:")[1].split()[0]) * 1024, made.plan.memory_bytes]))
"""


@pytest.fixture(scope="module")
def scene(cut_scene, tmp_path_factory):
    """A part of the sample scene, 300 x 420 pixels."""
    return cut_scene(tmp_path_factory.mktemp("scene") / "scene.tif", 100, 200, 420, 300, nodata=0)


@pytest.fixture(scope="module")
def plain(scene, tmp_path_factory):
    """The scene's mask with no options."""
    return read(geoseg.predict(scene, tmp_path_factory.mktemp("plain") / "mask.tif").path)


@pytest.fixture(scope="module")
def inexact_model(tmp_path_factory):
    """The bundled model, as if no halo made it exact."""
    spec, network = load(find_model("parcels-aerial"))
    path = tmp_path_factory.mktemp("model") / "inexact.safetensors"
    save(path, replace(spec, exact=False), network)
    return str(path)


def read(path):
    with rasterio.open(path) as mask:
        return mask.read().astype(int)


def test_a_dry_run_times_two_tiles_and_writes_nothing(scene, tmp_path):
    made = geoseg.predict(scene, tmp_path / "mask.tif", dry_run=True, tile=128)
    assert made.plan.tiles == 12 and made.plan.seconds > 0
    assert "s in the network" in made.plan.describe()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_the_peak_of_memory_is_below_the_plan(scene, tmp_path):
    run = [sys.executable, "-c", PEAK, str(scene), str(tmp_path / "mask.tif")]
    shown = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    peak, planned = json.loads(shown)
    assert 0.5 * planned < peak <= planned


def test_a_model_that_is_not_exact_is_blended(scene, plain, inexact_model, tmp_path):
    made = geoseg.predict(scene, tmp_path / "mask.tif", model=inexact_model, tile=208)
    assert made.plan.tiles == 6
    assert np.abs(read(made.path) - plain).max() <= 20  # the tile's rim sees zeros, at low weight
    assert (read(made.path) != plain).mean() < 0.2


def test_the_average_of_eight_is_near_the_answer_and_not_the_same(scene, plain, tmp_path):
    averaged = read(geoseg.predict(scene, tmp_path / "mask.tif", tta=True).path)
    assert 0 < np.abs(averaged - plain).mean() < 12


def test_another_precision_is_refused(scene, tmp_path):
    with pytest.raises(OptionError, match="no precision 'int4'; choose from fp32, bf16, fp16"):
        geoseg.predict(scene, tmp_path / "mask.tif", precision="int4")


def test_a_profile_is_a_trace_of_the_network(scene, tmp_path, caplog):
    caplog.set_level("INFO", logger="geoseg")
    trace = tmp_path / "trace.json"
    made = geoseg.predict(scene, tmp_path / "mask.tif", tile=256, profile=str(trace))
    names = {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]}
    assert "aten::sigmoid" in names
    assert "profile of 4 batches" in caplog.text and "s (network)" in caplog.text
    assert made.report["steps"]["network"] > 0


def test_a_profile_without_a_folder_is_refused(scene, tmp_path):
    with pytest.raises(OutputError, match="is no folder"):
        geoseg.predict(scene, tmp_path / "mask.tif", profile=str(tmp_path / "none" / "trace.json"))
