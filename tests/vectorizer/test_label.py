"""Probabilities to parcel labels: drawn cases, properties, refusals."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from geoseg.errors import OptionError, OutputError, RasterError
from geoseg.vectorizer import LabelOptions, label
from geoseg.vectorizer.label_raster import LabelRaster

STORED = {"#": (0, 254), "p": (254, 0), ".": (0, 0), "x": (255, 255), "-": (100, 60),
          "f": (120, 40), "d": (140, 0)}
"""Drawn pixels: sure border, parcel, background, no data, faint border, fading parcel, doubtful."""


class Strips:
    """A strip source over an array of (bands, rows, width)."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape = array.shape[1:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows."""
        return self.array[:, row_start:row_stop]


def drawn(picture: str) -> Strips:
    """Read a drawing as probabilities."""
    pixels = [[STORED[letter] for letter in line] for line in picture.split()]
    return Strips(np.array(pixels, np.uint8).transpose(2, 0, 1))


def labelled(picture: str, **options) -> str:
    """Label a drawing and draw the labels: digits, `.` background, `x` no data."""
    raster = label(drawn(picture), options=LabelOptions(**options))
    letters = {0: ".", -1: "x"}
    rows = raster.read(0, raster.shape[0])
    return "\n".join("".join(letters.get(int(value), str(value)) for value in row) for row in rows)


def lines(picture: str) -> str:
    """Drop the indentation of a drawing."""
    return "\n".join(picture.split())


@some.composite
def rasters(draw):
    """Draw small rasters of few values, so that ties are common."""
    height, width = draw(some.integers(1, 24)), draw(some.integers(1, 24))
    random = np.random.default_rng(draw(some.integers(0, 2**32)))
    values = np.array(draw(some.lists(some.sampled_from((0, 60, 80, 130, 254, 255)), min_size=1)))
    array = values[random.integers(0, len(values), (2, height, width))].astype(np.uint8)
    return Strips(array)


@some.composite
def settings_of_labels(draw):
    """Draw options."""
    return LabelOptions(
        method=draw(some.sampled_from(("basins", "components"))),
        merge=draw(some.sampled_from((0.0, 0.25, 0.6, 1.0))),
        neck=draw(some.sampled_from((0.0, 0.2))),
        distance_cap=draw(some.integers(1, 12)),
        min_area_pixels=draw(some.sampled_from((0.0, 2.0, 9.5))),
        max_hole_pixels=draw(some.sampled_from((0.0, 4.0))),
        confidence=draw(some.sampled_from((0.0, 0.5, 0.7))),
    )


def test_two_parcels_share_the_border_between_them():
    picture = """
        ppp#ppp
        ppp#ppp
        ppp#ppp"""
    assert set(labelled(picture)) - {"\n"} == {"1", "2"}


def test_a_gap_in_a_border_does_not_join_two_parcels():
    picture = "\n".join(["pppppp#pppppp"] * 4 + ["ppppppppppppp"] + ["pppppp#pppppp"] * 4)
    assert label(drawn(picture)).count == 2


def test_a_gap_in_a_border_joins_components():
    picture = "\n".join(["pppppp#pppppp"] * 4 + ["ppppppppppppp"] + ["pppppp#pppppp"] * 4)
    assert label(drawn(picture), options=LabelOptions(method="components")).count == 1


def test_a_faint_line_does_not_part_a_parcel():
    picture = "\n".join(["ppppp-ppppp"] * 7)
    assert label(drawn(picture), options=LabelOptions(merge=0.6)).count == 1
    assert label(drawn(picture), options=LabelOptions(merge=0.2)).count == 2


def test_a_narrow_pass_holds_two_parcels_apart_and_a_wide_one_does_not():
    narrow = ["pppppp...pppppp"] * 4 + ["ppppppppppppppp"] * 2 + ["pppppp...pppppp"] * 4
    wide = ["pppppp...pppppp"] * 1 + ["ppppppppppppppp"] * 8 + ["pppppp...pppppp"] * 1
    options = LabelOptions(merge=0.1, neck=0.2)
    assert label(drawn("\n".join(narrow)), options=options).count == 2
    assert label(drawn("\n".join(wide)), options=options).count == 1
    assert label(drawn("\n".join(narrow)), options=LabelOptions(merge=0.1, neck=0.0)).count == 1


def test_background_stays_background_and_takes_its_side_of_the_border():
    picture = """
        ppp##..
        ppp##..
        ppp##.."""
    wanted = """
        1111...
        1111...
        1111..."""
    assert labelled(picture) == lines(wanted)


def test_a_sliver_that_fades_between_parcel_and_band_does_not_take_the_band():
    clean, fading = "pppppp####......\n" * 5, "pppppf####......\n" * 5
    assert labelled(fading) == labelled(clean)


def test_a_road_between_two_parcels_stays_background():
    picture = "\n".join(["pppp##....##pppp"] * 5)
    assert labelled(picture) == "\n".join(["11111......22222"] * 5)


def test_a_parcel_of_too_low_a_mean_is_background_and_its_neighbour_keeps_its_border():
    doubtful = "\n".join(["pppp##dddd"] * 5)
    assert labelled(doubtful) == "\n".join(["1111122222"] * 5)
    assert labelled(doubtful, confidence=0.5) == "\n".join(["11111....."] * 5)


def test_no_data_has_no_label_and_parts_nothing_that_meets_around_it():
    picture = """
        ppppp
        ppxpp
        ppppp"""
    wanted = """
        11111
        11x11
        11111"""
    assert labelled(picture, neck=0.0) == lines(wanted)


def test_no_data_everywhere_gives_no_parcels():
    raster = label(drawn("xxx\nxxx"))
    assert raster.count == 0
    assert (raster.read(0, 2) == -1).all()


@pytest.mark.parametrize("pixel, wanted", [("p", "1"), (".", "."), ("x", "x"), ("#", "1")])
def test_one_pixel_is_labelled(pixel, wanted):
    assert labelled(pixel) == wanted


def test_a_small_parcel_goes_behind_its_weakest_border():
    picture = "\n".join(["ppppp#pp-ppppp"] * 3)
    options = {"merge": 0.1}
    assert labelled(picture, **options).count("2") == 6
    assert len(set(labelled(picture, min_area_pixels=10, **options)) - {"\n"}) == 2
    kept = labelled(picture, min_area_pixels=10, **options).split("\n")[1]
    assert kept[6:] == "22222222"


def test_a_small_parcel_in_the_background_becomes_background():
    picture = """
        .....
        .pp..
        ....."""
    assert labelled(picture).count("1") == 2
    assert labelled(picture, min_area_pixels=3).count("1") == 0
    assert labelled(picture, min_area_pixels=2).count("1") == 2


def test_a_small_parcel_without_neighbours_becomes_background():
    assert labelled("xxx\nxpx\nxxx", min_area_pixels=2) == "xxx\nx.x\nxxx"


def test_holes_are_filled_up_to_their_size():
    picture = """
        pppppp
        pp..pp
        pppppp"""
    assert labelled(picture, max_hole_pixels=1).count(".") == 2
    assert labelled(picture, max_hole_pixels=2).count(".") == 0


def test_one_band_is_boundary_alone():
    source = Strips(drawn("ppp#ppp\nppp#ppp").array[1:])
    raster = label(source)
    assert raster.count == 2
    assert (raster.read(0, 2) > 0).all()


@given(source=rasters(), options=settings_of_labels())
@settings(max_examples=60, deadline=None)
def test_labels_do_not_depend_on_the_strip_height(source, options):
    height = source.shape[0]
    whole = label(source, options=options, strip=height).read(0, height)
    for strip in (1, 2, 7):
        assert np.array_equal(label(source, options=options, strip=strip).read(0, height), whole)


def cadastre(height: int, width: int) -> Strips:
    """Draw a grid of parcels of 40 x 28 pixels with faded borders, roads, noise and no data."""
    random = np.random.default_rng(7)
    rows, cols = np.mgrid[:height, :width]
    away = np.minimum(np.abs(rows % 40 - 20), np.abs(cols % 28 - 14))
    fading = np.repeat(np.repeat(random.random((height // 9 + 1, width // 9 + 1)), 9, 0), 9, 1)
    boundary = 254 * np.clip(1 - away / 4, 0, 1) * fading[:height, :width]
    boundary = np.clip(boundary + random.integers(0, 60, boundary.shape), 0, 254)
    parcel = np.where(cols % 140 < 12, 20, 254) - boundary / 2
    array = np.stack([parcel, boundary]).astype(np.uint8)
    array[:, random.random((height, width)) < 0.001] = 255
    return Strips(array)


@pytest.mark.parametrize("method", ["basins", "components"])
def test_a_larger_scene_is_labelled_alike_at_any_strip_height(method):
    source = cadastre(300, 220)
    options = LabelOptions(method=method, min_area_pixels=50, max_hole_pixels=20)
    whole = label(source, options=options, strip=300)
    assert whole.count > 10 or method == "components"
    for strip in (1, 7, 64, 256):
        again = label(source, options=options, strip=strip)
        assert np.array_equal(again.read(0, 300), whole.read(0, 300))


@given(source=rasters(), options=settings_of_labels())
@settings(max_examples=60, deadline=None)
def test_labels_are_connected_and_numbered_by_their_first_pixels(source, options):
    raster = label(source, options=options)
    labels = raster.read(0, raster.shape[0])
    values, first = np.unique(labels[labels > 0], return_index=True)
    assert values.tolist() == list(range(1, raster.count + 1))
    assert (np.diff(first) > 0).all()
    assert count_pieces(labels) == raster.count


@given(source=rasters(), options=settings_of_labels())
@settings(max_examples=60, deadline=None)
def test_no_data_is_kept_to_the_pixel(source, options):
    labels = label(source, options=options).read(0, source.shape[0])
    assert np.array_equal(labels == -1, (source.array == 255).any(axis=0))


def count_pieces(labels: np.ndarray) -> int:
    """Count the 4-connected pieces of equal positive labels by flooding."""
    left = {(int(row), int(col)) for row, col in np.argwhere(labels > 0)}
    pieces = 0
    while left:
        pieces += 1
        edge = [left.pop()]
        while edge:
            row, col = edge.pop()
            for near in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
                if near in left and labels[near] == labels[row, col]:
                    left.remove(near)
                    edge.append(near)
    return pieces


def test_strips_are_read_in_any_order():
    source = drawn("ppp#ppp\nppp#ppp\n###....\nppp....")
    raster = label(source, strip=2)
    whole = raster.read(0, 4)
    for row in (3, 0, 2, 1):
        assert np.array_equal(raster.read(row, row + 1), whole[row : row + 1])


def test_progress_counts_rows():
    seen = []
    label(drawn("p\np\np"), strip=2, progress=seen.append)
    assert seen == [2, 1]


@pytest.mark.parametrize(
    "values, text",
    [
        ({"method": "magic"}, "method is 'magic', must be one of basins, components"),
        ({"merge": 1.5}, "merge is 1.5, must be 0 to 1"),
        ({"parcel": -0.1}, "parcel is -0.1, must be 0 to 1"),
        ({"distance_cap": 0}, "distance cap is 0, must be 1 to 100 pixels"),
        ({"min_area_pixels": -1.0}, "min_area_pixels is -1.0, must be 0 to 2147483647 pixels"),
        ({"min_area_pixels": float("inf")}, "min_area_pixels is inf, must be 0 to 2147483647"),
        ({"max_hole_pixels": float("nan")}, "max_hole_pixels is nan, must be 0 to 2147483647"),
    ],
)
def test_options_out_of_range_are_refused(values, text):
    with pytest.raises(OptionError, match=re.escape(text)):
        LabelOptions(**values)


def test_a_source_of_other_pixels_is_refused():
    with pytest.raises(RasterError, match="probabilities are float64 of shape"):
        label(Strips(np.zeros((2, 3, 3))))


def test_a_strip_of_no_rows_is_refused():
    with pytest.raises(OptionError, match="strip is 0 rows, must be 1 or more"):
        label(drawn("p"), strip=0)


def test_a_full_scratch_folder_is_an_output_error():
    raster = LabelRaster((1, 3), None)
    raster._file = FullFile()
    with pytest.raises(OutputError, match="cannot write labels to the scratch folder"):
        raster.append(np.zeros((1, 3), np.int32), 0)


class FullFile:
    """A file on a full disk."""

    def write(self, data) -> int:
        """Fail."""
        raise OSError(28, "No space left on device")
