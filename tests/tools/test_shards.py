"""The main job in shards: any order, any size, any machine, the same bytes."""

import logging
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest

import geoseg
from geoseg.errors import OptionError, OutputError, RasterError, ShardsMissingError
from geoseg.raster import scenes_in
from geoseg.run.shards import ShardPlan
from geoseg.run.store import Folder
from geoseg.tools.merge import merge
from geoseg.tools.plan import plan
from geoseg.tools.run import run_shard
from geoseg.vector import read_table

USE = {"tile": 64, "threads": 1}


@pytest.fixture(scope="module")
def write(cut_scene, tmp_path_factory):
    """Give a function that writes a part of the sample scene."""
    folder = tmp_path_factory.mktemp("scenes")

    def cut(name, col=100, row=200, width=200, height=330, **profile):
        return cut_scene(folder / name, col, row, width, height, nodata=0, **profile)

    return cut


@pytest.fixture(scope="module")
def scene(write):
    return write("scene.tif")


@pytest.fixture(scope="module")
def whole(scene, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "whole.gpkg"
    geoseg.vectorize(scene, out, **USE)
    return out.read_bytes()


def run_all(place, order=None):
    numbers = range(len(ShardPlan.load(Folder(place)).shards))
    for number in order or numbers:
        run_shard(place, number, threads=1)


@pytest.mark.parametrize("rows", [64, 192, 4096])
def test_shards_of_any_size_in_any_order_give_the_bytes_of_one_run(scene, whole, tmp_path, rows):
    made = plan([scene], tmp_path / "job", shard_rows=rows, **USE)
    numbers = list(range(made.report["shards"]))
    random.Random(rows).shuffle(numbers)
    run_all(tmp_path / "job", numbers)
    assert merge(tmp_path / "job")[0].path.read_bytes() == whole


def test_a_shard_that_is_done_is_left_as_it_is(scene, tmp_path):
    plan([scene], tmp_path, shard_rows=4096, **USE)
    assert not run_shard(tmp_path, 0, threads=1)["done_before"]
    before = {one.name: one.stat().st_mtime_ns for one in tmp_path.iterdir()}
    assert run_shard(tmp_path, 0, threads=1)["done_before"]
    assert {one.name: one.stat().st_mtime_ns for one in tmp_path.iterdir()} == before


def test_missing_shards_are_named_and_nothing_is_written(scene, tmp_path):
    plan([scene], tmp_path, shard_rows=64, **USE)
    run_shard(tmp_path, 1, threads=1)
    with pytest.raises(ShardsMissingError, match=r"5 of 6 shards are not done: 0, 2, 3, 4, 5;"):
        merge(tmp_path)
    assert not list(tmp_path.glob("*.gpkg"))


def test_a_damaged_shard_is_an_output_error_that_names_it(scene, tmp_path):
    plan([scene], tmp_path, shard_rows=192, **USE)
    run_all(tmp_path)
    victim = sorted(tmp_path.glob("*.shard"))[1]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    with pytest.raises(OutputError, match=victim.name):
        merge(tmp_path)
    assert not list(tmp_path.glob("*.gpkg"))


def test_a_scene_that_changed_after_the_plan_is_refused_with_what_differs(write, tmp_path):
    path = write("changed.tif", height=80)
    plan([path], tmp_path, **USE)
    write("changed.tif", height=80, data=lambda pixels: pixels[:, ::-1])
    with pytest.raises(OptionError, match="scene bytes.*plan again"):
        run_shard(tmp_path, 0, threads=1)


def test_another_plan_in_the_same_folder_is_refused_with_what_differs(scene, tmp_path):
    plan([scene], tmp_path, **USE)
    plan([scene], tmp_path, **USE)
    with pytest.raises(OptionError, match="threshold: null -> 0.4.*--restart"):
        plan([scene], tmp_path, threshold=0.4, **USE)
    plan([scene], tmp_path, threshold=0.4, restart=True, **USE)
    assert ShardPlan.load(Folder(tmp_path)).choice["threshold"] == 0.4


def test_a_profile_of_many_shards_is_refused(scene, tmp_path):
    with pytest.raises(OptionError, match="--profile works with one scene"):
        plan([scene], tmp_path, profile=str(tmp_path / "trace.json"), **USE)
    assert not list(tmp_path.iterdir())


def test_a_shard_that_is_not_in_the_plan_is_refused(scene, tmp_path):
    plan([scene], tmp_path, **USE)
    with pytest.raises(OptionError, match="--shard is 7, the plan has 0 to 0"):
        run_shard(tmp_path, 7)


def test_overlapping_scenes_are_one_mosaic_whose_pixels_come_from_the_first(write, whole, tmp_path):
    upper = write("upper.tif", height=200)
    lower = write("lower.tif", row=330, height=200)
    dark = write("dark.tif", row=230, height=100, data=lambda pixels: pixels // 4 + 1)
    made = plan([upper, lower, dark], tmp_path / "job", shard_rows=128, **USE)
    assert [one["scenes"] for one in made.report["mosaics"]] == [3]
    run_all(tmp_path / "job")
    parcels = merge(tmp_path / "job")[0].parcels
    (tmp_path / "whole.gpkg").write_bytes(whole)
    wanted = read_table(tmp_path / "whole.gpkg", layer="parcels")
    assert (parcels.to_wkb() == wanted.to_wkb()).all(axis=None)


def test_the_newest_scene_of_a_list_lies_on_top(write, tmp_path):
    from geoseg.tools.scene_list import read_scenes

    (tmp_path / "list.csv").write_text("old.tif, 2020-01-02\n# note\nnew.tif,2024-05-06\nany.tif\n")
    assert read_scenes([tmp_path / "list.csv", "last.tif"]) == [
        str(tmp_path / "new.tif"), str(tmp_path / "old.tif"), str(tmp_path / "any.tif"), "last.tif",
    ]


def test_scenes_in_two_zones_give_a_file_each_or_one_in_a_crs_with_shared_borders(write, tmp_path):
    import shapely

    west = write("west.tif", height=200)
    east = write("east.tif", height=200, crs="EPSG:32631")
    plan([west, east], tmp_path / "two", **USE)
    run_all(tmp_path / "two")
    each = merge(tmp_path / "two", tmp_path / "out.gpkg")
    assert [one.path.name for one in each] == ["out-1-west.gpkg", "out-2-east.gpkg"]
    plan([west, east], tmp_path / "two", crs="EPSG:3035", restart=True, **USE)
    (one,) = merge(tmp_path / "two", tmp_path / "one.gpkg")
    assert one.count == sum(part.count for part in each)
    assert one.parcels.crs == "EPSG:3035"
    assert one.parcels["parcel_id"].is_unique
    assert np.allclose(one.parcels["area_m2"].sum(), sum(p.parcels["area_m2"].sum() for p in each))
    for half in (one.parcels[: each[0].count], one.parcels[each[0].count :]):
        assert shapely.coverage_is_valid(half.geometry.values)


def test_a_folder_of_scenes_on_one_grid_gives_the_parcels_of_the_whole_scene(
    write, scene, whole, tmp_path
):
    from geoseg.tools.scene_list import read_scenes

    folder = tmp_path / "scenes"
    folder.mkdir()
    for name, options in (("a.tif", {"height": 200}), ("b.tif", {"row": 350, "height": 180})):
        write(name, **options).rename(folder / name)
    (folder / "readme.txt").write_text("no scene")
    (tmp_path / "whole.gpkg").write_bytes(whole)
    assert read_scenes([folder]) == [str(folder / "a.tif"), str(folder / "b.tif")]
    made = geoseg.vectorize(folder, tmp_path / "out.gpkg", **USE)
    assert made.report["scene"] == ["a.tif", "b.tif"]
    expected = read_table(tmp_path / "whole.gpkg")
    assert (made.parcels.to_wkb() == expected.to_wkb()).all(axis=None)
    with pytest.raises(RasterError, match="is a folder without scenes"):
        read_scenes([tmp_path])


def test_what_geoseg_wrote_into_a_folder_of_scenes_is_no_scene_there(sample_data, tmp_path, caplog):
    shutil.copy(sample_data / "scene.tif", tmp_path)
    mask, preview = tmp_path / "mask.tif", tmp_path / "preview.png"
    one = geoseg.vectorize(
        tmp_path, tmp_path / "a.gpkg", mask=mask, preview=preview, tile=512, batch=1
    )
    geoseg.predict(tmp_path, tmp_path / "classes.tif", classes=True, tile=512, batch=1)
    with caplog.at_level(logging.INFO):
        assert scenes_in(tmp_path) == [tmp_path / "scene.tif"]
    for name in ("mask.tif is left out: geoseg wrote it (probability)",
                 "classes.tif is left out: geoseg wrote it (class)",
                 "preview.png is left out: geoseg wrote it (picture)"):
        assert name in caplog.text
    two = geoseg.vectorize(tmp_path, tmp_path / "b.gpkg", tile=512, batch=1)
    assert two.report["scene"] == one.report["scene"] == "scene.tif"
    assert one.parcels.to_wkb().equals(two.parcels.to_wkb())


def test_a_merge_loads_no_torch():
    program = "import sys, geoseg.tools.merge; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
