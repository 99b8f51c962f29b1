"""Shards on a Dask cluster: the same bytes, also when workers are killed."""

import signal
import threading
import time

import psutil
import pytest

import geoseg
from geoseg.errors import OptionError
from geoseg.tools.many import vectorize_many

pytest.importorskip("distributed", reason="wants geoseg[dask]")

USE = {"tile": 64, "threads": 1}


@pytest.fixture(scope="module")
def clip(cut_scene, tmp_path_factory):
    return cut_scene(tmp_path_factory.mktemp("clip") / "clip.tif", width=220, height=400)


def test_a_local_cluster_gives_the_bytes_of_one_process_and_tells_its_progress(clip, tmp_path):
    geoseg.vectorize(clip, tmp_path / "one.gpkg", **USE)
    events = []
    vectorize_many(
        [clip], tmp_path / "dask.gpkg", dask="local:2", shard_rows=64, progress=events.append,
        **USE,
    )
    assert (tmp_path / "dask.gpkg").read_bytes() == (tmp_path / "one.gpkg").read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["dask.gpkg", "one.gpkg"]
    steps = [event["done"] for event in events if event.get("stage") == "predict"]
    assert steps == sorted(steps) and steps[-1] == 400 * 220 and len(set(steps)) >= 7


def test_a_stopped_run_goes_on_where_it_was(clip, tmp_path):
    def stop_after_two(event):
        if event.get("stage") == "predict" and event["done"] >= 2 * 128 * 220:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vectorize_many(
            [clip], tmp_path / "out.gpkg", shard_rows=128, progress=stop_after_two, **USE
        )
    shards = list((tmp_path / ".out.gpkg.geoseg-work" / "shards").glob("*.shard"))
    times = {one.name: one.stat().st_mtime_ns for one in shards}
    assert len(times) == 2
    seen = {}

    def look(event):
        for one in shards:
            if one.exists():
                seen[one.name] = one.stat().st_mtime_ns

    vectorize_many([clip], tmp_path / "out.gpkg", shard_rows=128, progress=look, **USE)
    assert seen == times
    geoseg.vectorize(clip, tmp_path / "one.gpkg", **USE)
    assert (tmp_path / "out.gpkg").read_bytes() == (tmp_path / "one.gpkg").read_bytes()


def test_an_address_without_a_scheduler_is_refused(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("geoseg.run.cluster.SECONDS", 1)
    with pytest.raises(OptionError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        vectorize_many([clip], tmp_path / "out.gpkg", dask="tcp://127.0.0.1:9", **USE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_five_workers_killed_in_mid_task_cost_only_their_tasks(sample_data, tmp_path):
    scene, use = sample_data / "scene.tif", USE | {"tile": 128}
    geoseg.vectorize(scene, tmp_path / "one.gpkg", **use)
    store = tmp_path / "shards"
    killed, over = [], threading.Event()

    def kill():
        me = psutil.Process()
        while len(killed) < 5 and not over.is_set():
            done = len(list(store.glob("*.shard")))
            time.sleep(0.5)
            busy = [one for one in me.children(recursive=True)
                    if one.pid not in killed and one.cpu_times().user > 3]
            if busy and done > len(killed) // 2:
                busy[0].send_signal(signal.SIGKILL)
                killed.append(busy[0].pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        vectorize_many(
            [scene], tmp_path / "dask.gpkg", dask="local:2", store=str(store), shard_rows=128,
            **use,
        )
    finally:
        over.set()
        killer.join()
    assert len(killed) == 5
    assert (tmp_path / "dask.gpkg").read_bytes() == (tmp_path / "one.gpkg").read_bytes()
