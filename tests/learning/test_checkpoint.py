import json
import os

import pytest
import torch
from safetensors.torch import save_file

from geoseg.errors import ModelError, OutputError
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import load, read_spec, save


@pytest.mark.parametrize("name", ["unet", "unet-origin", "unet-classic"])
def test_a_saved_model_predicts_the_same_after_loading(tmp_path, make_model, name):
    spec, network = make_model(name)
    path = tmp_path / "one.safetensors"
    save(path, spec, network)
    found, loaded = load(path)
    pixels = torch.rand(1, 3, 32, 32)
    assert found == spec
    assert torch.equal(loaded(pixels), network(pixels))


def test_half_weights_are_half_the_size_and_batchnorm_keeps_its_range(tmp_path, make_model):
    spec, network = make_model(width=8)
    network.encoder[0][0][1].running_var.fill_(1e6)
    save(tmp_path / "full.safetensors", spec, network)
    save(tmp_path / "half.safetensors", spec, network, half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.55 * sizes[1]
    _, loaded = load(tmp_path / "half.safetensors")
    assert loaded.encoder[0][0][1].running_var[0] == 1e6
    assert loaded.head.weight.dtype == torch.float32


def test_the_spec_is_readable_without_the_weights(tmp_path, make_model):
    spec, network = make_model()
    save(tmp_path / "one.safetensors", spec, network)
    assert read_spec(tmp_path / "one.safetensors") == spec


def test_nothing_but_the_model_is_left_in_the_folder(tmp_path, make_model):
    save(tmp_path / "one.safetensors", *make_model())
    assert os.listdir(tmp_path) == ["one.safetensors"]


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path, make_model):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write .*one.safetensors"):
        save(tmp_path / "file" / "one.safetensors", *make_model())


def test_a_failed_rename_leaves_the_old_model_and_no_partial_file(
    tmp_path, make_model, monkeypatch
):
    path = tmp_path / "one.safetensors"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="no space left"):
        save(path, *make_model())
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["one.safetensors"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="no model file .*gone.safetensors"):
        load(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_a_file_that_is_not_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "one.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not a model file"):
        load(path)


def test_a_truncated_model_is_refused(tmp_path, make_model):
    path = tmp_path / "one.safetensors"
    save(path, *make_model())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match="is not a model file"):
        load(path)


def test_weights_without_a_spec_are_refused_with_what_to_do(tmp_path):
    path = tmp_path / "one.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="no geoseg spec; import it"):
        read_spec(path)


def test_weights_that_do_not_fit_their_spec_are_refused_by_name_and_shape(tmp_path, make_model):
    spec, network = make_model(width=4)
    wider = json.loads(spec.to_json()) | {"width": 8}
    path = tmp_path / "one.safetensors"
    save(path, type(spec).from_json(json.dumps(wider)), network)
    with pytest.raises(ModelError, match=r"decoder.0.0.0.weight has shape .*, wanted .*"):
        load(path)


def test_a_file_is_found_by_path_and_a_missing_one_is_refused(tmp_path, make_model):
    path = tmp_path / "one.safetensors"
    save(path, *make_model())
    assert find_model(str(path)) == path
    with pytest.raises(ModelError, match="no model file"):
        find_model(tmp_path / "two.safetensors")


def test_a_name_that_is_not_bundled_is_refused_with_the_names_there_are():
    with pytest.raises(ModelError, match="'moon' is neither a model file .* nor the name"):
        find_model("moon")
