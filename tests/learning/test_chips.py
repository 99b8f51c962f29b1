from dataclasses import replace

import numpy as np

from geoseg.grid import Window
from geoseg.learning.chips import Area, ArraySource, Cutter, Sampler, stack, targets
from geoseg.learning.places import hold_out
from geoseg.spec import Band

BANDS = (Band("red", 0, 255), Band("green", 0, 255), Band("blue", 0, 255))


def drawn(*lines):
    return np.array([[int(digit) for digit in line.replace(".", "0")] for line in lines])


def shown(band):
    return ["".join("#" if one else "." for one in row) for row in band]


def test_a_border_of_two_pixels_lies_on_both_sides_of_a_change_of_label():
    parcel, boundary = targets(drawn("..1122", "..1122", "..1122"), 2)
    assert shown(boundary) == [".####."] * 3
    assert shown(parcel) == [".....#"] * 3


def test_a_scene_edge_is_no_border():
    parcel, boundary = targets(drawn("111", "111"), 4)
    assert not boundary.any() and parcel.all()


def test_a_border_of_four_pixels_is_rounded_at_a_corner():
    labels = np.zeros((7, 7), int)
    labels[3:, 3:] = 1
    assert shown(targets(labels, 4)[1]) == [
        ".......",
        "...####",
        "..#####",
        ".######",
        ".######",
        ".####..",
        ".####..",
    ]


def test_a_label_that_is_not_known_borders_nothing_and_is_nothing():
    labels = np.array([[1, 1, -1, 0, 0]])
    parcel, boundary = targets(labels, 2)
    assert not boundary.any()
    assert shown(parcel) == ["##..."]


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
    ours, wanted = (cutter.cut(Area(half, window), window)[1] for cutter in (in_metres, in_pixels))
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


def test_chips_are_stacked_in_order():
    chip = (np.ones((3, 2, 2)), np.zeros((2, 2, 2), bool), np.ones((1, 2, 2), bool))
    dark = (np.zeros((3, 2, 2)), np.ones((2, 2, 2), bool), np.zeros((1, 2, 2), bool))
    batch = stack([chip, dark])
    assert batch.pixels.mean((1, 2, 3)).tolist() == [1, 0]
    assert batch.target.mean((1, 2, 3)).tolist() == [0, 1]
