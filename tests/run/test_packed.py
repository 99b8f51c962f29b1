"""A shard that was forged, checksums and all, is refused before a kernel trusts its numbers."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from geoseg.errors import OutputError
from geoseg.grid import GeoBox
from geoseg.run import blob
from geoseg.run.joined import Joined, JoinedLabels, join
from geoseg.run.packed import pack
from geoseg.run.shards import Mosaic, Shard
from geoseg.run.store import open_store
from geoseg.vectorizer import LabelOptions

SHAPE = 260, 60
OPTIONS = LabelOptions(min_area_pixels=20)
FIELDS = (
    "top.regions top.beyond top.boundary top.depth last.regions last.beyond last.boundary "
    "last.depth one other total count low wide names statistics origins is_held"
).split()
"""Arrays of the piece `rest`, in their order."""


@pytest.fixture
def shards(tmp_path):
    """Give a store with two shards of one mosaic, and them."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    away = np.minimum(np.abs(rows % 40 - 20), np.abs(cols % 30 - 15))
    boundary = 254 * np.clip(1 - away / 4, 0, 1) * np.random.default_rng(1).random(SHAPE)
    data = np.stack([254 - boundary, boundary]).astype(np.uint8)
    cuts = (0, 130), (130, SHAPE[0])
    mosaic = Mosaic("", ("s.tif",), {}, {}, cuts, SHAPE[1])
    store = open_store(str(tmp_path))
    made = [Shard(number, mosaic, *cut) for number, cut in enumerate(cuts)]
    for one in made:
        part = data[:, one.row_start : one.row_stop]
        store.put(one.name, pack(part, one, OPTIONS, height=SHAPE[0], strip=50))
    return store, made


def merged(store, made):
    """Give the labels of all rows."""
    joined = Joined(store, made, GeoBox(*SHAPE, Affine.identity(), None), classes=2)
    labels = JoinedLabels(SHAPE, None)
    join(joined, OPTIONS, labels, strip=50, scratch=None, progress=lambda rows: None)
    return labels.read(0, SHAPE[0])


def forge(store, shard, change):
    """Let `change` have the arrays of a shard's pieces, and store them with new checksums."""
    data = store.get(shard.name)
    index = blob.read_index(lambda start, stop: data[start:stop], shard.name)
    read = (index.arrays(lambda start, stop: data[start:stop], name) for name in index.pieces)
    pieces = {name: [one.copy() for one in arrays] for name, arrays in zip(index.pieces, read)}
    change(pieces)
    pieces = {name: tuple(arrays) for name, arrays in pieces.items()}
    store.put(shard.name, blob.pack(index.about, pieces))


def set_to(piece, place, value):
    """Give a change of the first number of an array."""
    def change(pieces):
        pieces[piece][place].flat[0] = value
    return change


def cut_off(piece, place):
    """Give a change that takes an array's last numbers."""
    def change(pieces):
        pieces[piece][place] = pieces[piece][place][..., :-1]
    return change


FORGED = {
    f"{FIELDS[place]} is {value}": set_to("rest", place, value)
    for place in map(FIELDS.index, ("last.regions", "last.beyond", "one", "other", "names"))
    for value in (-5, 10**8)
} | {
    f"{name} is shorter": cut_off("rest", place) for place, name in enumerate(FIELDS)
    if name != "top.beyond"  # the scene begins there: it has no entries
} | {
    "no pair of pixels in a border": set_to("rest", FIELDS.index("count"), 0),
    "a name that is none": set_to("names", 0, 10**8),
    "a label that is no name": lambda pieces: pieces["l0"][1].fill(10**8),
    "runs of another length": set_to("l0", 0, 10**8),
    "fewer arrays": lambda pieces: pieces["rest"].pop(),
    "no piece": lambda pieces: pieces.pop("rest"),
    "fewer columns": cut_off("p0", 0),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED.keys())
def test_a_forged_shard_is_an_output_error_that_names_it(shards, change):
    store, made = shards
    forge(store, made[0], lambda pieces: None)
    assert merged(store, made).max() > 5
    forge(store, made[0], change)
    with pytest.raises(OutputError, match=f"{Path(made[0].name).stem}.*is damaged"):
        merged(store, made)
