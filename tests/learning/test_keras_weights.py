"""Real Keras, on its torch backend, is the oracle: it builds, saves, and says what comes out."""

import functools
import json
import os
import zipfile

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from geoseg.cli.model import model as command  # noqa: E402
from geoseg.errors import ModelError, OptionError, OutputError  # noqa: E402
from geoseg.learning.checkpoint import load  # noqa: E402
from geoseg.learning.foreign import with_boundary  # noqa: E402
from geoseg.learning.keras_weights import read_keras, read_layers  # noqa: E402
from geoseg.tools.convert import ModelFacts, import_model  # noqa: E402

h5py = pytest.importorskip("h5py")
keras = pytest.importorskip("keras")
L = keras.layers
SIDE = 32
"""Of the images; Keras builds a network of known size several times faster."""


def add(x, size, kernel=3, *, normed=False, he=False):
    """Convolve, activate, normalise; give the output, and what was before BatchNorm."""
    start = "he_normal" if he else "glorot_uniform"
    active = L.Conv2D(
        size, kernel, activation="relu", padding="same", kernel_initializer=start
    )(x)
    return (L.BatchNormalization()(active) if normed else active), active


def origin(width=16, bands=3):
    """The table of the origin: 59 layers, skips before BatchNorm but at level 4."""
    keras.backend.clear_session()
    image = x = L.Input((SIDE, SIDE, bands))
    skips = []
    for level in range(4):
        x, _ = add(x, width * 2**level, normed=True)
        x, active = add(x, width * 2**level, normed=True)
        if level == 3:
            active = x = L.Dropout(0.2)(x)
        skips.append(active)
        x = L.MaxPooling2D()(x)
    x, _ = add(x, width * 16, normed=True)
    x, _ = add(x, width * 16, normed=True)
    x = L.Dropout(0.5)(x)
    for level in reversed(range(4)):
        x, _ = add(L.UpSampling2D()(x), width * 2**level, 2)
        x = L.Concatenate()([skips[level], x])
        x, _ = add(x, width * 2**level, normed=True)
        x, _ = add(x, width * 2**level, normed=True)
    x, _ = add(x, 2, normed=True)
    x = L.Conv2D(1, 1, activation="sigmoid")(L.Dropout(0.2)(x))
    return keras.Model(image, x)


def classic(width=64, bands=1):
    """The table of zhixuhao/unet: no BatchNorm, dropout at levels 4 and 5."""
    keras.backend.clear_session()
    image = x = L.Input((SIDE, SIDE, bands))
    skips = []
    for level in range(5):
        x, _ = add(x, width * 2**level, he=True)
        x, _ = add(x, width * 2**level, he=True)
        if level >= 3:
            x = L.Dropout(0.5)(x)
        if level < 4:
            skips.append(x)
            x = L.MaxPooling2D()(x)
    for level in reversed(range(4)):
        x, _ = add(L.UpSampling2D()(x), width * 2**level, 2, he=True)
        x = L.Concatenate(axis=3)([skips[level], x])
        x, _ = add(x, width * 2**level, he=True)
        x, _ = add(x, width * 2**level, he=True)
    x, _ = add(x, 2, he=True)
    return keras.Model(image, L.Conv2D(1, 1, activation="sigmoid")(x))


def liven(made, seed=0):
    """Give biases and statistics values, as training does."""
    random = np.random.default_rng(seed)
    head = made.layers[-1].kernel
    head.assign(random.choice([-3.0, 3.0], head.shape))
    for one in made.weights:
        if len(one.shape) == 1:
            low = 0.5 if "variance" in one.path or "gamma" in one.path else 0.0
            one.assign(random.uniform(low, low + 0.6, one.shape))
    return made


def save_before_keras_2_0(made, path):
    """Write the layout that Keras 1 and 2 wrote, as in zhixuhao's file: names as bytes, `:0`."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [one.name.encode() for one in made.layers]
        for layer in made.layers:
            group = root.create_group(layer.name)
            names = [f"{layer.name}/{one.name}:0".encode() for one in layer.weights]
            group.attrs["weight_names"] = names
            for name, one in zip(names, layer.weights):
                group.create_dataset(name, data=one.numpy())
        file.create_group("optimizer_weights")


SAVES = {
    "whole.keras": lambda made, path: made.save(path),
    "only.weights.h5": lambda made, path: made.save_weights(path),
    "whole.h5": lambda made, path: made.save(path),
    "old.hdf5": save_before_keras_2_0,
}
NETWORKS = {"unet-origin": origin, "unet-classic": classic}


@functools.cache
def lively(architecture, width=4):
    """Build a network once; nothing changes it."""
    keras.utils.set_random_seed(0)
    return liven(NETWORKS[architecture](width=width, bands=3))


def both_answers(made, network, size=SIDE, seed=3):
    bands = made.inputs[0].shape[-1]
    pixels = np.random.default_rng(seed).random((2, size, size, bands), np.float32)
    wanted = made(pixels, training=False).detach().numpy().transpose(0, 3, 1, 2)
    with torch.inference_mode():
        found = torch.sigmoid(network(torch.from_numpy(pixels.transpose(0, 3, 1, 2)))).numpy()
    return found, wanted


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("architecture", NETWORKS)
def test_imported_weights_answer_as_keras_does(architecture, save, tmp_path):
    made = lively(architecture)
    SAVES[save](made, tmp_path / save)
    found, wanted = both_answers(made, read_keras(tmp_path / save, architecture))
    assert wanted.std() > 1e-3
    assert np.abs(found - wanted).max() < 1e-5


def test_the_origin_in_its_own_size_has_its_59_layers_and_answers_alike(tmp_path):
    made = liven(origin())
    assert len(made.layers) == 59 and made.count_params() == 1_947_277
    made.save(tmp_path / "o.hdf5")
    found, wanted = both_answers(made, read_keras(tmp_path / "o.hdf5", "unet-origin"))
    assert np.abs(found - wanted).max() < 1e-5


@pytest.mark.slow
def test_the_classic_in_its_own_size_answers_alike(tmp_path):
    made = liven(classic())
    assert made.count_params() == 31_031_685
    save_before_keras_2_0(made, tmp_path / "unet_membrane.hdf5")
    network = read_keras(tmp_path / "unet_membrane.hdf5", "unet-classic")
    found, wanted = both_answers(made, network)
    assert np.abs(found - wanted).max() < 1e-5


def test_layers_counted_past_nine_keep_their_order(tmp_path):
    made = lively("unet-classic")
    made.save_weights(tmp_path / "w.weights.h5")
    kernels = [one.kernel.numpy() for one in made.layers if isinstance(one, L.Conv2D)]
    found = read_layers(tmp_path / "w.weights.h5").convolutions
    assert all(np.array_equal(one, two[0]) for one, two in zip(kernels, found, strict=True))


def test_the_command_makes_a_model_file_with_what_the_weights_do_not_say(tmp_path):
    made = lively("unet-origin")
    made.save(tmp_path / "o.keras")
    out = tmp_path / "o.safetensors"
    shown = CliRunner().invoke(command, [
        "import", str(tmp_path / "o.keras"), str(out), "--architecture", "unet-origin",
        "--resolution", "0.5,2", "--license", "MIT", "--json",
    ])
    assert shown.exit_code == 0, shown.output
    said = json.loads(shown.stdout)
    assert said["width"] == 4 and said["resolution"] == [0.5, 2] and said["license"] == "MIT"
    spec, network = load(out)
    assert [one.name for one in spec.bands] == ["red", "green", "blue"]
    assert [one.name for one in spec.classes] == ["parcel", "boundary"] and spec.exact
    found, wanted = both_answers(made, network)
    assert np.abs(found[:, :1] - wanted).max() < 1e-5
    assert np.abs(found.sum(1) - 1).max() < 1e-6


def test_the_other_band_of_a_parcel_network_is_all_that_is_no_parcel():
    network = read_network(width=2)
    pixels = torch.rand(1, 3, 32, 32)
    one, two = network(pixels), with_boundary(network)(pixels)
    assert torch.equal(two[:, 1], -two[:, 0])
    assert torch.allclose(two[:, :1], one, atol=1e-6)


def read_network(width):
    from geoseg.learning.unet import build

    return build("unet-origin", width=width, classes=1).eval()


def test_another_networks_weights_are_refused_with_what_is_there(tmp_path):
    lively("unet-classic").save(tmp_path / "c.h5")
    with pytest.raises(ModelError, match="not unet-origin: it has 0 BatchNorm layers, wanted 19"):
        read_keras(tmp_path / "c.h5", "unet-origin")
    image = L.Input((16, 16, 1))
    keras.Model(image, L.Conv2D(1, 3)(image)).save(tmp_path / "small.h5")
    with pytest.raises(ModelError, match="it has 1 convolutions, wanted 24"):
        read_keras(tmp_path / "small.h5", "unet-classic")
    keras.Model(image, L.Dense(4)(image)).save(tmp_path / "dense.h5")
    with pytest.raises(ModelError, match=r"weights of shapes \(1, 4\), \(4,\)"):
        read_keras(tmp_path / "dense.h5", "unet-classic")


def test_what_is_no_weights_file_is_refused(tmp_path):
    (tmp_path / "text.h5").write_text("no")
    (tmp_path / "text.keras").write_text("no")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as packed:
        packed.writestr("config.json", "{}")
    h5py.File(tmp_path / "other.h5", "w").close()
    for name, text in {
        "text.h5": "cannot be read as Keras weights", "text.keras": "not a zip file",
        "empty.keras": "model.weights.h5", "other.h5": "holds no Keras layers",
        "absent.h5": "no weights file", "weights.pt": "is no Keras weights file",
    }.items():
        with pytest.raises(ModelError, match=text):
            read_layers(tmp_path / name)


def hostile(path, target):
    """Write files whose weights lie elsewhere; give their names."""
    with h5py.File(target, "w") as file:
        file["secret"] = np.ones((3, 3, 3, 2), np.float32)
    target.with_suffix(".raw").write_bytes(np.ones(54, np.float32).tobytes())
    layout = h5py.VirtualLayout((3, 3, 3, 2), np.float32)
    layout[:] = h5py.VirtualSource(str(target), "secret", (3, 3, 3, 2))
    raw = [(str(target.with_suffix(".raw")), 0, h5py.h5f.UNLIMITED)]
    makers = {
        "external": lambda group: group.__setitem__("k", h5py.ExternalLink(str(target), "secret")),
        "soft": lambda group: group.__setitem__("k", h5py.SoftLink("/elsewhere")),
        "virtual": lambda group: group.create_virtual_dataset("k", layout),
        "raw": lambda group: group.create_dataset("k", (3, 3, 3, 2), np.float32, external=raw),
        "bomb": lambda group: group.create_dataset(
            "k", (1 << 20, 1 << 20), np.float32, chunks=(1024, 1024), compression="gzip"
        ),
    }
    for name, make in makers.items():
        with h5py.File(path / f"{name}.h5", "w") as file:
            file.attrs["layer_names"] = [b"conv"]
            group = file.create_group("conv")
            group.attrs["weight_names"] = [b"k"]
            make(group)
    return list(makers)


def test_weights_that_lie_in_another_file_are_not_followed(tmp_path):
    for name in hostile(tmp_path, tmp_path / "canary.h5"):
        with pytest.raises(ModelError, match="refused"):
            read_layers(tmp_path / f"{name}.h5")


def test_facts_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path):
    lively("unet-origin").save(tmp_path / "o.h5")
    out = tmp_path / "o.safetensors"
    for facts, text in (
        (ModelFacts(band_names=("red",)), "3 input bands, but 1 names were given"),
        (ModelFacts(classes=("parcel", "boundary")), "1 output bands, but --classes names 2"),
        (ModelFacts(classes=("road",)), "classes are road"),
    ):
        with pytest.raises(OptionError, match=text):
            import_model(tmp_path / "o.h5", out, architecture="unet-origin", facts=facts)
    assert not out.exists()
    out.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        import_model(tmp_path / "o.h5", out, architecture="unet-origin")
    assert out.read_text() == "mine"
