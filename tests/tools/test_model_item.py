"""The item keeps the rules of the MLM extension 1.5.2, written out here: no network in tests."""

import hashlib
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from geoseg.cli.model import model as command
from geoseg.errors import ModelError
from geoseg.learning.checkpoint import save
from geoseg.learning.unet import build
from geoseg.spec import Band, LabelClass, ModelSpec
from geoseg.tools.model import one_line
from geoseg.learning.bundled import find_model
from geoseg.tools.model_item import make_item, write_item

KNOWN = {
    "name", "architecture", "tasks", "framework", "framework_version", "memory_size",
    "total_parameters", "pretrained", "pretrained_source", "batch_size_suggestion", "accelerator",
    "accelerator_constrained", "accelerator_summary", "accelerator_count", "input", "output",
    "hyperparameters",
}
"""Fields that the extension knows on an Item; another `mlm:` field is an error."""
TASKS = {"semantic-segmentation", "segmentation", "instance-segmentation"}
TYPES = {"uint8", "uint16", "int16", "int32", "float16", "float32", "float64"}
VERSION = re.compile(r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")


def item_of(path):
    return make_item(path.with_suffix(".json"), path)


def check(one):
    """Hold an Item against the extension's schema, rule by rule."""
    assert one["type"] == "Feature" and one["stac_version"] == "1.1.0" and one["id"]
    assert "https://stac-extensions.github.io/mlm/v1.5.2/schema.json" in one["stac_extensions"]
    assert one["geometry"] is None and "bbox" not in one and one["links"] == []
    said = one["properties"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["datetime"])
    assert {key[4:] for key in said if key.startswith("mlm:")} <= KNOWN
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", said["mlm:name"])
    assert isinstance(said["mlm:architecture"], str)
    assert VERSION.match(said["mlm:framework_version"])
    assert said["mlm:framework"] in ("PyTorch", "ONNX") and said["mlm:total_parameters"] > 0
    assert set(said["mlm:tasks"]) <= TASKS
    assert all(re.fullmatch(r"[0-9a-zA-Z_.-]+", key) for key in said["mlm:hyperparameters"])
    known = {band["name"] for band in said["bands"]}
    for given in said["mlm:input"]:
        assert given["name"] and given["bands"] and set(given["bands"]) <= known
        assert "bands" in given["input"]["dim_order"]
        check_structure(given["input"])
        assert len(given["value_scaling"]) == len(given["bands"])
        for scaling in given["value_scaling"]:
            assert scaling["type"] == "min-max" and scaling["minimum"] < scaling["maximum"]
    for given in said["mlm:output"]:
        assert given["name"] and set(given["tasks"]) <= TASKS
        assert "bands" not in given and "bands" not in given["result"]["dim_order"]
        check_structure(given["result"])
        for each in given["classification:classes"]:
            assert isinstance(each["value"], int) and each["name"] and each["description"]
    for asset in one["assets"].values():
        assert not {"mlm:name", "mlm:input", "mlm:output", "mlm:hyperparameters"} & asset.keys()
        assert "mlm:model" in asset["roles"] and asset["mlm:artifact_type"] and asset["href"]


def check_structure(structure):
    order = structure["dim_order"]
    assert len(structure["shape"]) == len(order) == len(set(order))
    assert all(isinstance(side, int) and side >= -1 for side in structure["shape"])
    assert all(re.fullmatch("[a-z-_]+", name) for name in structure["dim_order"])
    assert structure["data_type"] in TYPES


@pytest.fixture
def model(tmp_path):
    bands = tuple(Band(name, 0, 10_000) for name in ("red", "nir"))
    spec = ModelSpec(
        "7 my: model!", bands, "uint16", (LabelClass(0, "parcel"), LabelClass(1, "boundary")),
        (5, 20), 16, 96, "unet", 2, license="MIT", scores={"parcel_iou": 0.5},
    )
    save(tmp_path / "m.safetensors", spec, build("unet", width=2, bands=2))
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("name", ["parcels-aerial", "parcels-satellite"])
def test_the_item_of_a_bundled_model_keeps_the_rules(name):
    one = item_of(find_model(name))
    check(one)
    assert one["properties"]["license"] == "MIT"
    assert [band["name"] for band in one["properties"]["bands"]] == ["red", "green", "blue"]


def test_an_item_is_written_with_the_model_s_place_and_checksum(model):
    written = model.with_name("item.json")
    write_item(written, model)
    one = json.loads(written.read_text())
    check(one)
    asset = one["assets"]["model"]
    assert asset["href"] == "./m.safetensors" and asset["file:size"] == model.stat().st_size
    assert asset["file:checksum"] == "1220" + hashlib.sha256(model.read_bytes()).hexdigest()
    assert one["properties"]["mlm:input"][0]["value_scaling"][1]["maximum"] == 10_000
    assert one["properties"]["mlm:name"] == "model-7-my-model"
    write_item(written, model)  # again, over the old one


def test_an_onnx_model_has_an_item_with_its_tile(tmp_path):
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    kernel = onnx.numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"]), helper.make_node("Sigmoid", ["y"], ["z"])]
    ends = [helper.make_tensor_value_info(name, 1, ["n", bands, 64, 64])
            for name, bands in (("x", 3), ("z", 1))]
    made = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], [kernel]))
    helper.set_model_props(made, {"class_names": '{"0": "field"}'})
    path = tmp_path / "one.onnx"
    path.write_bytes(made.SerializeToString())
    one = item_of(path)
    check(one)
    assert one["properties"]["mlm:input"][0]["input"]["shape"] == [-1, 3, 64, 64]
    assert one["properties"]["mlm:framework"] == "ONNX"
    assert one["properties"]["mlm:total_parameters"] == 3
    assert one_line(path).endswith("any pixels, blended, not exact")


def test_the_commands_write_the_item_and_list_a_folder(model, tmp_path):
    shown = CliRunner().invoke(command, ["info", str(model), "--stac", str(tmp_path / "i.json")])
    assert shown.exit_code == 0 and "5 to 20 m per pixel" in shown.stdout
    check(json.loads((tmp_path / "i.json").read_text()))
    (tmp_path / "broken.safetensors").write_text("no")
    lines = CliRunner().invoke(command, ["list", str(tmp_path)]).stdout.splitlines()
    assert lines[1] == "m.safetensors: unet, 5 to 20 m per pixel, exact"
    assert lines[0].startswith("broken.safetensors: ") and "not a model file" in lines[0]
    assert CliRunner().invoke(command, ["list"]).stdout == "parcels-aerial\nparcels-satellite\n"


def test_two_sizes_of_tiles_are_refused(model, tmp_path):
    out = tmp_path / "m.onnx"
    said = CliRunner().invoke(
        command, ["export", str(model), str(out), "--any-tile", "--tile", "640"]
    )
    assert said.exit_code == 2 and "give one of them" in said.output and not out.exists()


def test_a_model_that_is_not_there_has_no_item(tmp_path):
    with pytest.raises(ModelError, match="no model file"):
        write_item(tmp_path / "no.json", tmp_path / "no.safetensors")
    assert not list(tmp_path.iterdir())
