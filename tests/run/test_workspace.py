import pytest

from geoseg.errors import LockedError, MemoryBudgetError, OptionError, OutputError, RasterError
from geoseg.run.workspace import workspace

FACTS = {"model": "a"}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.tif"


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def stop(out, error, facts=FACTS, entries=1):
    with pytest.raises(type(error)), workspace(out, facts) as work:
        for i in range(entries):
            work.journal.add({"i": i})
        raise error


def test_after_success_nothing_is_left(out, tmp_path):
    with workspace(out, FACTS) as work:
        work.journal.add({"i": 1})
        (work.folder / "scratch").write_bytes(b"x")
        assert names(tmp_path) == [".out.tif.geoseg-work", "out.tif.geoseg.lock"]
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [
    KeyboardInterrupt(), SystemExit(143), MemoryError(), OutputError("full"), MemoryBudgetError("m")
])
def test_an_interruption_leaves_the_work_and_says_so(out, tmp_path, caplog, error):
    stop(out, error)
    assert names(tmp_path) == [".out.tif.geoseg-work"]
    assert "the same command goes on there" in caplog.text
    with workspace(out, FACTS) as work:
        assert [entry.values for entry in work.journal.entries] == [{"i": 0}]


@pytest.mark.parametrize("error", [RasterError("damaged"), OptionError("no")])
def test_a_refused_input_leaves_nothing(out, tmp_path, error):
    stop(out, error)
    assert names(tmp_path) == []


def test_an_interruption_before_anything_was_done_leaves_nothing(out, tmp_path):
    stop(out, KeyboardInterrupt(), entries=0)
    assert names(tmp_path) == []


def test_other_facts_are_refused_and_the_work_stays(out, tmp_path):
    stop(out, KeyboardInterrupt())
    with pytest.raises(OptionError, match="model"), workspace(out, {"model": "b"}):
        pass
    with workspace(out, FACTS) as work:
        assert len(work.journal.entries) == 1


def test_restart_throws_the_work_away(out):
    stop(out, KeyboardInterrupt())
    with workspace(out, {"model": "b"}, restart=True) as work:
        assert work.journal.entries == []


def test_a_second_run_is_kept_out(out):
    with workspace(out, FACTS), pytest.raises(LockedError), workspace(out, FACTS):
        pass


def test_an_output_that_is_an_input_is_refused_by_any_name(out, tmp_path):
    out.write_bytes(b"scene")
    (tmp_path / "link.tif").symlink_to(out)
    with pytest.raises(OptionError, match="input"):
        with workspace(tmp_path / "link.tif", FACTS, inputs=(out,)):
            pass
    assert out.read_bytes() == b"scene"


def test_a_link_in_place_of_the_folder_is_refused_and_its_target_kept(out, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_bytes(b"x")
    (tmp_path / ".out.tif.geoseg-work").symlink_to(tmp_path / "precious")
    for restart in (False, True):
        with pytest.raises(OutputError, match="remove it"):
            with workspace(out, FACTS, restart=restart):
                pass
    assert names(tmp_path / "precious") == ["file"]


def test_a_result_that_was_published_before_the_kill_is_known_again(out, tmp_path):
    (tmp_path / "partial").write_bytes(b"result")
    with pytest.raises(KeyboardInterrupt), workspace(out, FACTS) as work:
        assert work.published("mask", out) is None
        work.note_result("mask", tmp_path / "partial", count=3)
        (tmp_path / "partial").rename(out)
        raise KeyboardInterrupt
    with workspace(out, FACTS) as work:
        assert work.published("mask", out)["count"] == 3
        assert work.published("parcels", out) is None
        out.write_bytes(b"another file of another size")
        assert work.published("mask", out) is None
