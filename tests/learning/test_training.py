import copy
import csv
import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from geoseg.errors import OptionError, TrainingError
from geoseg.learning.checkpoint import load, read_tensors, write_tensors
from geoseg.learning.chips import Batch, Cutter, Sampler
from geoseg.learning.job import LAST, TrainJob, begin, keep_state, resume
from geoseg.learning.losses import parse_loss
from geoseg.learning.norm_statistics import renew_statistics
from geoseg.learning.places import hold_out, validation_cuts
from geoseg.learning.recipe import STEPS, Recipe
from geoseg.learning.repair import SLOWER
from geoseg.learning.training import Clock, prefetched, rate_at, sampler_for, train, update
from geoseg.learning.unet import build
from geoseg.learning.validation import tally, validate

NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
QUICK = Recipe(steps=60, validations=2, rate=1e-2, precision="fp32", statistics_batches=4)


@pytest.fixture
def make_job(tmp_path, make_source, make_model):
    """Give what makes a small job, and its untrained network."""

    def make(recipe=QUICK, name="unet", folder="run", **changes):
        sources = [make_source(str(number), field=24, seed=number) for number in range(4)]
        training, held = hold_out(sources, names=["3"])
        spec, _ = make_model(name, width=4)
        cutter = Cutter(spec.bands, chip=32)
        seen = cutter.cut(validation_cuts(held, 32, 16))
        job = TrainJob(
            Sampler(training, cutter, batch=4, zoom=(0.8, 1.25)), [seen], recipe, spec,
            tmp_path / folder / "model.safetensors", tmp_path / folder,
        )
        return build(name, width=4), replace(job, **changes)

    return make


@pytest.mark.parametrize("device, precision", [
    ("cpu", "fp32"), *(pytest.param("cuda", one, marks=NEEDS_CUDA) for one in ("fp32", "bf16")),
])
def test_a_network_learns_parcels_it_has_not_seen(make_job, device, precision):
    network, job = make_job(replace(QUICK, steps=150, precision=precision), device=device)
    outcome = train(network, job)
    assert outcome.steps == 150
    assert outcome.scores["parcel_iou"] > 0.75  # a constant answer has 0.61
    assert outcome.scores["boundary_iou"] > 0.3  # and 0.23


def test_the_kept_model_scores_what_its_spec_says(make_job):
    network, job = make_job()
    outcome = train(network, job)
    spec, kept = load(job.out)
    seen = validate(kept, job.held_out, parse_loss("bce+dice"), torch.device("cpu"))
    assert spec.scores["score"] == pytest.approx(outcome.scores["score"], abs=1e-4)
    assert seen.score == pytest.approx(outcome.scores["score"], abs=1e-3)
    assert '"rate": 0.01' in spec.history["recipe"]


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_CUDA)])
def test_a_resumed_run_gives_the_same_weights_as_one_that_was_not_interrupted(make_job, device):
    whole_network, whole = make_job(folder="whole", device=device)
    train(whole_network, whole)

    class Stopped(Exception):
        pass

    def stop(seen, *_):
        raise Stopped

    network, job = make_job(folder="parts", draw=stop, device=device)
    with pytest.raises(Stopped):
        train(network, job)
    network, job = make_job(folder="parts", device=device)
    outcome = train(network, job)
    assert outcome.steps == 60
    one, two = load(whole.out)[1].state_dict(), load(job.out)[1].state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_dropout_resumes_to_the_same_result(make_job):
    states = []
    for interrupted in (False, True):
        network, job = make_job(name="unet-origin", folder=str(interrupted))
        state = begin(network, job)
        for number in range(4):
            if interrupted and number == 2:
                keep_state(state, job)
                state = begin(build("unet-origin", width=4, seed=9), job)
                resume(state, job)
                torch.rand(7)
            update(state, job.sampler(number), parse_loss("bce"), job.recipe, 1e-3)
        states.append(state.model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_finished_run_does_nothing_more(make_job):
    network, job = make_job(replace(QUICK, steps=8))
    first = train(network, job)
    network, job = make_job(replace(QUICK, steps=8))
    again = train(network, job)
    assert (again.steps, again.scores) == (first.steps, first.scores)


def test_a_run_with_another_recipe_is_not_resumed_and_the_difference_is_said(make_job):
    network, job = make_job(replace(QUICK, steps=8))
    train(network, job)
    network, job = make_job(replace(QUICK, steps=8, rate=2e-2))
    with pytest.raises(TrainingError, match="a run with rate 0.01, not 0.02; use --restart"):
        train(network, job)


def test_a_run_that_was_begun_under_the_old_names_goes_on(make_job):
    network, job = make_job(replace(QUICK, steps=8))
    train(network, job)
    tensors, metadata = read_tensors(job.folder / LAST)
    named = json.loads(metadata["job"])
    named["calibration"], named["precision"] = named.pop("statistics_batches"), "float32"
    write_tensors(job.folder / LAST, tensors, metadata | {"job": json.dumps(named)})
    network, job = make_job(replace(QUICK, steps=12))
    assert train(network, job).steps == 12


def test_a_longer_run_may_go_on(make_job):
    network, job = make_job(replace(QUICK, steps=8))
    train(network, job)
    network, job = make_job(replace(QUICK, steps=12))
    assert train(network, job).steps == 12


def test_a_collapsed_model_is_never_kept_and_the_reason_is_said(make_job):
    network, job = make_job(replace(QUICK, steps=4, validations=1, rate=1e-12))
    torch.nn.init.zeros_(network.head.weight)
    with pytest.raises(TrainingError, match="no model was worth keeping: the parcel output is one"):
        train(network, job)
    assert not job.out.exists()


def test_a_run_without_better_scores_ends_early(make_job):
    network, job = make_job(replace(QUICK, steps=40, validations=20, patience=2, rate=1e-12))
    torch.nn.init.normal_(network.head.weight, std=0.3)
    assert train(network, job).steps < 40


def test_a_loss_that_is_not_finite_ends_the_run(make_job):
    network, job = make_job()
    bad = job.sampler(0)
    bad.pixels[0, 0, 0, 0] = math.nan
    with pytest.raises(TrainingError, match="the loss is nan at step 0; lower --rate"):
        update(begin(network, job), bad, parse_loss("bce"), job.recipe, 1e-3)


def test_a_gradient_that_is_not_finite_leaves_the_step_out_and_lowers_the_rate(make_job, caplog):
    network, job = make_job()
    state = begin(network, job)
    before = copy.deepcopy(network.state_dict()["head.weight"])
    update(state, job.sampler(0), lambda logits, *_: (0 * logits).sum().sqrt(), job.recipe, 1e-3)
    assert torch.equal(network.state_dict()["head.weight"], before)
    assert (state.step, state.slow) == (1, SLOWER)
    assert "step 0 is left out, the highest rate is now 0.003" in caplog.text


def test_the_log_has_a_line_for_each_validation(make_job):
    network, job = make_job(replace(QUICK, steps=12, validations=3))
    train(network, job)
    with (job.folder / "log.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    assert all(0 <= float(row["parcel_iou"]) <= 1 for row in rows)


def test_a_time_limit_ends_the_run_and_brings_the_rate_to_zero(make_job):
    network, job = make_job(replace(QUICK, steps=None, seconds=1.5))
    events = []
    outcome = train(network, job, events.append)
    assert 1.5 <= outcome.seconds < 6
    assert events[-1] == {"event": "progress", "stage": "train", "done": 1000, "total": 1000}


def test_progress_never_goes_back(make_job):
    network, job = make_job(replace(QUICK, steps=10))
    events = []
    train(network, job, events.append)
    done = [event["done"] for event in events]
    assert done == sorted(done) and done[-1] == 1000 and len(done) == 10


def test_the_rate_warms_up_and_falls_to_zero():
    recipe = Recipe(steps=4000, rate=1.0)
    assert rate_at(0, 0.0, recipe) == pytest.approx(1 / 200)
    assert rate_at(99, 99 / 4000, recipe) == pytest.approx(0.5, abs=0.01)
    assert rate_at(2000, 0.5, recipe) == pytest.approx(0.5)
    assert rate_at(4000, 1.0, recipe) == 0


def test_a_short_run_warms_up_in_a_tenth_of_it():
    assert rate_at(3, 0.1, Recipe(steps=40, rate=1.0)) > 0.95


def test_validations_are_spread_evenly(make_job):
    network, job = make_job(replace(QUICK, steps=10, validations=5))
    state = begin(network, job)
    clock = Clock(job.recipe, state)
    due = []
    for state.step in range(1, 11):
        if clock.validation_due(clock.fraction(state)):
            due.append(state.step)
    assert due == [2, 4, 6, 8, 10]


def test_slow_validations_of_a_run_with_a_time_limit_are_left_out_but_the_last(make_job):
    network, job = make_job(replace(QUICK, steps=None, seconds=1000, validations=5))
    clock = Clock(job.recipe, begin(network, job))
    assert clock.validation_due(0.2)
    with clock.validating():
        time.sleep(0.01)
    assert not clock.validation_due(0.4) and not clock.over
    assert clock.validation_due(1.0) and clock.over


@pytest.mark.parametrize("cutters", [1, 4])
def test_batches_come_in_order_from_the_first_that_is_wanted(cutters):
    numbers = prefetched(lambda number: number, 5, cutters)
    assert [next(numbers) for _ in range(3)] == [5, 6, 7]
    numbers.close()


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_CUDA)])
def test_batches_for_a_gpu_are_pinned_and_else_left_as_they_are(make_job, device):
    _, job = make_job()
    batch = sampler_for(job.sampler, torch.device(device))(3)
    assert all(one.is_pinned() == (device == "cuda") for one in batch.parts())
    assert all(map(torch.equal, batch.parts(), job.sampler(3).parts()))


def test_recomputed_statistics_are_those_of_the_batches(make_job):
    """After it the first BatchNorm holds the mean and variance of its true inputs."""
    network, job = make_job()
    state = begin(network, job)
    renew_statistics(state.averaged, job.sampler, 0, 4)
    convolution, norm = state.averaged.encoder[0][0][0], state.averaged.encoder[0][0][1]
    seen = [convolution(job.sampler(number).pixels) for number in range(4)]
    mean = torch.stack([one.mean((0, 2, 3)) for one in seen]).mean(0)
    variance = torch.stack([one.var((0, 2, 3)) for one in seen]).mean(0)
    assert torch.allclose(norm.running_mean, mean, atol=1e-5)
    assert torch.allclose(norm.running_var, variance, rtol=1e-4)
    assert norm.momentum == 0.1 and not norm.training


def test_lagging_statistics_cost_the_origin_its_output_and_recomputing_gives_it_back(make_job):
    """The failure that this project grew from, and its cure, on the same weights."""
    network, job = make_job(replace(QUICK, steps=None, seconds=60), name="unet-origin")
    state = begin(network, job)
    for number in range(60):
        update(state, job.sampler(number), parse_loss("bce"), job.recipe, 1e-2)
    loss, device = parse_loss("bce"), torch.device("cpu")
    before = validate(state.model, job.held_out, loss, device)
    state.averaged.load_state_dict(state.model.state_dict())
    renew_statistics(state.averaged, job.sampler, 60, 8)
    after = validate(state.averaged, job.held_out, loss, device)
    assert after.score > before.score + 0.1
    assert after.statistics.spread[0] > 1.3 * before.statistics.spread[0]


def test_counts_are_those_by_hand():
    probability = torch.tensor([0.6, 0.4, 0.6, 0.4, 0.9]).reshape(1, 1, 1, 5)
    target = torch.tensor([1.0, 1, 0, 0, 1]).reshape(1, 1, 1, 5)
    valid = torch.tensor([1.0, 1, 1, 1, 0]).reshape(1, 1, 1, 5)
    both, extra, missed, total, squares, pixels = tally(probability, target, valid)[:, 0].tolist()
    assert (both, extra, missed, pixels) == (1, 1, 1, 4)
    assert total == pytest.approx(2.0) and squares == pytest.approx(2 * 0.36 + 2 * 0.16)


def test_a_grey_answer_has_no_spread(make_job):
    network, job = make_job()
    torch.nn.init.zeros_(network.head.weight)
    seen = validate(network, job.held_out, parse_loss("bce"), torch.device("cpu"))
    assert max(seen.statistics.spread) < 1e-6


def test_a_dead_unit_of_the_narrow_head_is_seen(make_job):
    network, job = make_job(name="unet-origin")
    network.narrow.convolution.bias.data[1] = -1e6
    seen = validate(network, job.held_out, parse_loss("bce"), torch.device("cpu"))
    assert seen.statistics.active[1] == 0 and seen.statistics.dead == (1,)


def test_a_recipe_without_an_end_has_the_usual_steps():
    assert Recipe().steps == STEPS
    assert Recipe(seconds=10).steps is None


def test_a_recipe_with_an_unknown_loss_or_precision_is_refused():
    with pytest.raises(OptionError, match="no loss 'iou'"):
        Recipe(loss="iou")
    with pytest.raises(OptionError, match="no precision 'half'"):
        Recipe(precision="half")


def test_pictures_and_curves_are_drawn(make_job):
    pytest.importorskip("matplotlib")
    from geoseg.learning.pictures import draw

    network, job = make_job(replace(QUICK, steps=4))
    train(network, replace(job, draw=draw(job.held_out)))
    for name in ("predictions.png", "curves.png"):
        assert (job.folder / name).read_bytes().startswith(b"\x89PNG")


def test_a_batch_moves_to_a_device_whole():
    batch = Batch(*(torch.zeros(1) for _ in range(3)))
    assert all(one.device.type == "meta" for one in batch.to(torch.device("meta")).parts())
    assert np.isscalar(batch.pixels.item())


def test_a_unit_that_dies_in_a_run_is_drawn_anew_at_the_next_validation(make_job, caplog):
    network, job = make_job(replace(QUICK, steps=40, validations=4), name="unet-origin")
    network.narrow.convolution.bias.data.fill_(-1e3)
    train(network, job)
    assert "2 of 2 units before the last convolution" in caplog.text
    assert "drawn anew" in caplog.text
    with (job.folder / "log.csv").open() as lines:
        alarms = [row["alarms"] for row in csv.DictReader(lines)]
    assert "dead-unit" in alarms[0] and "dead-unit" not in alarms[-1]
