import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from geoseg.errors import LockedError, OutputError
from geoseg.publish import partial_path, publishing, settle

HALF_DONE = """
import os, signal, sys
from geoseg.publish import publishing
with publishing(sys.argv[1], overwrite=True) as partial:
    partial.write_text("half of the new")
    os.kill(os.getpid(), signal.SIGKILL)
"""

HOT_JOURNAL = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.executemany("INSERT INTO t VALUES (?)", ((b"x" * 1000,) for _ in range(1000)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def run(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def database(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = [connection.execute(one).fetchall() for one in statements]
    return rows[-1]


def make_geopackage(path, *layers):
    """Make a database with the one table of a GeoPackage that matters here, and its layers."""
    contents = "CREATE TABLE IF NOT EXISTS gpkg_contents (table_name TEXT)"
    for layer in layers:
        database(
            path, contents, f"CREATE TABLE {layer} (x)", f"INSERT INTO {layer} VALUES ('{layer}')",
            f"INSERT INTO gpkg_contents VALUES ('{layer}')",
        )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_output_appears_under_its_name_and_nothing_else_is_left(tmp_path):
    with publishing(tmp_path / "a.txt") as partial:
        partial.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_the_partial_has_the_suffix_of_the_output_so_that_drivers_know_it(tmp_path):
    assert partial_path(tmp_path / "a.gpkg").suffix == ".gpkg"


def test_an_error_leaves_the_old_output_and_no_partial(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyError), publishing(tmp_path / "a.txt", overwrite=True) as partial:
        partial.write_text("new")
        raise KeyError("x")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_output_that_fails_its_check_is_not_published(tmp_path):
    def refuse(partial):
        raise OutputError(f"{partial.read_text()} is bad")

    with (
        pytest.raises(OutputError, match="new is bad"),
        publishing(tmp_path / "a.txt", verify=refuse) as partial,
    ):
        partial.write_text("new")
    assert names(tmp_path) == []


def test_an_existing_output_is_refused_before_any_work(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with (
        pytest.raises(OutputError, match=r"a.txt exists; pass --overwrite"),
        publishing(tmp_path / "a.txt"),
    ):
        pytest.fail("the block was entered")
    assert names(tmp_path) == ["a.txt"]


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(OutputError, match="there is no folder .*nowhere; make it"),
        publishing(tmp_path / "nowhere" / "a.txt"),
    ):
        pytest.fail("the block was entered")


def test_a_folder_or_a_device_is_not_an_output(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, text in ((tmp_path, "is a folder"), (tmp_path / "pipe", "not a regular file")):
        with pytest.raises(OutputError, match=text), publishing(path, overwrite=True):
            pytest.fail("the block was entered")


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    with publishing(tmp_path / "link.txt", overwrite=True) as partial:
        partial.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="cannot be written to: Permission denied"):
            publishing(tmp_path / "a.txt").__enter__()
    finally:
        tmp_path.chmod(0o700)


def test_a_name_that_is_too_long_is_one_line(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        publishing(tmp_path / ("a" * 250 + ".txt")).__enter__()


def test_a_second_run_to_one_output_is_kept_out(tmp_path):
    with publishing(tmp_path / "a.txt") as partial:
        partial.write_text("first")
        with (
            pytest.raises(LockedError, match=f"process {os.getpid()} on {socket.gethostname()}"),
            publishing(tmp_path / "a.txt"),
        ):
            pytest.fail("the block was entered")
    assert (tmp_path / "a.txt").read_text() == "first"


def test_a_lock_that_a_dead_run_left_is_taken_over(tmp_path):
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    (tmp_path / "a.txt.geoseg.lock").write_text(text)
    with publishing(tmp_path / "a.txt") as partial:
        partial.write_text("new")
    assert names(tmp_path) == ["a.txt"]


def test_a_lock_of_another_machine_is_respected(tmp_path):
    (tmp_path / "a.txt.geoseg.lock").write_text('{"pid": 1, "host": "elsewhere"}')
    with (
        pytest.raises(LockedError, match="process 1 on elsewhere; .* delete"),
        publishing(tmp_path / "a.txt"),
    ):
        pytest.fail("the block was entered")


def test_a_stale_partial_and_its_sidecars_are_removed(tmp_path):
    for name in (".a.partial.gpkg", ".a.partial.gpkg-journal", ".a.partial.gpkg-wal"):
        (tmp_path / name).write_text("rest of a killed run")
    with publishing(tmp_path / "a.gpkg") as partial:
        make_geopackage(partial, "t")
    assert names(tmp_path) == ["a.gpkg"]
    assert database(tmp_path / "a.gpkg", "SELECT x FROM t") == [("t",)]


@pytest.mark.parametrize("name", [".out.partial.tif", ".out.partial.tif.blocks"])
def test_a_folder_in_the_way_of_a_partial_is_named_and_kept(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=f"{name} is a folder"):
        with publishing(tmp_path / "out.tif"):
            pass
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_kill_9_leaves_the_old_output_and_the_next_run_finishes(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    assert run(HALF_DONE, tmp_path / "a.txt").returncode == -signal.SIGKILL
    assert (tmp_path / "a.txt").read_text() == "old"
    with publishing(tmp_path / "a.txt", overwrite=True) as partial:
        partial.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits are of POSIX")
def test_a_disk_that_takes_no_more_is_one_line_and_keeps_the_old_output(tmp_path):
    code = (
        "import resource, signal, sys\n"
        "from geoseg.publish import publishing\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "with publishing(sys.argv[1], overwrite=True) as partial:\n"
        "    partial.write_bytes(bytes(1_000_000))\n"
    )
    (tmp_path / "a.bin").write_bytes(b"old")
    done = run(code, tmp_path / "a.bin")
    assert "geoseg.errors.OutputError" in done.stderr
    assert "a.bin cannot be written: File too large" in done.stderr
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_errors_name_the_output_and_not_its_partial(tmp_path):
    with (
        pytest.raises(OutputError, match=r"^\S*/a\.txt is bad$"),
        publishing(tmp_path / "a.txt") as partial,
    ):
        raise OutputError(f"{partial} is bad")


def test_errors_of_inputs_are_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), publishing(tmp_path / "a.txt"):
        (tmp_path / "input.txt").read_text()


def hot(path):
    """Leave a GeoPackage with a journal that SQLite must roll back."""
    database(path, "CREATE TABLE t (x)", "INSERT INTO t VALUES ('old')")
    assert run(HOT_JOURNAL, path).returncode == -signal.SIGKILL
    assert path.with_name(path.name + "-journal").stat().st_size > 0


def test_renaming_alone_would_roll_an_old_journal_into_the_new_file(tmp_path):
    """The danger is real: without `settle` the new content is lost."""
    hot(tmp_path / "a.gpkg")
    make_geopackage(tmp_path / "new.gpkg", "parcels")
    os.replace(tmp_path / "new.gpkg", tmp_path / "a.gpkg")
    with pytest.raises(sqlite3.DatabaseError):
        database(tmp_path / "a.gpkg", "SELECT x FROM parcels")


def test_the_journal_of_a_crashed_writer_does_not_reach_the_new_file(tmp_path):
    hot(tmp_path / "a.gpkg")
    with publishing(tmp_path / "a.gpkg", overwrite=True) as partial:
        make_geopackage(partial, "parcels")
    assert database(tmp_path / "a.gpkg", "SELECT x FROM parcels") == [("parcels",)]
    assert names(tmp_path) == ["a.gpkg"]


def test_a_journal_without_its_file_is_removed(tmp_path):
    (tmp_path / "a.gpkg-journal").write_bytes(b"old")
    settle(tmp_path / "a.gpkg")
    assert names(tmp_path) == []


def test_a_geopackage_in_wal_mode_becomes_one_file(tmp_path):
    database(tmp_path / "a.gpkg", "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")
    settle(tmp_path / "a.gpkg")
    assert database(tmp_path / "a.gpkg", "PRAGMA journal_mode") == [("delete",)]


def test_other_layers_of_a_geopackage_survive(tmp_path):
    make_geopackage(tmp_path / "a.gpkg", "roads")
    with publishing(tmp_path / "a.gpkg", layer="parcels") as partial:
        make_geopackage(partial, "parcels")
    tables = database(tmp_path / "a.gpkg", "SELECT table_name FROM gpkg_contents")
    assert tables == [("roads",), ("parcels",)]


def test_a_layer_that_is_there_is_refused_in_any_case_of_letters(tmp_path):
    make_geopackage(tmp_path / "a.gpkg", "parcels", "roads")
    with (
        pytest.raises(OutputError, match="has a layer Parcels; pass --overwrite"),
        publishing(tmp_path / "a.gpkg", layer="Parcels"),
    ):
        pytest.fail("the block was entered")


def test_a_geopackage_with_no_other_layer_starts_anew(tmp_path):
    make_geopackage(tmp_path / "a.gpkg", "parcels")
    with publishing(tmp_path / "a.gpkg", layer="parcels", overwrite=True) as partial:
        assert not partial.exists()
        make_geopackage(partial, "parcels")


def test_a_geopackage_in_use_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("geoseg.publish.geopackage.BUSY_SECONDS", 0.05)
    make_geopackage(tmp_path / "a.gpkg", "roads")
    with closing(sqlite3.connect(tmp_path / "a.gpkg", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(OutputError, match="in use by another program"),
            publishing(tmp_path / "a.gpkg", layer="parcels"),
        ):
            pytest.fail("the block was entered")


def test_a_change_by_another_program_meanwhile_is_kept_and_so_is_the_result(tmp_path):
    make_geopackage(tmp_path / "a.gpkg", "roads")
    with (
        pytest.raises(OutputError, match=r"changed by another program.*a\.unpublished\.gpkg"),
        publishing(tmp_path / "a.gpkg", layer="parcels") as partial,
    ):
        make_geopackage(partial, "parcels")
        database(tmp_path / "a.gpkg", "INSERT INTO roads VALUES ('meanwhile')")
    assert len(database(tmp_path / "a.gpkg", "SELECT x FROM roads")) == 2
    assert database(tmp_path / "a.unpublished.gpkg", "SELECT x FROM parcels") == [("parcels",)]


def test_all_files_of_a_shapefile_move_together(tmp_path):
    with publishing(tmp_path / "a.shp") as partial:
        for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            partial.with_suffix(suffix).write_text(suffix)
    assert names(tmp_path) == ["a.cpg", "a.dbf", "a.prj", "a.shp", "a.shx"]
