"""What a kill, a stop or a full disk leaves; the whole table: tests/benchmarks/bench_faults.py."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

injection = pytest.importorskip("injection", reason="wants POSIX")


@pytest.fixture
def traced():
    if not injection.can_strace():
        pytest.skip("strace is not here, or may not attach")


@pytest.fixture
def whole(engine, job):
    """Give the bytes of an unbroken run."""
    argv, out = job
    assert engine.run(argv).code == 0
    data = out.read_bytes()
    out.unlink()
    return data


def tiles_done_before(said):
    found = re.search(r"(\d+) of 9 tiles were done before", said)
    return int(found[1]) if found else 0


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(traced, engine, job, whole):
    argv, out = job
    before = []
    for _ in range(4):  # the journal's thread syncs one batch and dies in the second
        died = engine.run(argv, paths=injection.outputs(out), inject=["fsync:signal=KILL:when=2"])
        assert died.code == -signal.SIGKILL
        before.append(tiles_done_before(died.said))
    last = engine.run(argv)
    assert last.code == 0
    before.append(tiles_done_before(last.said))
    # What was written before the kill is kept, whether it was synced or not.
    assert all(after >= min(9, one + 2) for one, after in zip(before, before[1:])), before
    assert out.read_bytes() == whole
    assert injection.left_over(out.parent, [out.name]) == []


@pytest.mark.parametrize(("call", "number"), [("rename", 1), ("fsync", 1), ("unlinkat", 1)])
def test_a_kill_while_publishing_keeps_the_old_or_gives_the_new(
    traced, engine, job, whole, call, number
):
    argv, out = job
    out.write_bytes(b"old")
    died = engine.run(
        argv, paths=injection.outputs(out), inject=[f"{call}:signal=KILL:when={number}"]
    )
    assert died.code == -signal.SIGKILL
    assert out.read_bytes() in (b"old", whole)
    assert engine.run(argv).code == 0
    assert out.read_bytes() == whole
    assert injection.left_over(out.parent, [out.name]) == []


def test_a_run_that_published_and_was_killed_knows_its_output_without_overwrite(
    traced, engine, job, whole
):
    argv, out = job
    argv = [one for one in argv if one != "--overwrite"]
    died = engine.run(argv, paths=injection.outputs(out), inject=["unlinkat:signal=KILL:when=1"])
    assert died.code == -signal.SIGKILL and out.read_bytes() == whole
    again = engine.run(argv)
    assert again.code == 0, again.said
    assert injection.left_over(out.parent, [out.name]) == []


def test_a_full_disk_is_exit_5_and_one_line_and_the_rerun_goes_on(traced, engine, job, whole):
    argv, out = job
    out.write_bytes(b"old")
    full = engine.run(argv, paths=injection.outputs(out), inject=["write:error=ENOSPC:when=8+"])
    assert full.code == 5
    assert len([line for line in full.said.splitlines() if line.startswith("geoseg: ")]) == 1
    assert out.read_bytes() == b"old"
    again = engine.run(argv)
    assert again.code == 0 and "an unfinished run is in" in again.said
    assert out.read_bytes() == whole


@pytest.mark.parametrize("fault", ["signal=KILL:when=1", "error=ENOSPC:when=1+"])
def test_a_mask_whose_blocks_are_lost_on_their_way_is_made_anew(
    traced, engine, tmp_path, fault
):
    out = tmp_path.resolve() / "mask.tif"
    blocks = tmp_path.resolve() / ".mask.partial.tif.blocks"
    argv = ["predict", engine.folder / "scene.tif", out, "--model",
            engine.folder / "model.safetensors", "--tile", "64", "--threads", "1"]
    assert engine.run(argv).code == 0
    data = out.read_bytes()
    out.unlink()
    (tmp_path / "other").write_bytes(b"precious")
    blocks.symlink_to(tmp_path / "other")
    broken = engine.run(argv, paths=[blocks], inject=[f"write:{fault}"])
    assert broken.code in (5, -signal.SIGKILL) and not out.exists()
    again = engine.run(argv)
    assert again.code == 0 and tiles_done_before(again.said) > 0
    assert out.read_bytes() == data
    assert (tmp_path / "other").read_bytes() == b"precious"
    assert injection.left_over(tmp_path, ["mask.tif", "other"]) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_its_code_and_the_same_command_goes_on(engine, job, whole, number):
    argv, out = job
    journal = out.parent / ".out.gpkg.geoseg-work" / "journal"

    def stop(pid):
        while not (journal.exists() and journal.stat().st_size > 10_000):
            time.sleep(0.001)
        os.kill(pid, number)

    stopped = engine.run(argv, while_it_runs=stop)
    assert stopped.code == 128 + number, stopped.said
    assert "the same command goes on there" in stopped.said
    assert not out.exists()
    assert engine.run(argv).code == 0
    assert out.read_bytes() == whole


def test_other_options_are_refused_with_the_key_and_restart_starts_over(engine, job, whole):
    argv, out = job
    journal = out.parent / ".out.gpkg.geoseg-work" / "journal"

    def kill(pid):
        while not (journal.exists() and journal.stat().st_size > 10_000):
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)

    assert engine.run(argv, while_it_runs=kill).code == -signal.SIGKILL
    other = [*argv, "--threshold", "0.4"]
    refused = engine.run(other)
    assert refused.code == 2
    assert "threshold: null -> 0.4" in refused.said and "--restart" in refused.said
    assert engine.run([*other, "--restart"]).code == 0
    assert injection.left_over(out.parent, [out.name]) == []


def test_a_second_run_of_one_output_is_exit_7(engine, job):
    argv, out = job
    code = ("import sys; from geoseg.publish import holding\n"
            "with holding(sys.argv[1]): print(flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", code, str(out)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert engine.run(argv).code == 7
        holder.stdin.close()
    assert engine.run(argv).code == 0


def test_the_scene_is_never_its_own_output(engine, job):
    scene = engine.folder / "scene.tif"
    before = scene.read_bytes()
    model = engine.folder / "model.safetensors"
    refused = engine.run(["predict", scene, scene, "--model", model, "--overwrite"])
    assert refused.code == 2 and "is an input too" in refused.said
    assert scene.read_bytes() == before
