"""Machine code for this processor: made by LLVM, kept on disk, and loaded from there.

What it is made of is LLVM's language, as text or as bitcode, of no processor in particular.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from geoseg.cache import cache_folder

_LOCK = threading.Lock()
"""LLVM is used by one thread at a time."""
_ADDRESSES: dict[tuple[str, str], int] = {}


def address(name: str, version: str, source: Callable[[], str | bytes]) -> int:
    """Load a function, from the object file that an earlier run kept or from a new one.

    Args:
        name: of the function.
        version: what tells it from others of that name, such as a digest of its source.
        source: gives the module that it is in; only called where it must be compiled.
    """
    with _LOCK:
        if (name, version) not in _ADDRESSES:
            _ADDRESSES[name, version] = _loaded(name, version, source)
        return _ADDRESSES[name, version]


def _loaded(name: str, version: str, source: Callable[[], str | bytes]) -> int:
    import llvmlite.binding as llvm

    engine, target = _engine()
    path = cache_folder() / f"{name}.{version}.{_machine()}.o"
    try:
        code = path.read_bytes()
        whole = hashlib.sha256(code[32:]).digest() == code[:32]
    except OSError:
        whole = False
    if not whole:
        made = _compiled(source(), target)
        code = hashlib.sha256(made).digest() + made
        _keep(path, code)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code[32:]))
    engine.finalize_object()
    return engine.get_function_address(name)


def _compiled(source: str | bytes, target: Any) -> bytes:
    """Make an object file."""
    import llvmlite.binding as llvm

    parse = llvm.parse_assembly if isinstance(source, str) else llvm.parse_bitcode
    module = parse(source)
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


def has_feature(name: str) -> bool:
    """Tell whether this processor has a feature by LLVM's name, such as `fma`."""
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get(name, False))


@functools.cache
def _machine() -> str:
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    about = llvm.llvm_version_info, llvm.get_host_cpu_name(), features
    return hashlib.sha256(repr(about).encode()).hexdigest()[:8]


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
