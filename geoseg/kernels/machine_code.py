"""Call the kernels whose bitcode is shipped (`kernels.zip`, made by `geoseg.tools.bitcode`).

A kernel is made for this processor on its first call (`object_code`).
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import platform
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geoseg import object_code
from geoseg.cache import cache_folder

if TYPE_CHECKING:
    from geoseg.kernels.compiled import Kernel

SHIPPED = Path(__file__).with_name("kernels.zip")
"""`index.json` (kernel -> digest, form -> [file, what it returns]) and files of bitcode."""
SECONDS = 4
"""CPU seconds that LLVM takes for all kernels of a run."""
SECONDS_NUMBA = 30
"""The same by numba."""
SCALARS = {bool: "b1", int: "i8", float: "f8"}
"""Form of Python's own numbers."""
NONE = -2
"""Status of a function of numba's that returned None."""


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


class Packed:
    """An argument for many calls of kernels: its form and its words are found once."""

    __slots__ = ("form", "value", "words")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.form, self.words = flatten((value,))


def unpacked(arguments: tuple) -> tuple:
    """Give arguments as numba takes them."""
    return tuple(one.value if isinstance(one, Packed) else one for one in arguments)


def _flatten(value: Any, forms: list[str], words: list[Any]) -> None:
    kind = SCALARS.get(type(value))
    if kind is not None:
        forms.append(kind)
        words.append(value)
    elif isinstance(value, Packed):
        forms.append(value.form)
        words += value.words
    elif isinstance(value, np.ndarray):
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
        forms.append(value.dtype.str[1:])
        words.append(value)


def load(kernel: Kernel, form: str) -> Callable[[tuple, list], object] | None:
    """Give a kernel's machine code for a form of arguments; None where no bitcode fits."""
    known = index().get(kernel.name)
    if known is None or form not in known["forms"] or known["digest"] != kernel.digest:
        return None
    name, returns = known["forms"][form]
    found = object_code.address(name, known["digest"], lambda: _bitcode(name))
    return _call(found, form, returns)


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


def _bitcode(name: str) -> bytes:
    with zipfile.ZipFile(SHIPPED) as files:
        return files.read(f"{name}.bc")


def seconds_to_come() -> int:
    """Guess the CPU seconds until the kernels of a run are compiled; 0 where they were before."""
    known = index().get("trace.find_corners")
    if known is None:
        by_numba = cache_folder().glob("vectorizer_*/*.nbi")
        return 0 if any(by_numba) else SECONDS_NUMBA
    ((name, _),) = known["forms"].values()
    return 0 if any(cache_folder().glob(f"{name}.{known['digest']}.*.o")) else SECONDS
