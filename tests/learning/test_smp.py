"""Networks of segmentation_models.pytorch: real ones, trained, stored, predicted with."""

import hashlib
import http.server
import importlib.util
import json
import logging
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geoseg.errors import ModelError, OptionError
from geoseg.learning import download
from geoseg.learning.checkpoint import load, save
from geoseg.learning.download import fetched
from geoseg.learning.fused import fuse
from geoseg.learning.networks import build
from geoseg.learning.predictor import Predictor
from geoseg.learning.reach import obstacles_of, reach_of
from geoseg.learning.smp import SmpNetwork
from geoseg.learning.unet import build as build_unet
from geoseg.spec import Band, LabelClass, ModelSpec
from geoseg.tools.train import TrainOptions

SMALL = "smp:unet:resnet18"
OPERATORS = ("nms", "qnms")


def declare_operators():
    """Declare what torchvision's compiled part would, where it is CUDA's and torch is the CPU's.

    No network here uses these operators; torchvision only refuses to be imported without them.
    """
    from torch.library import define

    for name in OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            define(f"torchvision::{name}", "(Tensor a, Tensor b, float c) -> Tensor")


@pytest.fixture(scope="module", autouse=True)
def smp():
    for name in ("torchvision", "timm", "segmentation_models_pytorch"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"no {name}: pip install 'geoseg[smp]'")
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        declare_operators()
    import segmentation_models_pytorch

    return segmentation_models_pytorch


def lively(name, seed=0, bands=3):
    """Build a network whose BatchNorm has seen something."""
    network = build(name, bands=bands, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.uniform_(-0.2, 0.2, generator=generator)
            norm.running_var.uniform_(0.5, 1.5, generator=generator)
    network.head.weight.data *= 10
    return network


def spec_of(network, name):
    return ModelSpec(
        "m", tuple(Band(one, 0, 255) for one in ("red", "green", "blue")), "uint8",
        (LabelClass(0, "parcel"), LabelClass(1, "boundary")), (0.5, 2.0), network.divisor,
        network.halo, name, network.width, exact=network.exact,
    )


@torch.inference_mode()
def difference(network, halo, divisor):
    """Compare a tile's core with the whole along a strip; the tile starts off the origin."""
    core, start = 2 * divisor, halo + divisor
    whole = torch.rand(1, 3, 2 * halo + 6 * divisor, 2 * divisor,
                       generator=torch.Generator().manual_seed(1))
    tile = whole[:, :, start - halo : start + core + halo]
    wanted = network(whole)[:, :, start : start + core]
    found = network(tile)[:, :, halo : halo + core]
    return float((wanted - found).abs().max() / wanted.std())


@pytest.mark.parametrize("name", [SMALL, "smp:linknet:resnet18", "smp:unet:tu-convnext_atto"])
def test_tiles_of_an_exact_network_are_the_whole_and_a_halo_less_is_not(name):
    network = lively(name)
    assert network.exact and network.halo % network.divisor == 0
    assert difference(network, network.halo, network.divisor) < 2e-5  # 32 bits
    assert difference(network, network.divisor, network.divisor) > 1e-3


@pytest.mark.parametrize(("name", "why"), [
    ("smp:unet:efficientnet-b0", "squeeze-and-excitation"),
    ("smp:fpn:resnet18", "group norm"),
    ("smp:deeplabv3plus:resnet18", "global pooling"),
    ("smp:segformer:resnet18", "aligned corners"),
    ("smp:manet:resnet18", "attention"),
])
def test_networks_whose_answer_depends_on_the_tile_are_marked_with_the_reason(name, why):
    network = lively(name)
    assert not network.exact and why in ", ".join(network.obstacles)
    assert difference(network, network.halo, network.divisor) > 1e-4


def test_the_measured_reach_of_our_own_networks_is_the_derived_one():
    for name, wanted in (("unet", 94), ("unet-origin", 110)):
        network = build_unet(name, width=2).eval()
        assert obstacles_of(network, 3, 64) == ()
        assert reach_of(network, 3, 16) == wanted


def test_a_network_is_stored_as_one_file_and_loaded_without_anything_else(tmp_path):
    network = lively(SMALL)
    spec = spec_of(network, SMALL)
    save(tmp_path / "m.safetensors", spec, network)
    again, loaded = load(tmp_path / "m.safetensors")
    assert again == spec and isinstance(loaded, SmpNetwork)
    pixels = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded(pixels), network(pixels))


def test_the_predictor_runs_it_and_convolutions_that_pad_otherwise_stay_as_they_are():
    network = lively("smp:unet:tu-tf_efficientnet_lite0")
    pixels = torch.rand(1, 3, 96, 64)
    with torch.inference_mode():
        wanted = network(pixels)
        assert (fuse(network)(pixels) - wanted).abs().max() < 1e-4 * wanted.std()
    predictor = Predictor((spec_of(network, "smp:unet:tu-tf_efficientnet_lite0"), network),
                          device="cpu")
    batch = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64), np.uint8)
    unit = {"low": np.zeros(3), "high": np.full(3, 255.0)}
    assert predictor.predict(batch, np.ones((1, 64, 64), bool), **unit).std() > 1


def test_pretrained_weights_of_an_encoder_are_taken_from_a_file(tmp_path, smp):
    donor = smp.create_model("unet", encoder_name="resnet18", encoder_weights=None).encoder
    weights = {name: one.clone() for name, one in donor.state_dict().items()}
    path = tmp_path / "resnet18.safetensors"
    save_file(weights, path)
    network = build(SMALL, encoder_weights=path)
    found = network.inner.encoder.state_dict()
    assert all(torch.equal(found[name], one) for name, one in weights.items())
    four = build(SMALL, bands=4, encoder_weights=path).inner.encoder.state_dict()
    assert four["conv1.weight"].shape[1] == 4
    assert torch.equal(four["layer1.0.conv1.weight"], weights["layer1.0.conv1.weight"])
    del weights["conv1.weight"]
    save_file(weights, path)
    with pytest.raises(ModelError, match="conv1.weight is only in one of them"):
        build(SMALL, encoder_weights=path)
    path.write_text("pickled?")
    with pytest.raises(ModelError, match="cannot be read as safetensors"):
        build(SMALL, encoder_weights=path)


def test_names_that_smp_does_not_know_are_refused_with_its_reason():
    for name, text in {
        "smp:unet:resnet999": "resnet999", "smp:vnet:resnet18": "vnet",
        "smp:unet": "wanted smp:DECODER:ENCODER", "vnet": "no architecture 'vnet'",
    }.items():
        with pytest.raises(ModelError, match=text):
            build(name)
    with pytest.raises(OptionError, match="has its own width"):
        TrainOptions(architecture=SMALL, width=8)
    with pytest.raises(ModelError, match="no encoder that is trained before"):
        build("unet", encoder_weights="x.safetensors")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a file on this machine; give its URL, its content, and what was asked for."""
    content, asked = b"weights" * 1000, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    monkeypatch.setattr(download, "SCHEMES", ("http",))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/w.safetensors", content, asked
    served.shutdown()


def test_weights_are_fetched_once_and_only_with_the_right_checksum(server, tmp_path):
    url, content, asked = server
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):
        assert fetched(f"{url}#sha256={digest}", tmp_path / "kept").read_bytes() == content
    assert len(asked) == 1
    with pytest.raises(ModelError, match="has the checksum .* not used"):
        fetched(f"{url}#sha256={'0' * 64}", tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
    with pytest.raises(ModelError, match="needs its checksum"):
        fetched(url, tmp_path / "other")
    with pytest.raises(ModelError, match="no weights file"):
        fetched("absent.safetensors")


def test_only_https_is_fetched(tmp_path):
    with pytest.raises(ModelError, match="only https"):
        fetched(f"file:///etc/passwd#sha256={'0' * 64}", tmp_path)


def test_it_trains_stores_and_predicts(tmp_path, caplog):
    import rasterio
    from affine import Affine

    from geoseg.learning.recipe import Recipe
    from geoseg.tools.predict import predict
    from geoseg.tools.train import train

    rows, cols = np.indices((192, 192)) // 32
    labels = np.where((rows + cols) % 3 == 0, 0, rows * 6 + cols + 1).astype(np.uint16)
    colours = np.random.default_rng(0).integers(90, 250, (40, 3))
    image = colours[labels].transpose(2, 0, 1).astype(np.uint8)
    place = {"crs": "EPSG:32633", "transform": Affine(2, 0, 5e5, 0, -2, 5e6)}
    for name, data in (("scene", image), ("labels", labels[None])):
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", height=192, width=192,
            count=len(data), dtype=data.dtype, **place,
        ) as file:
            file.write(data)
    model = tmp_path / "m.safetensors"
    recipe = Recipe(steps=8, validations=1, statistics_batches=1, rate=2e-3)
    caplog.set_level(logging.WARNING)
    train(
        [(tmp_path / "scene.tif", tmp_path / "labels.tif")], model, recipe=recipe, chip=64,
        batch=2, device="cpu", threads=1, architecture="smp:unet:efficientnet-b0",
    )
    assert "blended, not exact: its answer depends on the tile (global pooling" in caplog.text
    spec, network = load(model)
    assert not spec.exact and spec.architecture == "smp:unet:efficientnet-b0"
    assert json.loads(spec.history["chips"])[0] == 64 and network.width == spec.width
    predict(tmp_path / "scene.tif", tmp_path / "mask.tif", model=str(model), device="cpu",
            threads=1, tile=256)
    assert "m is blended, not exact: the result depends on the size of the tiles" in caplog.text
    with rasterio.open(tmp_path / "mask.tif") as mask:
        assert mask.descriptions == ("parcel", "boundary")
        found = mask.read()
    network.eval()
    with torch.no_grad():
        here = torch.from_numpy(image / np.float32(255))[None]
        own = torch.sigmoid(network(here))[0].numpy()
    inner = slice(64, 128)  # far from where a tile is mirrored; the rest of it is blended
    off = np.abs(found[:, inner, inner] / 254 - own[:, inner, inner]).mean()
    assert (found != 255).all() and off < 0.1
