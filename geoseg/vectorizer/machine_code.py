"""Make machine code of the bitcode that is shipped, keep it on disk, and call it.

The bitcode is LLVM's, of no processor in particular (`kernels.zip`, made by `bitcode`). LLVM makes
it fit this processor on the first call of a kernel; the object file is kept in the user's cache and
loaded from there afterwards.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import platform
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geoseg.cache import cache_folder

if TYPE_CHECKING:
    from geoseg.vectorizer.compiled import Kernel

SHIPPED = Path(__file__).with_name("kernels.zip")
"""`index.json` (kernel -> digest, form -> [file, what it returns]) and files of bitcode."""
SECONDS = 4
"""CPU seconds that LLVM takes for all kernels of a run."""
SECONDS_NUMBA = 30
"""The same by numba."""
NONE = -2
"""Status of a function of numba's that returned None."""

_LOCK = threading.Lock()
"""LLVM is used by one thread at a time."""


def digest(parts: Mapping[str, str]) -> str:
    """Give a hash of named texts."""
    content = json.dumps(sorted(parts.items()))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def flatten(arguments: tuple) -> tuple[str, list[Any]]:
    """Give the form of arguments, and what a compiled function takes for them.

    Args:
        arguments: arrays, numbers, and tuples of such.

    Returns:
        The form, in which kind and dimensions count but no sizes; and words for ctypes: an array
        is its owner and parent (none), items, bytes of one, address, shape and strides.

    >>> flatten((3, (1.5, np.zeros((2, 2), np.int32)[0])))[0]
    'i8 ( f8 i4:1C )'
    """
    forms: list[str] = []
    words: list[Any] = []
    for one in arguments:
        _flatten(one, forms, words)
    return " ".join(forms), words


def _flatten(value: Any, forms: list[str], words: list[Any]) -> None:
    if isinstance(value, np.ndarray):
        order = "C" if value.flags.c_contiguous else "A"
        forms.append(f"{value.dtype.str[1:]}:{value.ndim}{order}")
        words += [None, None, value.size, value.itemsize, value.ctypes.data]
        words += value.shape + value.strides
    elif isinstance(value, tuple):
        forms.append(f"{','.join(getattr(value, '_fields', ()))}(")
        for one in value:
            _flatten(one, forms, words)
        forms.append(")")
    else:
        forms.append({bool: "b1", int: "i8", float: "f8"}.get(type(value)) or value.dtype.str[1:])
        words.append(value)


def load(kernel: Kernel, form: str) -> Callable[[tuple, list], object] | None:
    """Give a kernel's machine code for a form of arguments; None where no bitcode fits."""
    known = index().get(kernel.name)
    if known is None or form not in known["forms"] or known["digest"] != kernel.digest:
        return None
    name, returns = known["forms"][form]
    with _LOCK:
        address = _address(name, known["digest"])
    return _call(address, form, returns)


def _call(address: int, form: str, returns: str) -> Callable[[tuple, list], object]:
    """Make the call of a function of numba's: (result, exception, words...) -> status."""
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *_types(form))(
        address
    )

    def call(_: tuple, words: list) -> object:
        result, error = ctypes.c_int64(0), ctypes.c_void_p(0)
        status = function(ctypes.addressof(result), ctypes.addressof(error), *words)
        if status not in (0, NONE):
            raise RuntimeError(f"a kernel failed with status {status}")
        if returns == "none":
            return None
        return bool(result.value & 1) if returns == "bool" else result.value

    return call


def _types(form: str) -> list[Any]:
    """Give the types of the words of a form."""
    types: list[Any] = []
    for one in form.split():
        if ":" in one:
            types += [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
            types += [ctypes.c_void_p] + 2 * int(one[-2]) * [ctypes.c_int64]
        elif one[-1] not in "()":
            types.append(ctypes.c_bool if one == "b1" else np.ctypeslib.as_ctypes_type(one))
    return types


@functools.cache
def index() -> dict[str, Any]:
    """Read what is shipped; nothing, where it was never run."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or not SHIPPED.exists():
        return {}
    with zipfile.ZipFile(SHIPPED) as files:
        return json.loads(files.read("index.json"))


@functools.cache
def _address(name: str, version: str) -> int:
    """Load the object file of a function, made if there is none."""
    import llvmlite.binding as llvm

    engine, target = _engine()
    path = _cached(name, version)
    try:
        code = path.read_bytes()
        whole = hashlib.sha256(code[32:]).digest() == code[:32]
    except OSError:
        whole = False
    if not whole:
        with zipfile.ZipFile(SHIPPED) as files:
            made = _compiled(files.read(f"{name}.bc"), target)
        code = hashlib.sha256(made).digest() + made
        _keep(path, code)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code[32:]))
    engine.finalize_object()
    return engine.get_function_address(name)


def _compiled(bitcode: bytes, target: Any) -> bytes:
    """Make an object file."""
    import llvmlite.binding as llvm

    module = llvm.parse_bitcode(bitcode)
    module.triple, module.data_layout = target.triple, str(target.target_data)
    optimize(module, target, is_final=True)
    return target.emit_object(module)


@functools.cache
def _engine() -> tuple[Any, Any]:
    import llvmlite.binding as llvm

    target = processor()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), target), target


def processor(name: str | None = None) -> Any:
    """Give LLVM's description of a processor; None is this one, with all that it can do."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = "" if name else llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=name or llvm.get_host_cpu_name(), features=features, opt=3, jit=True,
    )


def optimize(module: Any, target: Any, *, is_final: bool) -> None:
    """Optimize a module; before the final time, loops are left as they are."""
    import llvmlite.binding as llvm

    options = llvm.create_pipeline_tuning_options(speed_level=3 if is_final else 2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = is_final
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)


@functools.cache
def _machine() -> str:
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    about = llvm.llvm_version_info, llvm.get_host_cpu_name(), features
    return hashlib.sha256(repr(about).encode()).hexdigest()[:8]


def _cached(name: str, version: str) -> Path:
    return cache_folder() / f"{name}.{version}.{_machine()}.o"


def _keep(path: Path, code: bytes) -> None:
    """Write a file as a whole; without room or rights it is made anew by the next run."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            try:
                part.write(code)
                part.flush()
                os.replace(part.name, path)
            except OSError:
                os.unlink(part.name)
    except OSError:
        return


def seconds_to_come() -> int:
    """Guess the CPU seconds until the kernels of a run are compiled; 0 where they were before."""
    known = index().get("trace.find_corners")
    if known is None:
        by_numba = cache_folder().glob(f"{Path(__file__).parent.name}_*/*.nbi")
        return 0 if any(by_numba) else SECONDS_NUMBA
    ((name, _),) = known["forms"].values()
    return 0 if any(cache_folder().glob(f"{name}.{known['digest']}.*.o")) else SECONDS
