"""A QGIS window under a virtual screen, used as a person would."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.qgis
SCRIPT = Path(__file__).with_name("window.py")


@pytest.fixture(scope="module")
def seen(environment, profiles, scene, log_of_module, tmp_path_factory):
    if not shutil.which("xvfb-run"):
        pytest.skip("no virtual screen: install xvfb and xauth")
    out = tmp_path_factory.mktemp("pictures")
    variables = {name: value for name, value in environment.items() if name != "QT_QPA_PLATFORM"}
    variables |= {"WINDOW_OUT": str(out), "WINDOW_SCENE": str(scene), "WINDOW_SECONDS": "40"}
    run = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", "qgis", "--nologo",
         "--profiles-path", str(profiles), "--code", str(SCRIPT)],
        env=variables, capture_output=True, text=True, timeout=150, check=False,
    )
    file = out / "seen.json"
    assert file.exists(), run.stdout[-2000:] + run.stderr[-2000:]
    found = json.loads(file.read_text())
    assert run.returncode == 0, found.get("error")
    return found | {"pictures": out, "alive": log_of_module.wait_until_all_ended(1)}


def test_the_plugin_is_switched_on_and_its_run_ends_well(seen):
    assert "geoseg_qgis" in seen["plugins"] and seen["ok"]


def test_the_parcels_are_on_the_map_named_and_styled(seen, scene):
    assert seen["layer"] == {
        "name": f"Parcels of {scene.stem}", "crs": "EPSG:25832", "count": 3,
        "renderer": "RuleRenderer",
    }


def test_the_cancel_button_ends_the_run_in_two_seconds(seen):
    assert seen["cancel_seconds"] < 2 and not seen["alive"]


def test_a_batch_runs_every_row(seen):
    assert seen["batch"] == 2


def test_the_model_designer_offers_the_tool(seen):
    assert seen["modeler"] == "parcels-aerial"


def test_a_refusal_is_shown_in_the_words_of_the_engine(seen):
    assert "raster has 3 bands, the model wants 4" in seen["refusal"]
    assert "Traceback" not in seen["refusal"]


def test_the_toolbox_says_what_to_type_where_the_engine_is_missing(seen):
    assert "-m venv geoseg-env<br>" in seen["missing"] and "qgis install<br>" in seen["missing"]


def test_every_picture_was_taken(seen):
    names = {one.stem for one in seen["pictures"].glob("*.png")}
    assert {"qgis-dialog", "qgis-log", "qgis-result", "qgis-table", "qgis-missing"} <= names
