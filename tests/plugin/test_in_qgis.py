"""The plugin in a real QGIS, with an engine that is made up."""

import json
import sys

import pyproj
import pytest

pytestmark = pytest.mark.qgis
NAMES = {
    "segmentparcels", "predictmask", "polygonizemask", "trainmodel", "evaluateparcels",
    "modelinfo", "doctor",
}
EVERYTHING = {
    "BANDS": [3, 1, 2], "DEVICE": "cpu", "TILE": 128, "BATCH": 2, "THREADS": 1, "MEMORY": 4096,
}
AS_OPTIONS = [
    "--device", "cpu", "--tile", "128", "--batch", "2", "--threads", "1", "--memory", "4096M",
]


@pytest.fixture(scope="module")
def description(inside):
    return inside.ask("describe")


def has(words, *run):
    """Say whether words stand in a row in a command line."""
    return any(tuple(words[n:n + len(run)]) == run for n in range(len(words)))


def test_all_algorithms_are_there(description):
    assert set(description["algorithms"]) == NAMES
    assert description["icon"]


def test_loading_takes_less_than_a_second(description):
    assert description["seconds"] < 1.0


def test_the_plugin_can_be_reloaded_and_its_setting_comes_first(inside):
    seen = inside.ask("reload", python=sys.executable)
    assert "geoseg" in seen["groups"] and "the setting in Options" in seen["found by"]
    assert seen["gone"] and seen["back"]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_algorithm_explains_itself(description, name):
    one = description["algorithms"][name]
    assert one["group"] and one["tags"] and one["icon"] and one["help"]
    assert one["url"].startswith("file:") and one["url"].endswith(f"help.html#{name}")
    unexplained = [key for key, value in one["parameters"].items() if not value["help"]]
    assert not unexplained


def test_the_main_tool_has_the_parameters_that_scripts_rely_on(description):
    one = description["algorithms"]["segmentparcels"]
    kinds = {key: value["type"] for key, value in one["parameters"].items()}
    wanted = {
        "INPUT": "raster", "MODEL": "string", "BANDS": "band", "EXTENT": "extent",
        "AOI": "source", "THRESHOLD": "number", "SIMPLIFY": "distance",
        "TRIM": "distance", "DEVICE": "enum", "TILE": "number", "BATCH": "number",
        "MEMORY": "number",
        "PARCELS": "sink", "LINES": "sink", "MASK": "rasterDestination",
    }
    assert kinds | wanted == kinds
    assert kinds["MIN_AREA"] in ("area", "number")  # QGIS before 3.40 has no areas
    assert {"PARCELS", "LINES", "MASK", "COUNT", "AREA_M2"} <= set(one["outputs"])


def test_values_become_the_options_of_the_real_command_line(inside, scene, log, work):
    mask = work / "mask out.tif"
    inside.run("segmentparcels", parameters=EVERYTHING | {
        "INPUT": scene, "PARCELS": "memory:", "MASK": mask, "THRESHOLD": 0.45, "MIN_AREA": 250,
        "SIMPLIFY": 1.5, "TRIM": 3, "INSTANCES": "components",
        "EXTENT": "500000,500100,5299900,5300000",
    })
    words = log.words()
    values = log.values()
    assert has(words, *AS_OPTIONS)
    assert values["bands"] == (3, 1, 2) and values["memory"] == 4096 * 2**20
    assert values["extent"] == (500000.0, 5299900.0, 500100.0, 5300000.0)
    assert (values["threshold"], values["min_area"], values["simplify"]) == (0.45, 250.0, 1.5)
    assert values["trim"] == 3 and values["instances"] == "components"
    assert values["mask"] == str(mask)
    assert values["overwrite"] and values["progress"] == "json"
    assert values["scenes"] == (str(scene),)


def test_empty_values_leave_the_choice_to_the_engine(inside, scene, log):
    inside.run("segmentparcels", parameters={
        "INPUT": scene, "PARCELS": "memory:", "THRESHOLD": None, "MIN_AREA": "", "BANDS": [],
    })
    values = log.values()
    empty = ("threshold", "min_area", "simplify", "bands", "extent", "aoi", "tile", "memory")
    assert [values[name] for name in empty] == [None] * len(empty)


def test_zero_is_a_value(inside, scene, log):
    parameters = {"INPUT": scene, "PARCELS": "memory:", "MIN_AREA": 0, "SIMPLIFY": 0}
    inside.run("segmentparcels", parameters=parameters)
    values = log.values()
    assert values["min_area"] == 0 and values["simplify"] == 0


def test_an_extent_in_degrees_reaches_the_engine_in_the_crs_of_the_scene(inside, scene, log):
    corner = "9.0,9.001,47.852,47.853 [EPSG:4326]"
    parameters = {"INPUT": scene, "PARCELS": "memory:", "EXTENT": corner}
    inside.run("segmentparcels", parameters=parameters)
    extent = log.values()["extent"]
    transform = pyproj.Transformer.from_crs(4326, 25832, always_xy=True).transform
    corners = *transform(9.0, 47.852), *transform(9.001, 47.853)
    # 0.5 m: the box around a slightly turned rectangle
    assert extent == pytest.approx(corners, abs=0.5)


def test_negative_coordinates_are_not_taken_for_options(inside, scene_in_degrees, log):
    parameters = {"INPUT": scene_in_degrees, "PARCELS": "memory:", "EXTENT": "-1,2,-3,4"}
    inside.run("segmentparcels", parameters=parameters)
    assert log.values()["extent"] == (-1.0, -3.0, 2.0, 4.0)


def test_only_the_selected_polygons_of_the_area_are_used(inside, scene, parcels, log):
    import geopandas

    area = {"path": str(parcels), "expression": "parcel_id = 2"}
    kept = log.path.with_name("area.gpkg")
    made = inside.run(
        "segmentparcels", mode="keep aoi", selected={"AOI": area},
        parameters={"INPUT": scene, "PARCELS": "memory:"},
    )
    assert made["ok"], made
    assert log.values()["aoi"].endswith("aoi.gpkg")
    assert len(geopandas.read_file(kept)) == 1


def test_an_area_without_polygons_is_refused(inside, scene, parcels, log):
    area = {"path": str(parcels), "expression": "parcel_id = 77"}
    made = inside.run(
        "segmentparcels", selected={"AOI": area}, parameters={"INPUT": scene, "PARCELS": "memory:"}
    )
    assert not made["ok"] and "has no polygons" in made["error"] and not log.entries


@pytest.mark.parametrize(
    ("algorithm", "more"),
    [
        ("predictmask", EVERYTHING | {"MASK": "TEMPORARY_OUTPUT"}),
        ("polygonizemask", {"PARCELS": "memory:", "BAND": 1, "CONNECTIVITY": "8", "MIN_AREA": 9}),
        ("modelinfo", {"MODEL": "parcels-aerial"}),
        ("doctor", {}),
    ],
)
def test_other_algorithms_speak_the_real_command_line(inside, scene, log, algorithm, more):
    parameters = {"INPUT": scene} | more if algorithm.endswith("mask") else more
    made = inside.run(algorithm, parameters=parameters)
    assert made["ok"], made
    assert all(log.values(number) for number in range(len(log.entries)))


def test_training_speaks_the_real_command_line(inside, scene, parcels, log, work):
    parameters = {
        "INPUT": scene, "LABELS": parcels, "MODEL": work / "mine.safetensors", "TIME_LIMIT": 2,
        "STEPS": 10, "DEVICE": "cpu", "RESTART": True, "BOUNDARY_WIDTH": "3m",
    }
    made = inside.run("trainmodel", parameters=parameters)
    values = log.values()
    assert made["ok"], made
    assert values["seconds"] == 120 and values["steps"] == 10 and values["restart"]
    assert values["boundary_width"] == "3m" and values["model"].endswith("mine.safetensors")
    assert (made["results"]["STEPS"], json.loads(made["results"]["SCORES"])) == (
        7, {"parcel_f1": 0.75}
    )


def test_evaluation_gives_scores_and_leaves_undefined_ones_empty(inside, parcels, log):
    made = inside.run("evaluateparcels", parameters={"PARCELS": parcels, "TRUTH": parcels})
    assert made["ok"], made
    assert log.values()["as_json"]
    assert made["results"]["F1"] == 0.5 and made["results"]["IOU"] is None


def test_the_doctor_says_what_to_mend(inside, log):
    made = inside.run("doctor")
    assert made["results"]["OK"] is False and made["warnings"] == ["mend disk: full"]


def test_a_mask_can_be_begun_anew(inside, scene, log):
    for anew in (False, True):
        parameters = {"INPUT": scene, "MASK": "TEMPORARY_OUTPUT", "RESTART": anew}
        assert inside.run("predictmask", parameters=parameters)["ok"]
        assert log.values()["restart"] is anew


def test_a_refusal_says_what_its_options_are_called_in_the_dialog(inside, scene, log):
    made = inside.run(
        "segmentparcels", mode="refuse", parameters={"INPUT": scene, "PARCELS": "memory:"}
    )
    assert "(In this dialog --bands is “Bands, in the model's order”.)" in made["error"]


def test_the_log_has_the_command_line_to_copy(inside, scene, log, work):
    out = work / "copied.gpkg"
    made = inside.run("segmentparcels", parameters={"INPUT": scene, "PARCELS": out})
    (command,) = made["commands"]
    assert command.startswith(f"geoseg vectorize '{scene}' '{out}' --model parcels-aerial")
    assert "--progress" not in command and "--until-eof" not in command


def test_a_web_map_is_refused_before_the_run(inside, log):
    source = "type=xyz&url=https://example.org/{z}/{x}/{y}.png&zmax=3"
    layer = inside.ask("open raster", source=source, name="web", provider="wms")
    made = inside.run("segmentparcels", parameters={"INPUT": layer["id"], "PARCELS": "memory:"})
    assert "no raster file" in made["problem"] and not log.entries


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"MODEL": "/nowhere/model.safetensors"}, "there is no model file"),
        ({"MODEL": "model.onnx"}, "there is no model file model.onnx"),
        ({"MASK": "/nowhere/mask.jpg"}, "its name ends in .tif"),
        ({"DEVICE": "toaster"}, "Incorrect parameter value"),
        ({"THRESHOLD": 7}, "Incorrect parameter value"),
    ],
)
def test_wrong_values_are_refused_before_the_run(inside, scene, log, wrong, text):
    parameters = {"INPUT": scene, "PARCELS": "memory:"} | wrong
    made = inside.run("segmentparcels", parameters=parameters)
    assert text in made["problem"] and not log.entries
