"""A whole job with its shards in an S3 service, which runs here on a loopback address."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import rasterio

import geoseg
from geoseg.errors import OptionError, OutputError, RasterError
from geoseg.grid import Window
from geoseg.raster import Scene
from geoseg.run.store import open_store
from geoseg.tools.merge import merge
from geoseg.tools.plan import plan
from geoseg.tools.run import run_shard

MUST = os.environ.get("GEOSEG_S3") == "required"
HERE = all(importlib.util.find_spec(name) for name in ("s3fs", "moto", "flask"))
pytestmark = pytest.mark.skipif(not (HERE or MUST), reason="wants geoseg[test-s3]")
USE = {"tile": 512, "threads": 1}


@pytest.fixture(scope="module")
def service():
    """Give the address of a fresh service, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert running.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        running.terminate()


@pytest.fixture
def bucket(service, monkeypatch):
    """Give the URL of an empty bucket."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": service, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_S3_ENDPOINT": service.removeprefix("http://"),
        "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("jobs")
    yield "s3://jobs/one"
    s3fs.S3FileSystem().rm("jobs", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_job_in_a_bucket_gives_the_bytes_of_a_single_run(bucket, sample_data, tmp_path):
    scene = shutil.copy(sample_data / "scene.tif", tmp_path / "scene.tif")
    plan([scene], bucket, shard_rows=512, **USE)
    for number in (1, 0):
        assert not run_shard(bucket, number, threads=1)["done_before"]
    assert run_shard(bucket, 1, threads=1)["done_before"]
    with pytest.raises(OptionError, match="--output"):
        merge(bucket)
    merge(bucket, tmp_path / "merged.gpkg")
    geoseg.vectorize(scene, tmp_path / "whole.gpkg", **USE)
    assert (tmp_path / "merged.gpkg").read_bytes() == (tmp_path / "whole.gpkg").read_bytes()


def test_objects_are_read_in_part_and_what_is_not_there_is_said(bucket):
    store = open_store(bucket)
    assert store.names() == set()
    store.put("a", b"0123456789")
    assert store.names() == {"a"} and store.get("a", 2, 4) == b"23"
    assert store.get("a", 8, 99) == b"89"
    with pytest.raises(OutputError, match="none cannot be read"):
        store.get("none")


def test_a_scene_in_a_bucket_is_read_by_its_address_and_its_item_is_not(bucket, write_scene):
    import s3fs

    path, data = write_scene
    s3fs.S3FileSystem().put(str(path), "jobs/scene.tif")
    with Scene("s3://jobs/scene.tif") as scene:
        found, valid = scene.read(Window(10, 20, 30, 40))
    assert (found == data[:, 20:60, 10:40]).all() and valid.all()
    with pytest.raises(RasterError) as raised:
        Scene("s3://jobs/none.tif")
    assert "\n" not in str(raised.value)
    with pytest.raises(RasterError, match="an item is a file or http or https"):
        geoseg.predict("s3://jobs/item.json", path.with_name("mask.tif"))


@pytest.fixture
def write_scene(tmp_path):
    """Give a small scene: its path and its pixels."""
    data = np.random.default_rng(0).integers(1, 255, (3, 128, 128), dtype=np.uint8)
    options = {"count": 3, "height": 128, "width": 128, "dtype": "uint8", "crs": "EPSG:32633",
               "transform": rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)}
    with rasterio.open(tmp_path / "scene.tif", "w", driver="GTiff", **options) as target:
        target.write(data)
    return tmp_path / "scene.tif", data
