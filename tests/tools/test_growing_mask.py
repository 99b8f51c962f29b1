"""A mask that grows with the cores that are done."""

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoseg.grid import GeoBox, Window
from geoseg.learning.bundled import find_model
from geoseg.learning.checkpoint import load
from geoseg.run.cores import StoredCores
from geoseg.run.journal import Journal
from geoseg.tools.growing_mask import GrowingMask

BOX = GeoBox(1300, 700, Affine(1, 0, 0, 0, -2, 0), "EPSG:32633")
PIXELS = np.random.default_rng(0).integers(0, 255, (2, 1300, 700), dtype=np.uint8)


def cores():
    for row in range(0, 1300, 448):
        for col in range(0, 700, 448):
            data = PIXELS[:, row : row + 448, col : col + 448]
            yield Window(col, row, data.shape[2], data.shape[1]), data


@pytest.fixture(scope="module")
def spec():
    return load(find_model("parcels-aerial"))[0]


def write(path, spec, journal, *, follow, classes=False):
    with Journal(journal, {}) as kept, GrowingMask(path, BOX, spec, classes=classes) as mask:
        stored = StoredCores(kept, BOX, classes=2)
        for core in cores():
            if (core[0].row_off, core[0].col_off) not in stored.done:
                stored.add([core])
            if follow:
                mask.follow(stored, strips=1)
        assert stored.complete == 1300
        mask.follow(stored)
    return path.read_bytes()


@pytest.mark.parametrize("classes", [False, True])
def test_the_bytes_do_not_depend_on_when_rows_come(tmp_path, spec, classes):
    made = [
        write(tmp_path / f"{i}.tif", spec, tmp_path / journal, follow=follow, classes=classes)
        for i, (journal, follow) in enumerate([("a", True), ("a", False), ("b", False)])
    ]
    assert made[0] == made[1] == made[2]  # the second has all of its cores from the start
    if not classes:
        with rasterio.open(tmp_path / "0.tif") as mask:
            assert (mask.read() == PIXELS).all()


def test_rows_are_complete_from_the_top_and_from_side_to_side(tmp_path):
    with Journal(tmp_path / "a", {}) as kept:
        stored = StoredCores(kept, BOX, classes=2)
        first, second, third, fourth, *rest = cores()
        complete = []
        for some in ([first], [third, fourth], [second], rest):
            stored.add(some)
            complete.append(stored.complete)
    assert complete == [0, 0, 896, 1300]
