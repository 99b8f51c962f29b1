import json
import os

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from geoseg.cli.model import model as command
from geoseg.errors import ModelError, OptionError, OutputError
from geoseg.learning.checkpoint import save
from geoseg.learning.onnx_export import OPSET, difference, metadata, write_onnx
from geoseg.learning.onnx_channels import pick
from geoseg.learning.onnx_files import inspect, read_onnx
from geoseg.learning.onnx_predictor import OnnxPredictor
from geoseg.learning.predictor import Predictor
from geoseg.learning.stored import open_predictor, read_spec
from geoseg.learning.unet import build
from geoseg.spec import ANY_RESOLUTION, Band, LabelClass, ModelSpec
from geoseg.tools.convert import ModelFacts, export_model, import_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

LOW, HIGH = np.array([10.0, 0.0, 0.0]), np.array([210.0, 255.0, 300.0])
TILE = 256
ONE, TWO = "one_output_sigmoid_bsx1x512x512.onnx", "two_outputs_softmax_bsx2x512x512.onnx"


def lively(width=4):
    network = build("unet", width=width, seed=1).eval()
    for norm in (one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        norm.running_mean.uniform_(-0.2, 0.2)
        norm.running_var.uniform_(0.5, 1.5)
    network.head.weight.data *= 30
    return network


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Give a folder with one model as safetensors and, in tiles of 256, as ONNX."""
    folder = tmp_path_factory.mktemp("onnx")
    bands = tuple(Band(*one) for one in zip(("red", "green", "blue"), LOW, HIGH))
    classes = (LabelClass(0, "parcel"), LabelClass(1, "boundary"))
    network = lively()
    spec = ModelSpec("m", bands, "uint8", classes, (0.5, 2.0), 16, network.halo, "unet", 4)
    save(folder / "m.safetensors", spec, network)
    export_model(folder / "m.safetensors", folder / "m.onnx", tile=TILE)
    return folder


def pixels(n=1, side=TILE, bands=3, seed=0):
    batch = np.random.default_rng(seed).integers(0, 256, (n, bands, side, side), np.uint8)
    return batch, np.ones((n, side, side), bool)


def test_an_exported_model_answers_as_torch_does(exported):
    batch, valid = pixels(2)
    valid[:, :20, :30] = False
    wanted, found = (
        open_predictor(exported / name, device="cpu").probabilities(
            batch, valid, low=LOW, high=HIGH
        )
        for name in ("m.safetensors", "m.onnx")
    )
    assert wanted.std() > 0.05 and np.abs(found - wanted).max() < 1e-4
    stored = OnnxPredictor(exported / "m.onnx").predict(batch, valid, low=LOW, high=HIGH)
    assert stored.dtype == np.uint8 and (stored[:, :, :20, :30] == 255).all()
    assert np.abs(stored[:, :, 20:] - wanted[:, :, 20:] * 254).max() <= 0.51


def test_an_export_is_one_file_of_the_stated_opset(exported):
    assert sorted(os.listdir(exported)) == ["m.onnx", "m.safetensors"]
    _, graph = inspect(exported / "m.onnx")
    assert graph.opset == OPSET and graph.shape == (None, 3, TILE, TILE)
    onnx.checker.check_model(exported / "m.onnx", full_check=True)


def test_the_spec_travels_in_the_file_and_the_tile_is_the_files(exported):
    one, two = read_spec(exported / "m.safetensors"), read_spec(exported / "m.onnx")
    assert one.tile is None and two.tile == TILE and two.exact
    assert (one.bands, one.halo, one.instances) == (two.bands, two.halo, two.instances)


def test_deepness_finds_what_it_reads(exported):
    """The keys and the types of Deepness' model_base.py, read as it reads them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(exported / "m.onnx"), providers=["CPUExecutionProvider"]
    )
    said = session.get_modelmeta().custom_metadata_map
    assert str(json.loads(said["model_type"])).capitalize() == "Segmentor"
    assert json.loads(said["class_names"]) == [{"0": "parcel"}, {"0": "boundary"}]
    assert int(json.loads(said["tile_size"])) == TILE
    assert float(json.loads(said["resolution"])) == 100  # cm
    assert json.loads(said["tiles_overlap"]) == 75  # 2 x 96 of 256 pixels
    assert isinstance(session.get_inputs()[0].shape[0], str)
    assert session.get_inputs()[0].shape[1:] == [3, TILE, TILE]
    assert [one.shape[1:] for one in session.get_outputs()] == [[1, TILE, TILE]] * 2
    batch, valid = pixels()
    seen = np.float32(batch.transpose(0, 2, 3, 1) * 1.0 / 255.0)
    mean, std = (np.array(json.loads(said[f"standardization_{k}"]), np.float32)
                 for k in ("mean", "std"))
    fed = ((seen - mean) / std).transpose(0, 3, 1, 2)
    answers = session.run(None, {session.get_inputs()[0].name: fed})
    wanted = OnnxPredictor(exported / "m.onnx").probabilities(batch, valid, low=LOW, high=HIGH)
    assert np.abs(np.concatenate(answers, axis=1) - wanted).max() < 1e-5


def test_the_default_tile_leaves_deepness_whole_strides(exported):
    said = metadata(read_spec(exported / "m.safetensors"), None)
    tile, overlap = int(said["tile_size"]), int(said["tiles_overlap"])
    assert tile * overlap == 100 * 2 * 96 and (tile - 2 * 96) % 16 == 0


def test_an_export_of_any_tile_takes_any_tile(exported):
    out = exported.parent / "any.onnx"
    network = lively()
    spec = read_spec(exported / "m.safetensors")
    write_onnx(out, spec, network, tile=None)
    assert read_spec(out).tile is None
    for side in (32, 80):
        batch, valid = pixels(side=side)
        found = OnnxPredictor(out).probabilities(batch, valid, low=LOW, high=HIGH)
        wanted = Predictor((spec, network), device="cpu").probabilities(
            batch, valid, low=LOW, high=HIGH
        )
        assert np.abs(found - wanted).max() < 1e-4
    with pytest.raises(ModelError, match="multiples of 16"):
        OnnxPredictor(out).predict(*pixels(side=40), low=LOW, high=HIGH)


def test_an_export_that_would_answer_otherwise_is_not_written(exported):
    other = lively()
    other.head.bias.data += 0.01
    with pytest.raises(ModelError, match="differs from the model by .* not written"):
        difference(exported / "m.onnx", read_spec(exported / "m.onnx"), other)


def test_a_tile_or_a_name_that_does_not_fit_is_refused(exported):
    for tile in (250, 192):
        with pytest.raises(OptionError, match="more than twice the halo of 96"):
            export_model(exported / "m.safetensors", exported / "no.onnx", tile=tile)
    with pytest.raises(OptionError, match="makes an .onnx file of a .safetensors"):
        export_model(exported / "m.safetensors", exported / "no.pt")
    with pytest.raises(OutputError, match="--overwrite"):
        export_model(exported / "m.safetensors", exported / "m.onnx")
    assert sorted(os.listdir(exported)) == ["m.onnx", "m.safetensors"]


def test_the_engine_runs_an_exported_model_to_the_same_mask(exported, sample_data, tmp_path):
    import rasterio

    from geoseg.tools.predict import predict

    masks = []
    with rasterio.open(sample_data / "scene.tif") as scene:
        left, bottom, right, top = scene.bounds
        extent = left, top - (top - bottom) / 5, left + (right - left) / 4, top
    for name in ("m.safetensors", "m.onnx"):
        predict(sample_data / "scene.tif", tmp_path / f"{name}.tif", model=str(exported / name),
                extent=extent, device="cpu", threads=1)
        with rasterio.open(tmp_path / f"{name}.tif") as mask:
            masks.append(mask.read().astype(int))
    assert masks[0].std() > 5 and np.abs(masks[0] - masks[1]).max() <= 1


@pytest.mark.data
def test_deepness_own_models_run(data_folder, tmp_path):
    one = OnnxPredictor(data_folder / "onnx" / ONE)
    assert not one.spec.exact and one.spec.tile == 512
    assert one.spec.resolution == ANY_RESOLUTION
    batch, valid = pixels(3, 512)
    low, high = np.zeros(3), np.full(3, 255.0)
    found = one.probabilities(batch, valid, low=low, high=high)
    model = onnx.load(data_folder / "onnx" / ONE)
    weight, bias = (numpy_helper.to_array(k) for k in model.graph.initializer)
    logits = np.einsum("nbrc,b->nrc", batch / 255.0, weight[0, :, 0, 0].astype(float)) + bias[0]
    assert np.abs(found[:, 0] - 1 / (1 + np.exp(-logits))).max() < 1e-5
    assert np.abs(found.sum(1) - 1).max() < 1e-6
    with pytest.raises(ModelError, match="gives Coffee, Tea, Juice, Beer: which is parcel"):
        read_onnx(data_folder / "onnx" / TWO)
    import_model(
        data_folder / "onnx" / TWO, tmp_path / "two.onnx",
        facts=ModelFacts(classes=("parcel", "other", "boundary", "other"), resolution=(1, 3)),
    )
    two = OnnxPredictor(tmp_path / "two.onnx")
    assert two.spec.resolution == (1, 3) and two.spec.history == {"imported": TWO}
    assert two.probabilities(batch, valid, low=low, high=high).shape == (3, 2, 512, 512)


def test_an_architecture_for_a_model_that_holds_its_network_is_refused(tmp_path):
    with pytest.raises(OptionError, match="for Keras weights only"):
        import_model(tmp_path / "a.onnx", tmp_path / "b.onnx", architecture="unet-classic")


@pytest.mark.parametrize(("names", "wanted"), [
    (["parcel", "boundary"], (0, 1)), (["bg", "Field", "Field boundaries"], (1, 2)),
    (["Coffee"], (0, -1)), (["not_road", "road"], (1, -2)), (["background", "edge"], (-2, 1)),
    (["Coffee", "Tea"], None), (["field", "parcel"], None), (["background"], None),
])
def test_parcel_and_boundary_are_found_by_name_where_it_is_plain(names, wanted):
    assert pick(names) == wanted


def toy(path, *, shape=("n", 3, 32, 32), kind="Sigmoid", classes=1, constant=None, **said):
    """Write a 1x1 network; `constant` is put in as a tensor of its own."""
    weight = np.linspace(-1, 1, classes * shape[1], dtype=np.float32)
    tensors = [numpy_helper.from_array(weight.reshape(classes, shape[1], 1, 1), "w")]
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    if constant is not None:
        tensors.append(constant)
        nodes.append(helper.make_node("Add", ["y", constant.name], ["z"]))
    nodes.append(helper.make_node(kind, [nodes[-1].output[0]], ["out"]))
    graph = helper.make_graph(
        nodes, "toy", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (shape[0], classes, *shape[2:]))],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in said.items()})
    path.write_bytes(model.SerializeToString())
    return path


def test_what_the_metadata_says_becomes_the_spec(tmp_path):
    path = toy(
        tmp_path / "t.onnx", shape=("n", 4, 64, 64), class_names={"0": "field"}, resolution=50,
        tiles_overlap=50, standardization_mean=[0.5] * 4, standardization_std=[0.25] * 4,
        seg_thresh=0.7,
    )
    spec = read_spec(path)
    assert [(one.name, one.low, one.high) for one in spec.bands][3] == ("nir", 127.5, 191.25)
    assert spec.resolution == pytest.approx((1 / 3, 0.75)) and spec.instances.parcel == 0.7
    assert (spec.tile, spec.divisor, spec.halo) == (64, 16, 16)  # blending wants core >= 2 halo


def test_a_model_of_one_tile_at_a_time_is_fed_one_by_one(tmp_path):
    path = toy(tmp_path / "t.onnx", shape=(2, 3, 32, 32), class_names={"0": "field"})
    batch, valid = pixels(5, 32)
    unit = {"low": np.zeros(3), "high": np.full(3, 255.0)}
    many = OnnxPredictor(path).probabilities(batch, valid, **unit)
    single = [OnnxPredictor(path).probabilities(batch[k : k + 1], valid[:1], **unit)
              for k in range(5)]
    assert np.array_equal(many, np.concatenate(single))


def test_a_model_that_gives_no_probabilities_says_so(tmp_path):
    path = toy(tmp_path / "t.onnx", kind="Exp", class_names={"0": "field"})
    with pytest.raises(ModelError, match="wanted probabilities of 0 to 1"):
        OnnxPredictor(path).predict(*pixels(1, 32), low=np.zeros(3), high=np.full(3, 50.0))


def test_what_is_no_segmentation_model_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_bytes(b"no model at all")
    with pytest.raises(ModelError, match="cannot be read as ONNX"):
        read_onnx(tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="no model file"):
        read_onnx(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="32 x 64 pixels only; wanted square"):
        read_onnx(toy(tmp_path / "t.onnx", shape=("n", 3, 64, 32), class_names={"0": "field"}))
    with pytest.raises(ModelError, match="names .* for outputs of"):
        read_onnx(toy(tmp_path / "t.onnx", classes=3, class_names={"0": "field"}))
    with pytest.raises(ModelError, match="cannot be run by onnxruntime"):
        OnnxPredictor(toy(tmp_path / "t.onnx", kind="Fly", class_names={"0": "field"}))
    with pytest.raises(ModelError, match="standardization_mean that cannot be read"):
        path = toy(tmp_path / "t.onnx", class_names={"0": "field"}, standardization_mean=1)
        model = onnx.load(path)
        helper.set_model_props(model, {"class_names": '{"0": "field"}',
                                       "standardization_mean": "[1, "})
        path.write_bytes(model.SerializeToString())
        read_onnx(path)


@pytest.mark.parametrize("location", ["../canary.bin", "{canary}", "link.bin", "hard.bin",
                                      "beside.bin"])
def test_weights_in_another_file_are_refused_before_anything_runs(tmp_path, location):
    """Also where the other file is a sibling: a model is one file, and its checksum covers it."""
    folder = tmp_path / "model"
    folder.mkdir()
    canary = tmp_path / "canary.bin"
    canary.write_bytes(np.full(1, 7, np.float32).tobytes())
    (folder / "link.bin").symlink_to(canary)
    os.link(canary, folder / "hard.bin")
    (folder / "beside.bin").write_bytes(canary.read_bytes())
    outside = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1],
                          data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value=location.format(canary=canary))
    path = toy(folder / "t.onnx", constant=outside, class_names={"0": "field"})
    for attempt in (read_onnx, OnnxPredictor, lambda one: import_model(one, folder / "n.onnx")):
        with pytest.raises(ModelError, match="keeps its weights in another file"):
            attempt(path)
    assert not (folder / "n.onnx").exists()


def test_weights_in_another_file_are_found_inside_a_node_too(tmp_path):
    outside = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1],
                          data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="/etc/passwd")
    path = toy(tmp_path / "t.onnx", class_names={"0": "field"})
    model = onnx.load(path)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["k"], value=outside))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="in another file .*/etc/passwd"):
        read_onnx(path)


def test_the_commands_export_show_and_import(exported, tmp_path):
    run = CliRunner().invoke
    shown = run(command, ["info", str(exported / "m.onnx")])
    assert shown.exit_code == 0 and "256 pixels only, halo 96, exact" in shown.output
    path = toy(tmp_path / "t.onnx", classes=2, class_names={"0": "a", "1": "b"})
    made = run(command, ["import", str(path), str(tmp_path / "n.onnx"), "--classes",
                         "other,field", "--resolution", "1,4", "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["resolution"] == [1, 4]
    shown = run(command, ["info", str(tmp_path / "n.onnx")])
    assert "blended, not exact" in shown.output
