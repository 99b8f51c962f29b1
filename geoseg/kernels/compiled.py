"""How loops become machine code: from bitcode that is shipped, else by numba.

A *kernel* is a loop that Python calls; a *helper* is a part of kernels. Both are written as plain
functions. numba's typing is most of the time of compiling them, so that is done before a release
(`geoseg.tools.bitcode`); what is left for the first run of an installation is LLVM's part.
Where the sources have changed since, or the machine is of another kind, numba compiles them on the
first call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

from geoseg.cache import numba_cache
from geoseg.kernels import machine_code

log = logging.getLogger(__name__)

Function = Callable[..., object]

KERNELS: list[Kernel] = []
"""All kernels of the modules that are imported."""


def helper(function: FunctionType) -> FunctionType:
    """Mark a part of kernels; Python itself never calls it."""
    function.is_helper = True
    return function


def instruction(function: FunctionType) -> FunctionType:
    """Mark a helper that is written in LLVM's words: given types, it gives a signature and code."""
    function.is_instruction = True
    return helper(function)


class Kernel:
    """A loop with machine code for each form of its arguments that it is called with."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        self.calls: dict[str, Function] = {}
        """By the form of the arguments, as `machine_code.flatten` gives it."""
        KERNELS.append(self)

    def __call__(self, *arguments: object) -> object:
        """Run it; arrays among the arguments are changed in place."""
        form, words = machine_code.flatten(arguments)
        call = self.calls.get(form)
        if call is None:
            call = self.calls[form] = machine_code.load(self, form) or self._by_numba()
        return call(arguments, words)

    @property
    def digest(self) -> str:
        """Give a hash of all that it is made of."""
        return machine_code.digest(parts(self.function))

    def _by_numba(self) -> Function:
        log.debug("%s is compiled by numba", self.name)
        made = jitted(self.function, is_kernel=True)
        return lambda arguments, _: made(*machine_code.unpacked(arguments))


def parts(function: FunctionType) -> dict[str, str]:
    """Give the texts of a function, of all its helpers, and of all constants that these use."""
    found: dict[str, str] = {}
    waiting = [function]
    while waiting:
        one = waiting.pop()
        name = f"{one.__module__}.{one.__name__}"
        if name not in found:
            found[name] = _text(one) + repr(_constants(one))
            waiting += _helpers(one).values()
    return found


kernel = Kernel


def _text(function: FunctionType) -> str:
    """Give the lines of a function: up to the next thing that begins at the left."""
    lines = _lines(function.__code__.co_filename)
    first = function.__code__.co_firstlineno
    last = first + 1
    while last < len(lines) and lines[last][:1] in (" ", ")", ""):
        last += 1
    return "\n".join(lines[first:last]).strip()


_FILES: dict[str, list[str]] = {}
"""Lines of the files that were read."""


def _lines(path: str) -> list[str]:
    if path not in _FILES:
        _FILES[path] = Path(path).read_text(encoding="utf-8").splitlines()
    return _FILES[path]


def _used(function: FunctionType) -> dict[str, object]:
    known = function.__globals__
    return {name: known[name] for name in function.__code__.co_names if name in known}


def _helpers(function: FunctionType) -> dict[str, FunctionType]:
    return {name: one for name, one in _used(function).items() if hasattr(one, "is_helper")}


def _constants(function: FunctionType) -> list[tuple[str, object]]:
    used = _used(function).items()
    return sorted((name, one) for name, one in used if isinstance(one, int | float | tuple))


_JITTED: dict[FunctionType, Function] = {}
"""What numba made, by function."""


def jitted(function: FunctionType, *, is_kernel: bool = False, cache: bool = True) -> Function:
    """Give a function to numba, with its helpers; kernels are kept on disk.

    Numba keeps code while the file of the function is unchanged, and does not look at the helpers
    and constants that it takes from other files: a digest of these is put into the name.
    """
    from numba import njit
    from numba.extending import intrinsic

    if function not in _JITTED and hasattr(function, "is_instruction"):
        _JITTED[function] = intrinsic(function)
    if function not in _JITTED:
        known = dict(function.__globals__)
        known.update({name: jitted(one) for name, one in _helpers(function).items()})
        copy = FunctionType(function.__code__, known, function.__name__, function.__defaults__)
        options = {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
        if is_kernel:
            digest = machine_code.digest(parts(function))
            copy.__qualname__ += f"_{digest[:12]}"
            options["cache"] = cache
        else:
            options["no_cpython_wrapper"] = True
        with numba_cache():
            _JITTED[function] = njit(**options)(copy)
    return _JITTED[function]


def announce() -> None:
    """Say so in the log when the kernels have no machine code on disk yet."""
    seconds = machine_code.seconds_to_come()
    if seconds:
        log.info("compiling the vectorizer, once per installation: about %d s", seconds)
