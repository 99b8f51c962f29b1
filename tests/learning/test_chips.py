import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from geoseg.grid import Window
from geoseg.learning.chips import Area, ArraySource, Cut, Cutter, Sampler
from geoseg.learning.places import hold_out
from geoseg.spec import Band

BANDS = (Band("red", 0, 255), Band("green", 0, 255), Band("blue", 0, 255))


def test_a_batch_is_a_function_of_its_number(make_source):
    areas, _ = hold_out([make_source("a"), make_source("b", seed=1)], share=0.5, chip=32)
    one = Sampler(areas, Cutter(BANDS, 32), batch=3, seed=1)
    two = Sampler(areas, Cutter(BANDS, 32), batch=3, seed=1)
    first, second, again = one(0), one(1), two(1)
    assert (again.pixels == second.pixels).all() and (again.target == second.target).all()
    assert not (first.pixels == second.pixels).all()


def test_a_batch_has_the_shapes_that_training_wants(make_source):
    source = make_source()
    sampler = Sampler((Area(source, Window(0, 0, 128, 128)),), Cutter(BANDS, 48), batch=2)
    shapes = [tuple(one.shape) for one in sampler(0).parts()]
    assert shapes == [(2, 3, 48, 48), (2, 2, 48, 48), (2, 1, 48, 48)]


def test_targets_turn_with_their_pixels(make_source):
    """A chip whose colour says its label keeps saying it after every change."""
    source = make_source(size=128, field=24)
    image = np.repeat((source.labels > 0)[None].astype(np.uint8) * 200, 3, axis=0)
    plain = ArraySource("plain", image, source.labels, source.valid)
    sampler = Sampler((Area(plain, Window(0, 0, 128, 128)),), Cutter(BANDS, 128), batch=16)
    batch = sampler(0)
    inside = batch.target[:, 0].bool()
    outside = ~inside & ~batch.target[:, 1].bool()
    for pixels, here, there in zip(batch.pixels.mean(1), inside, outside, strict=True):
        assert pixels[here].mean() > pixels[there].mean() + 0.2


def test_chips_never_leave_their_area():
    """Pixels outside the area hold a value that no change of light could hide."""
    image = np.full((3, 96, 96), 255, np.uint8)
    image[:, 32:80, 16:64] = 0
    labels = np.full((96, 96), -1, np.int32)
    labels[32:80, 16:64] = 1
    source = ArraySource("one", image, labels, np.ones((96, 96), bool))
    sampler = Sampler((Area(source, Window(16, 32, 48, 48)),), Cutter(BANDS, 32), batch=32)
    for step in range(4):
        assert sampler(step).valid.all()


def test_a_border_in_metres_follows_resolution_and_zoom(make_source):
    source = make_source(size=64)
    half = ArraySource("half", source.image, source.labels, source.valid, resolution=0.5)
    window = Window(0, 0, 64, 64)
    in_metres = Cutter(BANDS, 64, boundary_width=2.0, in_metres=True)
    in_pixels = Cutter(BANDS, 64, boundary_width=4.0)
    ours, wanted = (each.cut([Cut(half, window)]).target for each in (in_metres, in_pixels))
    assert (ours == wanted).all()


def test_a_scene_of_more_weight_is_drawn_more_often(make_source):
    """Nine of ten on average; 400 draws stay within four standard deviations (0.06)."""
    dark = make_source("dark", size=64)
    bright = replace(dark, image=np.full_like(dark.image, 255), weight=9.0)
    dark = replace(dark, image=np.zeros_like(dark.image))
    areas = tuple(Area(one, Window(0, 0, 64, 64)) for one in (dark, bright))
    sampler = Sampler(areas, Cutter(BANDS, 32), batch=400)
    share = (sampler(0).pixels.mean((1, 2, 3)) > 0.5).double().mean().item()
    assert abs(share - 0.9) < 0.06


def test_chips_lie_in_a_batch_in_the_order_of_their_cuts(make_source):
    source, cutter = make_source(size=64), Cutter(BANDS, 32)
    cuts = [Cut(source, Window(at, at, 40, 40)) for at in (0, 9, 20)]
    together = cutter.cut(cuts)
    for number, one in enumerate(cuts):
        alone = cutter.cut([one])
        for part, wanted in zip(together.parts(), alone.parts(), strict=True):
            assert (part[number] == wanted[0]).all()


def test_batches_cut_at_once_are_those_cut_one_by_one(make_source):
    source = make_source(size=128)
    sampler = Sampler((Area(source, Window(0, 0, 128, 128)),), Cutter(BANDS, 48), batch=4)
    one_by_one = list(map(sampler, range(12)))
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(sampler, range(12)))
    for one, other in zip(one_by_one, at_once, strict=True):
        assert all((a == b).all() for a, b in zip(one.parts(), other.parts(), strict=True))


def test_chips_are_cut_without_numba():
    code = "import sys; from geoseg.tools.bitcode import exercise_chips; exercise_chips()"
    code += "; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
