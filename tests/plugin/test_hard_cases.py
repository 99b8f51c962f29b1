"""What goes wrong in a run, in a real QGIS: cancel, kill, crash, noise, strange engines."""

import os
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.qgis
SCANTY = {
    "PROJ_DATA": "/nowhere", "PROJ_LIB": "/nowhere", "PYTHONPATH": "/nowhere",
    "PYTHONHOME": "/nowhere", "GDAL_DATA": "/nowhere", "LD_LIBRARY_PATH": "/nowhere",
    "QGIS_PREFIX_PATH": "/nowhere", "GDAL_DRIVER_PATH": "/nowhere",
}


def segment(inside, scene, mode, **more):
    """Run the main tool with the fake engine in one of its moods."""
    parameters = {"INPUT": scene, "PARCELS": "memory:"} | more.pop("parameters", {})
    return inside.run("segmentparcels", mode=mode, parameters=parameters, **more)


@pytest.mark.parametrize("mode", ["slow", "busy", "deaf"])
def test_cancel_ends_the_run_in_two_seconds_and_leaves_nothing(inside, scene, log, work, mode):
    mask = work / f"{mode}.tif"
    made = segment(inside, scene, mode, cancel_after=1.2, load=True, parameters={"MASK": mask})
    assert made["canceled"] and made["results"] == {} and made["after_cancel"] < 2.0
    assert not made["waiting"] and not made["temporary"]
    assert log.entries and not log.wait_until_all_ended(0.5)
    assert not [one for one in work.iterdir() if mask.stem in one.name]


@pytest.mark.parametrize("mode", ["slow", "deaf"])
def test_cancel_of_a_prediction_leaves_nothing(inside, scene, log, work, mode):
    mask = work / f"predicted {mode}.tif"
    made = inside.run("predictmask", mode=mode, cancel_after=1.2, load=True,
                      parameters={"INPUT": scene, "MASK": mask})
    assert made["canceled"] and made["after_cancel"] < 2.0 and not made["waiting"]
    assert not [one for one in work.iterdir() if mask.stem in one.name]


def test_cancel_works_twenty_times_of_twenty(inside, scene, log):
    runs = [segment(inside, scene, "slow", cancel_after=0.5 + 0.02 * n) for n in range(20)]
    assert all(one["canceled"] and one["after_cancel"] < 2.0 for one in runs)
    assert not log.wait_until_all_ended(0.5)


def test_cancel_while_parcels_are_stored_removes_what_is_there(inside, scene, log, work):
    out = work / "cancelled.gpkg"
    made = segment(inside, scene, "good", cancel_at=80, load=True, parameters={"PARCELS": out})
    assert made["canceled"] and made["results"] == {} and not made["waiting"]
    assert not out.exists()


def test_cancel_while_parcels_are_stored_keeps_the_other_layers(
    inside, scene, parcels, log, work
):
    import geopandas

    path = work / "kept.gpkg"
    geopandas.read_file(parcels).to_file(path, layer="precious", driver="GPKG")
    made = segment(inside, scene, "good", cancel_at=80, parameters={"PARCELS": path})
    assert made["canceled"] and inside.ask("layers", path=path) == {"precious": 3}


def test_the_words_of_the_engine_are_the_error(inside, scene, log, work):
    mask = work / "refused.tif"
    made = segment(inside, scene, "refuse", load=True, parameters={"MASK": mask})
    assert made["error"] == (
        "raster has 3 bands, the model wants 4; choose them with --bands\n"
        "(In this dialog --bands is “Bands, in the model's order”.)"
    )
    assert made["warnings"] == ["the scene is dark"]
    assert not made["ok"] and not made["waiting"] and not made["temporary"] and not mask.exists()


def test_the_words_of_a_quick_command_are_the_error_too(inside, log):
    made = inside.run("modelinfo", mode="refuse", parameters={"MODEL": "nope"})
    assert made["error"] == "no model 'nope'; there are: fake"


def test_a_bug_of_the_engine_shows_its_last_words(inside, scene, log):
    made = segment(inside, scene, "explode")
    assert "exit code 1" in made["error"] and "ValueError: a bug of the engine" in made["error"]


def test_a_killed_engine_is_said_to_want_memory(inside, scene, log):
    assert "want of memory" in segment(inside, scene, "die")["error"]


def test_an_engine_that_ends_without_a_result_has_failed(inside, scene, log):
    assert "without a result" in segment(inside, scene, "forget")["error"]


def test_a_flood_of_noise_does_no_harm(inside, scene, log):
    made = segment(inside, scene, "noisy")
    assert made["ok"] and made["results"]["COUNT"] == 3
    assert len(made["said"]) < 500 and sum(map(len, made["said"])) < 2_000_000
    assert any("more lines" in text for text in made["said"])


def test_progress_goes_up_and_says_the_stage(inside, scene, log):
    made = segment(inside, scene, "good")
    assert made["steps"] == sorted(made["steps"]) and made["steps"][-1] == pytest.approx(80)
    assert made["stages"] == ["predict"]


def test_nothing_of_the_environment_of_qgis_reaches_the_engine(inside, scene, log):
    made = inside.ask("run", algorithm="segmentparcels", environment={"FAKE_MODE": "good"} | SCANTY,
                      parameters={"INPUT": scene, "PARCELS": "memory:"})
    inside.ask("forget", names=list(SCANTY))
    assert made["ok"], made
    seen = log.entries[-1]["environment"]
    assert "/nowhere" not in seen.values() and "QGIS_CUSTOM_CONFIG_PATH" not in seen
    assert "/geoseg-" in log.entries[-1]["folder"]


@pytest.mark.parametrize(
    ("mode", "text"),
    [("old", "an older version"), ("new", "is geoseg 9.9.0"), ("unfit", "type this")],
)
def test_an_engine_that_does_not_fit_is_refused_with_what_to_type(inside, scene, log, mode, text):
    made = segment(inside, scene, mode)
    assert text in made["error"] and not log.entries
    assert mode == "unfit" or "qgis install" in made["error"]


def test_where_the_engine_is_missing_three_lines_say_what_to_type(
    inside, scene, log, environment
):
    made = inside.ask("run", algorithm="segmentparcels",
                      environment={"GEOSEG_PYTHON": "/nowhere/python"},
                      parameters={"INPUT": scene, "PARCELS": "memory:"})
    inside.ask("run", algorithm="doctor",
               environment={"GEOSEG_PYTHON": environment["GEOSEG_PYTHON"]})
    assert not made["can"]
    lines = [line for line in made["missing"].splitlines() if line.startswith("    ")]
    assert len(lines) == 3 and "-m venv" in lines[0] and "qgis install" in lines[2]


def test_a_python_without_geoseg_is_told_from_a_missing_one(inside, scene, log, environment):
    made = inside.ask("run", algorithm="segmentparcels",
                      environment={"GEOSEG_PYTHON": "/usr/bin/python3"},
                      parameters={"INPUT": scene, "PARCELS": "memory:"})
    inside.ask("run", algorithm="doctor",
               environment={"GEOSEG_PYTHON": environment["GEOSEG_PYTHON"]})
    assert "/usr/bin/python3 -m pip install ./geoseg" in made["error"]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_engine_ends_with_qgis(environment, scene, log, work, kind, qgis_process):
    out = work / f"killed{kind}.gpkg"
    process = subprocess.Popen(
        [qgis_process, "run", "geoseg:segmentparcels", "--", f"INPUT={scene}", f"PARCELS={out}"],
        env=environment | {"FAKE_MODE": "slow"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup ignores it
    )
    wait_for(lambda: log.alive())
    os.kill(process.pid, kind)
    began = time.monotonic()
    process.wait(20)
    assert not log.wait_until_all_ended(5), "the engine lives on"
    assert time.monotonic() - began < 5 and not out.exists()


def wait_for(condition, seconds=60):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.05)
