"""Basins to parcels, in pieces: against a plain program, and at any cut of the rows."""

import errno
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from geoseg.errors import OptionError, OutputError
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer import LabelOptions, merging
from geoseg.vectorizer.agglomerate import DOUBTFUL_PAIRS, MEAN_SHIFT
from geoseg.vectorizer.basins import AREA, PARCEL_SUM, PEAK
from geoseg.vectorizer.gather import Gathered
from geoseg.vectorizer.names import Names
from geoseg.vectorizer.part import part_of
from geoseg.vectorizer.shaped import read_strip


class Strips:
    """A strip source over an array of (bands, rows, width)."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.shape = array, array.shape[1:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows."""
        return self.array[:, row_start:row_stop]


def waves(random: np.random.Generator, shape: tuple[int, int], step: int) -> np.ndarray:
    """Draw a smooth field from 0 to 1: random values every `step` pixels, and between them."""
    knots = random.random([side // step + 3 for side in shape])
    rows, cols = (np.arange(side) / step for side in shape)
    i, j = rows.astype(int)[:, None], cols.astype(int)
    y, x = rows[:, None] - i, cols - j
    upper = knots[i, j] * (1 - x) + knots[i, j + 1] * x
    return upper * (1 - y) + (knots[i + 1, j] * (1 - x) + knots[i + 1, j + 1] * x) * y


@some.composite
def rasters(draw):
    """Draw probabilities: noise of few values, or fields between faded borders; ties are common."""
    shape = draw(some.integers(2, 60)), draw(some.integers(1, 40))
    random = np.random.default_rng(draw(some.integers(0, 2**32)))
    if draw(some.booleans()):
        levels = some.sampled_from((0, 60, 80, 130, 254, 255))
        values = np.array(draw(some.lists(levels, min_size=1)))
        return Strips(values[random.integers(0, len(values), (2, *shape))].astype(np.uint8))
    crest = np.abs(waves(random, shape, draw(some.integers(2, 6))) - 0.5)
    boundary = np.clip(1 - crest * draw(some.integers(2, 9)), 0, 1)
    parcel = (1 - boundary) * np.clip(3 * waves(random, shape, 9), 0, 1)
    steps = draw(some.sampled_from((3, 5, 254)))
    found = np.round(np.stack([parcel, boundary]) * steps) / steps * PROBABILITY_SCALE
    return Strips(found.astype(np.uint8))


@some.composite
def settings_of_labels(draw, methods=("basins", "basins", "components")):
    """Draw options."""
    return LabelOptions(
        method=draw(some.sampled_from(methods)),
        boundary=draw(some.sampled_from((0.05, 0.2, 0.4))),
        merge=draw(some.sampled_from((0.0, 0.25, 0.4, 0.6, 0.9, 1.0))),
        neck=draw(some.sampled_from((0.0, 0.2))),
        distance_cap=draw(some.integers(1, 12)),
        min_area_pixels=draw(some.sampled_from((0.0, 2.0, 9.5, 30.0))),
        max_hole_pixels=draw(some.sampled_from((0.0, 4.0, 20.0))),
        confidence=draw(some.sampled_from((0.0, 0.5, 0.7))),
    )


def in_pieces(source: Strips, options: LabelOptions, rows: list[int]) -> tuple[np.ndarray, list]:
    """Label with a piece for every strip that begins at one of the rows; say what was carried."""
    whole, names, carried = merging.Merging(options), [], []
    for row, stop in zip(rows, [*rows[1:], source.shape[0]]):
        part = part_of(read_strip(source, row, stop, options))
        offset = whole.add(part)
        names.append(np.where(part.labels > 0, part.labels + offset, 0))
        whole.settle(to_come=stop < source.shape[0])
        carried.append(whole.carried)
    labels, _ = whole.finish()
    return labels[np.concatenate(names)], carried


def from_rests(source: Strips, options: LabelOptions, rows: list[int]) -> np.ndarray:
    """Merge the rows between each two of `rows` for themselves, and join what is left of them."""
    whole, names, height = merging.Merging(options), [], source.shape[0]
    for row, stop in zip(rows, [*rows[1:], height]):
        alone, own = merging.Merging(options, from_above=row > 0), []
        for start in range(row, stop, 5):
            part = part_of(read_strip(source, start, min(start + 5, stop), options))
            own.append(np.where(part.labels > 0, part.labels + alone.add(part), 0))
            alone.settle(to_come=stop < height or start + 5 < stop)
        offset = whole.take(*alone.leave(to_come=stop < height))
        names.append(np.where(np.concatenate(own) > 0, np.concatenate(own) + offset, 0))
    return whole.finish()[0][np.concatenate(names)]


@given(source=rasters(), options=settings_of_labels(), data=some.data())
@settings(max_examples=40, deadline=None)
def test_rows_that_are_merged_for_themselves_give_what_all_rows_give(source, options, data):
    height = source.shape[0]
    cuts = data.draw(some.lists(some.integers(1, height - 1), max_size=6))
    wanted, _ = in_pieces(source, options, [0])
    assert np.array_equal(from_rests(source, options, sorted({0, *cuts})), wanted)


@given(source=rasters(), options=settings_of_labels(), data=some.data())
@settings(max_examples=60, deadline=None)
def test_merging_in_pieces_of_rows_gives_what_merging_at_once_gives(source, options, data):
    height = source.shape[0]
    wanted, _ = in_pieces(source, options, [0])
    at_random = {0, *data.draw(some.lists(some.integers(1, height - 1), max_size=4))}
    for rows in (range(height), range(0, height, 7), sorted(at_random)):
        assert np.array_equal(in_pieces(source, options, list(rows))[0], wanted)


@pytest.mark.parametrize("method", ["basins", "components"])
def test_a_larger_scene_is_labelled_alike_in_pieces_of_any_height(method):
    source = cadastre(260, 200)
    options = LabelOptions(method=method, min_area_pixels=60, max_hole_pixels=40, confidence=0.4)
    wanted, _ = in_pieces(source, options, [0])
    for step in (1, 7, 64):
        assert np.array_equal(in_pieces(source, options, list(range(0, 260, step)))[0], wanted)


def cadastre(height: int, width: int) -> Strips:
    """Draw a grid of parcels of 40 x 28 pixels with faded borders, roads, noise and no data."""
    random = np.random.default_rng(7)
    rows, cols = np.mgrid[:height, :width]
    away = np.minimum(np.abs(rows % 40 - 20), np.abs(cols % 28 - 14))
    boundary = 254 * np.clip(1 - away / 4, 0, 1) * waves(random, (height, width), 9)
    boundary = np.clip(boundary + random.integers(0, 60, boundary.shape), 0, 254)
    parcel = np.where(cols % 140 < 12, 20, 254) - boundary / 2
    array = np.stack([parcel, boundary]).astype(np.uint8)
    array[:, random.random((height, width)) < 0.001] = 255
    return Strips(array)


def test_what_is_carried_on_does_not_grow_with_the_rows():
    options = LabelOptions(min_area_pixels=60, max_hole_pixels=40)
    _, carried = in_pieces(cadastre(1600, 140), options, list(range(0, 1600, 100)))
    whole, _ = in_pieces(cadastre(1600, 140), options, [0])
    assert max(carried) < 2 * carried[0] < 1000
    assert whole.max() > 100 and carried[-1] == 0


def test_a_basin_takes_few_bytes_when_it_is_settled_and_220_before(monkeypatch):
    options = LabelOptions(min_area_pixels=60, max_hole_pixels=40)
    source, peaks = cadastre(1200, 400), {}
    parts = [part_of(read_strip(source, row, row + 100, options)) for row in range(0, 1200, 100)]
    for enough in (1, 1 << 30):
        monkeypatch.setattr(merging, "ENOUGH", enough)
        whole = merging.Merging(options)
        tracemalloc.start()
        for part in parts:
            whole.add(part)
        labels, _ = whole.finish()
        peaks[enough] = tracemalloc.get_traced_memory()[1] / len(labels)
        tracemalloc.stop()
    assert peaks[1] < 0.5 * peaks[1 << 30]
    assert peaks[1 << 30] < 400


@given(source=rasters(), options=settings_of_labels(methods=("basins",)))
@settings(max_examples=60, deadline=None)
def test_merging_is_what_a_plain_program_does(source, options):
    gathered = Gathered()
    gathered.add(part_of(read_strip(source, 0, source.shape[0], options)))
    found = gathered.join()
    labels, count = merging.merge(found, options)
    assert labels[1:].tolist() == Plain(found, options).labels()[found.numbers][1:].tolist()
    assert labels.max(initial=0) == count


def test_more_basins_than_labels_can_name_are_refused():
    gathered, options = Gathered(), LabelOptions()
    gathered.names = (1 << 31) - 2
    part = part_of(read_strip(cadastre(40, 40), 0, 40, options))
    with pytest.raises(OptionError, match="more than 2147483647 basins.*several mosaics"):
        gathered.add(part)


class FullFile:
    """A file on a full disk."""

    def seek(self, *_) -> int:
        return 0

    def write(self, data) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_names_are_kept_when_they_go_to_a_scratch_file(monkeypatch, tmp_path):
    monkeypatch.setattr("geoseg.vectorizer.names.MEMORY_FILE", 40)
    names = Names(tmp_path)
    for count in (5, 10, 11, 30):
        names.grow(count)
        names.first[count - 1] = count - 1
    assert names.first.tolist() == [one if one in (4, 9, 10, 29) else 0 for one in range(30)]
    names.first[1:] = [1, 1, -1, 4, 4, *[5] * 24]
    labels, count = names.number()
    assert labels.tolist() == [-1, 1, 1, 0, 2, 2, *[2] * 24] and count == 2


def test_a_full_scratch_folder_is_an_output_error_of_names_too(monkeypatch):
    monkeypatch.setattr("geoseg.vectorizer.names.MEMORY_FILE", 4)
    names = Names(None)
    names._file = FullFile()
    with pytest.raises(OutputError, match="cannot write labels to the scratch folder"):
        names.grow(9)


class Plain:
    """Merging as a plain program that looks at everything every time."""

    def __init__(self, found, options: LabelOptions) -> None:
        self.options, self.n = options, len(found.statistics)
        self.regions = {
            i: {"members": {i}, "area": int(row[AREA]), "peak": int(row[PEAK]),
                "sum": int(row[PARCEL_SUM]), "background": bool(found.background[i])}
            for i, row in enumerate(found.statistics) if i > 0
        }
        columns = (getattr(found.borders, name).tolist() for name in found.borders._fields)
        self.edges = {
            (one, other): (total, count, wide, (one, other))
            for one, other, total, count, _, wide in zip(*columns)
        }

    def labels(self) -> np.ndarray:
        """Merge, fill, give away, leave out; give the label of each basin."""
        self.merge()
        self.fill()
        self.give_away()
        labels = np.zeros(self.n, int)
        scale = self.options.confidence * PROBABILITY_SCALE
        parcels = [one for one in self.regions.values()
                   if not one["background"] and one["sum"] >= scale * one["area"]]
        for label, one in enumerate(sorted(parcels, key=lambda one: min(one["members"])), 1):
            labels[list(one["members"])] = label
        return labels

    def score(self, pair, edge) -> int:
        """Say how much an edge resists."""
        one, other = (self.regions[end] for end in pair)
        total, count, wide, _ = edge
        limit = round(self.options.merge * (PROBABILITY_SCALE << MEAN_SHIFT))
        peak = max(min(one["peak"], other["peak"]), 1)
        narrow = round(self.options.neck * (PROBABILITY_SCALE << MEAN_SHIFT))
        narrow = narrow * (peak - min(wide, peak)) // peak
        mean = (total << MEAN_SHIFT) + narrow * count + DOUBTFUL_PAIRS * limit
        mean //= count + DOUBTFUL_PAIRS
        area, full = min(one["area"], other["area"]), round(5 * self.options.min_area_pixels)
        return mean * int(((area << 16) // full) ** 0.5) >> 8 if area < full else mean

    def merge(self) -> None:
        """Contract the weakest edge between parcels while it is below the limit."""
        limit = round(self.options.merge * (PROBABILITY_SCALE << MEAN_SHIFT))
        while True:
            scores = [
                (self.score(pair, edge), edge[3], pair) for pair, edge in self.edges.items()
                if not any(self.regions[end]["background"] for end in pair)
            ]
            if not scores or min(scores)[0] >= limit:
                return
            self.contract(*min(scores)[2])

    def contract(self, kept, gone, background=False) -> None:
        """Make two regions one."""
        one, other = self.regions[kept], self.regions.pop(gone)
        self.regions[kept] = {
            "members": one["members"] | other["members"], "area": one["area"] + other["area"],
            "peak": max(one["peak"], other["peak"]), "sum": one["sum"] + other["sum"],
            "background": background,
        }
        edges: dict = {}
        for pair, edge in self.edges.items():
            ends = tuple(sorted(kept if end == gone else end for end in pair))
            if ends[0] != ends[1]:
                total, count, wide, first = edges.get(ends, (0, 0, 0, edge[3]))
                edges[ends] = (total + edge[0], count + edge[1], max(wide, edge[2]),
                               min(first, edge[3]))
        self.edges = edges

    def around(self, region) -> list:
        """Give (neighbour, edge) of a region."""
        return [(sum(pair) - region, edge) for pair, edge in self.edges.items() if region in pair]

    def fill(self) -> None:
        """Give each hole to the parcel behind its weakest border."""
        for region in list(self.regions):
            one = self.regions[region]
            if one["background"] and one["area"] <= self.options.max_hole_pixels:
                ways = [(mean(edge), edge[3], far) for far, edge in self.around(region)]
                if ways:
                    self.contract(min(ways)[2], region)

    def give_away(self) -> None:
        """Give small parcels away, smallest first."""
        while True:
            small = [
                (one["area"], min(one["members"]), region) for region, one in self.regions.items()
                if not one["background"] and one["area"] < math.ceil(self.options.min_area_pixels)
            ]
            if not small:
                return
            region, outside, ways = min(small)[2], (0, 0), []
            for far, edge in self.around(region):
                if self.regions[far]["background"]:
                    outside = outside[0] + edge[0], outside[1] + edge[1]
                else:
                    ways.append((mean(edge), edge[3], far))
            if ways and (outside[1] == 0 or mean(outside) > min(ways)[0]):
                self.contract(min(ways)[2], region)
            else:
                self.regions[region]["background"] = True


def mean(edge) -> int:
    """Give the mean of a border in steps of 2**-20."""
    return (edge[0] << MEAN_SHIFT) // edge[1]
