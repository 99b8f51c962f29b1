"""Look into the network while it runs: a trace for a viewer, and a line for people."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from geoseg.errors import OutputError

log = logging.getLogger(__name__)

BATCHES = 8
"""Traced from the start; a trace of all batches of a country would fill the memory."""
LINES = 6
"""Operators that are named."""


class Trace:
    """A profiler that stops after some batches."""

    def __init__(self, path: Path, device: str) -> None:
        on_gpu = [ProfilerActivity.CUDA] if device == "cuda" else []
        self._profiler = profile(activities=[ProfilerActivity.CPU, *on_gpu])
        self._path, self._on_gpu, self._left = path, bool(on_gpu), BATCHES
        self._profiler.start()

    def step(self) -> None:
        """Count a batch; the last one ends the trace."""
        self._left -= 1
        if self._left == 0:
            self.stop()

    def stop(self) -> None:
        """Write the trace, once, and say which operators took the time.

        Raises:
            OutputError: the trace cannot be written.
        """
        if self._profiler is None:
            return
        self._profiler.stop()
        self._say()
        try:
            self._profiler.export_chrome_trace(str(self._path))
        except (OSError, RuntimeError) as error:
            raise OutputError(f"{self._path} cannot be written: {error}") from error
        self._profiler = None

    def _say(self) -> None:
        kind = "self_device_time_total" if self._on_gpu else "self_cpu_time_total"
        times = {one.key: getattr(one, kind) for one in self._profiler.key_averages()}
        whole = sum(times.values()) or 1
        largest = sorted(times, key=times.__getitem__, reverse=True)[:LINES]
        log.info("profile of %d batches, in %s: %s", BATCHES - max(0, self._left), self._path,
                 ", ".join(f"{name} {times[name] / whole:.1%}" for name in largest))


@contextmanager
def tracing(path: str | Path, device: str) -> Iterator[Trace]:
    """Trace what is done inside; see Trace.

    Raises:
        OutputError: the trace cannot be written.
    """
    path = Path(path)
    if not path.resolve().parent.is_dir():
        raise OutputError(f"{path.parent} is no folder; make it, or choose another --profile")
    trace = Trace(path, device)
    try:
        yield trace
    finally:
        trace.stop()
