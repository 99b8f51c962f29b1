"""A whole job with its shards in an S3 service, which runs here on a loopback address."""

import shutil

import pytest

import geoseg
from geoseg.errors import OptionError, OutputError
from geoseg.run.store import open_store
from geoseg.tools.merge import merge
from geoseg.tools.plan import plan
from geoseg.tools.run import run_shard

pytest.importorskip("s3fs", reason="wants geoseg[s3]")
server = pytest.importorskip("moto.server", reason="wants moto[server]")
USE = {"tile": 512, "threads": 1}


@pytest.fixture(scope="module")
def service():
    """Give the address of a fresh service."""
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    yield "http://{}:{}".format(*running.get_host_and_port())
    running.stop()


@pytest.fixture
def bucket(service, monkeypatch):
    """Give the URL of an empty bucket."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": service, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
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
