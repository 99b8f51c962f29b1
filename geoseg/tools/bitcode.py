"""Make the bitcode that a release ships: numba types the kernels, LLVM tidies them up.

    python -m geoseg.tools.bitcode           renew kernels.zip, after a kernel's change
    python -m geoseg.tools.bitcode --all     and what has not changed (another llvmlite)
    python -m geoseg.tools.bitcode --check   say which kernels have changed since

Every kernel is run in every way that geoseg calls it, and numba's intermediate code is kept
of what it compiles. Each kernel becomes a module of its own with all helpers in it, optimized
without regard to a processor. Arrays belong to Python, so counting of references is taken out.
Where two branches have changed kernels, take either file and renew it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from affine import Affine
from pyproj import CRS
from shapely import Polygon

from geoseg.grid import GeoBox, Window
from geoseg import object_code
from geoseg.kernels import machine_code
from geoseg.kernels.compiled import KERNELS, Kernel, jitted
from geoseg.learning.augment import plain
from geoseg.learning.chips import ArraySource, Cut, Cutter
from geoseg.learning.cutting.targets import targets
from geoseg.spec import Band
from geoseg.vector import write_parcels
from geoseg.vectorizer.label import label
from geoseg.vectorizer.label_options import LabelOptions
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.measure import measure_shapes
from geoseg.vectorizer.parcels import parcels

UNCOUNTED = """
define void @NRT_incref(ptr %p) { ret void }
define void @NRT_decref(ptr %p) { ret void }
"""
"""What takes the place of numba's counting of references."""
INTRINSICS = re.compile(r'@"(sqrt|floor|ceil)"\(double')
"""Functions of the C library that are instructions."""


@dataclass(slots=True)
class Records:
    """What numba compiled."""

    modules: list[str] = field(default_factory=list)
    """Texts of intermediate code, each function's by itself."""
    kernels: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """Name and form of arguments -> digest, function in the intermediate code, what it returns."""


@contextmanager
def recorded(*, anew: bool) -> Iterator[Records]:
    """Let numba compile the kernels that are called and not shipped yet; keep what it makes."""
    from numba.core.codegen import CPUCodeLibrary

    records, load, add = Records(), machine_code.load, CPUCodeLibrary.add_ir_module

    def kept(library: Any, module: Any) -> None:
        if module.name != "wrapper" and library.name != "nrt":  # Python's calls, and references
            records.modules.append(str(module))
        add(library, module)

    def compile_anew(kernel: Kernel, form: str) -> Any:
        known = None if anew else load(kernel, form)
        if known is not None:
            return known
        made = jitted(kernel.function, is_kernel=True, cache=False)

        def call(arguments: tuple, _: list) -> object:
            arguments = machine_code.unpacked(arguments)
            result = made(*arguments)
            known = made.overloads[tuple(map(made.typeof_pyval, arguments))]
            function, returns = known.fndesc.llvm_func_name, known.signature.return_type
            records.kernels[kernel.name, form] = kernel.digest, function, str(returns)
            return result

        return call

    machine_code.load, CPUCodeLibrary.add_ir_module = compile_anew, kept
    try:
        yield records
    finally:
        machine_code.load, CPUCodeLibrary.add_ir_module = load, add


class _Rows:
    """An array, read in strips along its rows."""

    def __init__(self, data: np.ndarray) -> None:
        self.data, self.shape = data, data.shape[-2:]

    def read(self, row_start: int, row_stop: int) -> np.ndarray:
        """Give rows [row_start, row_stop)."""
        return self.data[..., row_start:row_stop, :]


def exercise() -> None:
    """Run every kernel with every form of arguments that a user can cause."""
    exercise_vectorizer()
    exercise_chips()


def exercise_chips() -> None:
    """Cut a chip."""
    labels, valid = np.ones((9, 9), np.int32), np.ones((9, 9), bool)
    targets(labels, 4)
    source = ArraySource("", np.ones((1, 9, 9), np.uint8), labels, valid)
    Cutter((Band("grey", 0, 1),), chip=5).cut([Cut(source, Window(0, 0, 9, 9), plain(1))])


def exercise_vectorizer() -> None:
    """Find and draw parcels in every way, and write them."""
    random = np.random.default_rng(0)
    size = 48
    labels = np.kron(random.integers(0, 5, (8, 8)), np.ones((6, 6), int))
    values = random.integers(0, 250, (2, size, size)).astype(np.uint8)
    grid = GeoBox(size, size, Affine(30, 0, 5e5, 0, -30, 5e6), CRS("EPSG:32633").to_wkt())
    degrees = GeoBox(size, size, Affine(0.1, 0, 9, 0, -0.1, 50), CRS("EPSG:4326").to_wkt())
    plain = LineOptions()
    ways = [
        plain, LineOptions(method="vw"), LineOptions(method="none"), LineOptions(smooth="none"),
        LineOptions(method="none", smooth="none", connectivity=8), LineOptions(shape="regular"),
        LineOptions(shape="smooth"),
    ]
    cases = [(np.int32, grid, way) for way in ways] + [
        (np.int64, grid, plain), (np.int32, degrees, plain)
    ]
    for kind, geobox, way in cases:
        raster, lines = _Rows(labels.astype(kind)), []
        take = None if way.is_plain else lines.append
        given = {"probabilities": _Rows(values), "lines": take, "strip": 20}
        for batch in parcels(raster, geobox, options=way, threads=1, **given):
            batch.wkb()
    with tempfile.TemporaryDirectory() as folder:
        found = parcels(_Rows(labels), grid, options=plain, threads=1)
        write_parcels(f"{folder}/parcels.gpkg", found, crs=grid.crs)
    for method in ("basins", "components"):
        label(_Rows(values), options=LabelOptions(method=method), strip=20)
    measure_shapes(np.array([Polygon([(0, 0), (9, 0), (9, 9)])]), grid)


def shipped(records: Records) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Make the index and the files of bitcode; see `machine_code.SHIPPED`."""
    whole = _linked([UNCOUNTED, *map(_portable, records.modules)])
    index: dict[str, Any] = {}
    files = {}
    for name, form in sorted(records.kernels):
        digest, function, returns = records.kernels[name, form]
        symbol = f"{name.replace('.', '_')}_{hashlib.sha256(form.encode()).hexdigest()[:8]}"
        forms = index.setdefault(name, {"digest": digest, "forms": {}})["forms"]
        forms[form] = [symbol, returns]
        files[f"{symbol}.bc"] = _alone(whole, function, symbol)
    return index, files


def _portable(text: str) -> str:
    """Take what is of this machine out of a module."""
    text = re.sub(r"^target .*$", "", text, flags=re.MULTILINE)
    return INTRINSICS.sub(r'@"llvm.\1.f64"(double', text)


def _linked(texts: list[str]) -> bytes:
    """Link modules; those that are defined twice are alike."""
    whole = llvm.parse_assembly(texts[0])
    for text in texts[1:]:
        whole.link_in(llvm.parse_assembly(text))
    return whole.as_bitcode()


def _alone(whole: bytes, function: str, symbol: str) -> bytes:
    """Keep one function of a module, with what it calls, optimized for no processor."""
    module = llvm.parse_bitcode(whole)
    for one in module.functions:
        if not one.is_declaration:
            one.linkage = "external" if one.name == function else "internal"
    for one in module.global_variables:
        one.linkage = "internal"
    module.get_function(function).name = symbol
    unused = llvm.create_new_module_pass_manager()
    unused.add_global_dead_code_eliminate_pass()
    target = object_code.processor("x86-64")
    unused.run(module, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options()))
    object_code.optimize(module, target, is_final=False)
    left = [one.name for one in module.functions if one.is_declaration]
    strange = [name for name in left if not name.startswith("llvm.")]
    if strange:
        raise RuntimeError(f"{function} needs {strange}, which is not in the bitcode")
    return module.as_bitcode()


def write(*, anew: bool) -> None:
    """Renew the file that is shipped; what is in it and has not changed stays, unless anew."""
    with recorded(anew=anew) as records:
        exercise()
    index, files = shipped(records)
    if not anew:
        _keep_unchanged(index, files)
    with zipfile.ZipFile(machine_code.SHIPPED, "w", zipfile.ZIP_LZMA) as out:
        for name, content in [("index.json", json.dumps(index, indent=1)), *files.items()]:
            out.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_LZMA)


def _keep_unchanged(index: dict[str, Any], files: dict[str, bytes]) -> None:
    """Add what is shipped of kernels that have not changed."""
    old, now = machine_code.index(), {one.name: one.digest for one in KERNELS}
    for name, about in old.items():
        if about["digest"] != now.get(name):
            continue
        forms = index.setdefault(name, {"digest": about["digest"], "forms": {}})["forms"]
        with zipfile.ZipFile(machine_code.SHIPPED) as shelf:
            for form, (symbol, returns) in about["forms"].items():
                if form not in forms:
                    forms[form] = [symbol, returns]
                    files[f"{symbol}.bc"] = shelf.read(f"{symbol}.bc")


def changed() -> list[str]:
    """Name the kernels that are not shipped as they are now."""
    index = machine_code.index()
    return [
        one.name for one in KERNELS
        if index.get(one.name, {}).get("digest") != one.digest
    ]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say what has changed")
    parser.add_argument("--all", action="store_true", help="renew all kernels")
    given = parser.parse_args()
    if not given.check:
        write(anew=given.all)
        machine_code.index.cache_clear()
    names = changed()
    if names:
        sys.exit(f"changed since: {', '.join(names)}; run python -m geoseg.tools.bitcode")
    print(f"{machine_code.SHIPPED.name}: {len(KERNELS)} kernels")


if __name__ == "__main__":
    main()
