import sys

import numpy as np
import psutil
import pytest
import torch

from geoseg.errors import MemoryBudgetError, ModelError, OptionError
from geoseg.learning.devices import (
    FAST_ON_CPU, choose_device, choose_precision, has_instructions, numbers,
)
from geoseg.learning.fused import ClampedUnit, fuse
from geoseg.learning.predictor import Predictor
from geoseg.memory import keep_freed_memory
from geoseg.tiling import plan_tiles

LOW, HIGH = np.zeros(3), np.full(3, 255.0)
NAMES = ["unet", "unet-origin", "unet-classic"]


def countryside(rows, cols, seed=0):
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 200, (3, rows // 8 + 1, cols // 8 + 1))
    fine = coarse.repeat(8, 1).repeat(8, 2)[:, :rows, :cols] + random.integers(0, 56, (rows, cols))
    return fine.astype(np.uint8)


def everywhere(batch):
    return np.ones((len(batch), *batch.shape[2:]), bool)


@pytest.mark.parametrize("name", NAMES)
def test_the_fused_network_gives_the_same_logits(make_model, name):
    """Float32: the same sums in another order; 1e-4 of logits of size 1 to 10."""
    _, network = make_model(name, width=8)
    pixels = torch.rand(2, 3, 64, 48)
    with torch.inference_mode():
        wanted, found = network(pixels), fuse(network)(pixels)
    assert torch.allclose(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["unet", "unet-origin"])
def test_the_fused_network_is_exact_in_double_precision(make_model, name):
    _, network = make_model(name, width=4)
    network = network.double()
    pixels = torch.rand(1, 3, 48, 48, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.allclose(fuse(network)(pixels), network(pixels), atol=1e-12, rtol=1e-12)


def test_fusing_leaves_the_network_alone_and_takes_every_batchnorm_of_ours(make_model):
    _, network = make_model()
    before = {name: one.clone() for name, one in network.state_dict().items()}
    fused = fuse(network)
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in fused.modules())
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())


def test_the_origin_keeps_batchnorm_only_where_a_skip_needs_what_is_before_it(make_model):
    fused = fuse(make_model("unet-origin")[1])
    kinds = [type(one) for one in fused.modules()]
    assert kinds.count(torch.nn.BatchNorm2d) == 3 and kinds.count(ClampedUnit) == 16


@pytest.mark.parametrize(("name", "width"), [("unet", 4), ("unet", 16), ("unet-origin", 4)])
@pytest.mark.parametrize(("core", "batch"), [(64, 1), (64, 3), (128, 2), (256, 1)])
def test_tiled_equals_whole_to_the_last_bit(make_model, name, width, core, batch):
    """The promise on which everything after the network rests; 16 filters are quick ones."""
    rows, cols = 200, 312
    predictor = Predictor(make_model(name, width), device="cpu")
    halo = predictor.halo
    scene = countryside(rows, cols)

    def run(core, batch):
        margin = core + 2 * halo
        pixels = np.pad(scene, ((0, 0), (margin, margin), (margin, margin)))
        valid = np.pad(np.ones((rows, cols), bool), margin)
        out = np.zeros((2, rows, cols), np.float32)
        tiles = list(plan_tiles(rows, cols, core=core, halo=halo, divisor=16))
        for start in range(0, len(tiles), batch):
            group = tiles[start : start + batch]
            cut = [np.s_[t.window.row_off + margin : t.window.row_stop + margin,
                         t.window.col_off + margin : t.window.col_stop + margin] for t in group]
            answers = predictor.probabilities(
                np.stack([pixels[:, r, c] for r, c in cut]),
                np.stack([valid[r, c] for r, c in cut]), low=LOW, high=HIGH, halo=halo,
            )
            for tile, answer in zip(group, answers, strict=True):
                core_ = tile.core
                out[:, core_.row_off : core_.row_stop, core_.col_off : core_.col_stop] = answer[
                    :, : core_.height, : core_.width
                ]
        return out

    whole = run(320, 1)
    assert whole.std() > 0.01
    assert (run(core, batch) == whole).all()


def test_probabilities_are_stored_as_the_rounded_share_of_254(make_model):
    predictor = Predictor(make_model(), device="cpu")
    batch = countryside(32, 32)[None]
    answer = predictor.probabilities(batch, everywhere(batch), low=LOW, high=HIGH)
    stored = predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)
    assert stored.dtype == np.uint8 and stored.shape == (1, 2, 32, 32)
    assert (stored == np.round(answer * 254)).all() and stored.max() <= 254


def test_a_pixel_without_data_is_255_in_all_bands_and_its_value_is_not_looked_at(make_model):
    predictor = Predictor(make_model(), device="cpu")
    batch = countryside(32, 32)[None].astype(np.float32)
    valid = everywhere(batch)
    valid[0, 10:14, 20:25] = False
    results = []
    for value in (0.0, 1e9, np.nan):
        batch[0, :, 10:14, 20:25] = value
        results.append(predictor.predict(batch, valid, low=LOW, high=HIGH))
    assert all((one == results[0]).all() for one in results)
    assert (results[0][0, :, ~valid[0]] == 255).all()
    assert (results[0][0, :, valid[0]] < 255).all()


def test_a_pixel_without_data_is_seen_as_grey(make_model):
    predictor = Predictor(make_model(), device="cpu")
    batch = countryside(32, 32)[None].astype(np.float32)
    valid = everywhere(batch)
    valid[0, :8] = False
    grey = batch.copy()
    grey[0, :, :8] = 127.5
    found = predictor.predict(batch, valid, low=LOW, high=HIGH)[..., 8:, :]
    wanted = predictor.predict(grey, everywhere(batch), low=LOW, high=HIGH)[..., 8:, :]
    assert (found == wanted).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "uint32", "float32",
                                   "float64", "int64"])
def test_every_real_dtype_gives_the_same_as_float32(make_model, dtype):
    predictor = Predictor(make_model(), device="cpu")
    batch = countryside(16, 16)[None]
    one = predictor.predict(batch.astype(dtype), everywhere(batch), low=LOW, high=HIGH)
    two = predictor.predict(batch.astype("float32"), everywhere(batch), low=LOW, high=HIGH)
    assert (one == two).all()


def test_low_and_high_scale_each_band_by_itself(make_model):
    predictor = Predictor(make_model(), device="cpu")
    batch = countryside(16, 16)[None]
    low, high = np.array([0.0, 100.0, 1000.0]), np.array([255.0, 610.0, 1255.0])
    raw = batch.astype(np.float32) * np.array([1, 2, 1], np.float32)[:, None, None]
    raw += np.array([0, 100, 1000], np.float32)[:, None, None]
    one = predictor.predict(raw, everywhere(batch), low=low, high=high)
    two = predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)
    assert (np.abs(one.astype(int) - two) <= 1).all()  # float32 rounding of the scaled pixels


def test_a_tile_with_other_bands_is_refused(make_model):
    predictor = Predictor(make_model(), device="cpu")
    with pytest.raises(ModelError, match="the tile has 4 bands, the model wants 3"):
        batch = np.zeros((1, 4, 16, 16), np.uint8)
        predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)


def test_a_tile_whose_sides_do_not_fit_is_refused(make_model):
    predictor = Predictor(make_model(), device="cpu")
    with pytest.raises(ModelError, match="24 x 16 pixels .* multiples of 16"):
        batch = np.zeros((1, 3, 16, 24), np.uint8)
        predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)


class Full(torch.nn.Module):
    """A device whose memory holds so many tiles."""

    def __init__(self, network, most):
        super().__init__()
        self.network, self.most, self.seen = network, most, []

    def forward(self, pixels):
        self.seen.append(len(pixels))
        if len(pixels) > self.most:
            raise torch.OutOfMemoryError("tried to allocate 3 GiB")
        return self.network(pixels)


def test_out_of_memory_halves_the_batch_once_for_all_and_gives_the_same(make_model, caplog):
    spec, network = make_model()
    batch = np.stack([countryside(16, 16, seed) for seed in range(5)])
    wanted = Predictor((spec, network), device="cpu").predict(
        batch, everywhere(batch), low=LOW, high=HIGH
    )
    full = Full(network, most=2)
    found = Predictor((spec, full), device="cpu")
    found._network = full
    answer = found.predict(batch, everywhere(batch), low=LOW, high=HIGH)
    assert np.abs(answer.astype(int) - wanted).max() <= 1  # fused or not: rounding
    assert full.seen == [5, 2, 2, 1]
    found.predict(batch, everywhere(batch), low=LOW, high=HIGH)
    assert full.seen == [5, 2, 2, 1, 2, 2, 1]
    assert caplog.text.count("out of memory") == 1


@pytest.mark.parametrize("error", [
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    MemoryError(),
])
def test_a_full_main_memory_halves_the_batch_too(make_model, error):
    spec, network = make_model()

    class Heap(Full):
        def forward(self, pixels):
            if len(pixels) > self.most:
                raise error
            return self.network(pixels)

    predictor = Predictor((spec, network), device="cpu")
    predictor._network = Heap(network, most=1)
    batch = np.stack([countryside(16, 16, seed) for seed in range(3)])
    assert predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH).shape[0] == 3


def test_another_error_of_the_network_is_not_taken_for_a_full_memory(make_model):
    predictor = Predictor(make_model(), device="cpu")
    predictor._network = lambda pixels: (_ for _ in ()).throw(RuntimeError("shapes differ"))
    batch = countryside(16, 16)[None]
    with pytest.raises(RuntimeError, match="shapes differ"):
        predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)


def test_one_tile_that_does_not_fit_says_so(make_model):
    spec, network = make_model()
    predictor = Predictor((spec, network), device="cpu")
    predictor._network = Full(network, most=0)
    batch = countryside(16, 16)[None]
    with pytest.raises(MemoryBudgetError, match="16 x 16 pixels .* smaller --tile"):
        predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)


def test_a_second_prediction_hardly_touches_fresh_memory(make_model):
    """Freed activations stay with the process: else every layer is page-faulted in again."""
    resource = pytest.importorskip("resource")
    predictor = Predictor(make_model(width=16), device="cpu")
    if not keep_freed_memory():
        pytest.skip("this C library has no mallopt")
    batch = countryside(256, 256)[None]

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        predictor.predict(batch, everywhere(batch), low=LOW, high=HIGH)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert min(faults() for _ in range(3)) < 1000  # 3,000 to 5,000 without


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc gives memory back")
def test_a_closed_predictor_gives_its_memory_back(make_model):
    """A megapixel through 16 filters works in some 200 MB, which the steps after it need."""
    predictor = Predictor(make_model(width=16), device="cpu")
    scene = countryside(1024, 1024)[None]
    predictor.predict(scene, everywhere(scene), low=LOW, high=HIGH)
    kept = psutil.Process().memory_info().rss
    predictor.close()
    assert kept - psutil.Process().memory_info().rss > 100e6


def test_an_unknown_device_is_refused():
    with pytest.raises(OptionError, match="no device 'tpu'"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_here_is_refused_and_auto_is_the_cpu():
    assert choose_device("auto") == "cpu"
    with pytest.raises(OptionError, match="no CUDA device"):
        choose_device("cuda:1")


def test_a_named_precision_is_kept():
    assert choose_precision("fp32", "cpu") == "fp32"
    assert choose_precision("auto", "cpu") in ("fp32", "bf16")


def test_a_precision_that_the_processor_must_emulate_is_said(caplog):
    numbers("fp16", "cpu")
    assert has_instructions(FAST_ON_CPU["fp16"]) or "emulated, slower" in caplog.text


@pytest.mark.parametrize(("precision", "step"), [("bf16", 12), ("fp16", 2)])
def test_sixteen_bits_change_a_probability_by_few_steps(make_model, precision, step):
    batch = countryside(48, 48)[None]
    exact, found = (
        Predictor(make_model(), device="cpu", precision=one).predict(
            batch, everywhere(batch), low=LOW, high=HIGH
        ).astype(int)
        for one in ("fp32", precision)
    )
    assert 0 < np.abs(found - exact).max() <= step


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_classes_of_the_cpu(make_model):
    batch = np.stack([countryside(64, 64, seed) for seed in range(4)])
    answers = [
        Predictor(make_model(), device=device).predict(
            batch, everywhere(batch), low=LOW, high=HIGH
        ).astype(int)
        for device in ("cpu", "cuda", "cuda")
    ]
    assert np.abs(answers[0] - answers[1]).max() <= 1
    assert (answers[1] == answers[2]).all()
