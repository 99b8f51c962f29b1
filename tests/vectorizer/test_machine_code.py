"""What is shipped of the kernels is what their text says, and fits the machine or is not used."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from affine import Affine

from geoseg.grid import GeoBox
from geoseg.kernels import machine_code
from geoseg.kernels.compiled import KERNELS
from geoseg.tools import bitcode
from geoseg.vectorizer import LabelOptions, LineOptions, label, parcels
from geoseg.vectorizer.regions import regroup

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from geoseg import object_code
object_code.cache_folder = lambda: Path(sys.argv[1])
from geoseg.vectorizer.regions import regroup
parents = np.zeros(3, np.int32)
regroup(np.array([0, 1, 0], np.int32), np.arange(3, dtype=np.int32), parents)
print(parents.tolist(), "numba" in sys.modules)
"""


class Rows:
    """An array, read in strips along its rows."""

    def __init__(self, data):
        self.data, self.shape = data, data.shape[-2:]

    def read(self, row_start, row_stop):
        return self.data[..., row_start:row_stop, :]


def everything():
    """Hash what comes of a small raster in several ways."""
    random = np.random.default_rng(3)
    values = random.integers(0, 250, (2, 24, 24)).astype(np.uint8)
    labels = np.kron(random.integers(0, 4, (6, 6)), np.ones((4, 4), np.int32)).astype(np.int32)
    grid = GeoBox(24, 24, Affine.identity(), None)
    content = hashlib.sha256()
    for options in (LineOptions(), LineOptions(method="vw", connectivity=8, skip=())):
        for one in parcels(Rows(labels), grid, options=options, strip=10, threads=1):
            content.update(one.wkb()[1].tobytes() + one.area_m2.tobytes())
    for method in ("basins", "components"):
        found = label(Rows(values), options=LabelOptions(method=method), strip=10)
        content.update(found.read(0, 24).tobytes())
        found.close()
    return content.hexdigest()


def test_the_shipped_bitcode_is_of_the_kernels_as_they_are():
    assert bitcode.changed() == [], "run python -m geoseg.tools.bitcode"


@pytest.mark.slow
def test_shipped_kernels_do_what_numba_makes_of_their_text(monkeypatch):
    shipped = everything()
    by_numba = set()
    monkeypatch.setattr(machine_code, "load", lambda kernel, _: by_numba.add(kernel.name))
    for kernel in KERNELS:
        monkeypatch.setattr(kernel, "calls", {})
    assert everything() == shipped
    assert len(by_numba) > 20


def test_arrays_of_another_kind_are_left_to_numba():
    parents = np.zeros(6, np.int32)[::2]
    regroup(np.array([0, 1, 0], np.int32), np.arange(3, dtype=np.int32), parents)
    assert parents.tolist() == [0, 1, 0]
    assert machine_code.load(regroup, "i4:1C i4:1C i4:1A") is None


def test_arguments_may_be_packed_once_for_many_calls():
    parents = np.zeros(3, np.int32)
    numbers = np.array([0, 1, 0], np.int32), np.arange(3, dtype=np.int32), np.zeros(3, np.int32)
    regroup(*numbers[:2], parents)
    regroup(*map(machine_code.Packed, numbers))
    assert numbers[2].tolist() == parents.tolist() == [0, 1, 0]
    packed = tuple(map(machine_code.Packed, numbers))
    assert machine_code.flatten(packed) == machine_code.flatten(numbers)
    assert machine_code.unpacked(packed) == numbers


def test_a_kernel_that_has_changed_is_not_taken_from_the_bitcode(monkeypatch):
    form = "i4:1C i4:1C i4:1C"
    assert machine_code.load(regroup, form) is not None
    index = json.loads(json.dumps(machine_code.index()))
    index[regroup.name]["digest"] = "of another text"
    monkeypatch.setattr(machine_code, "index", lambda: index)
    assert machine_code.load(regroup, form) is None


@pytest.mark.parametrize("damage", [lambda code: code[:-1], lambda code: b""])
def test_a_damaged_object_file_is_made_anew(tmp_path, damage):
    def run():
        command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert run() == "[0, 1, 0] False"
    (path,) = tmp_path.glob("*.o")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert run() == "[0, 1, 0] False"
    assert path.read_bytes() == whole
