"""Stop a run when the system asks: tidily at the first signal, at once at the second."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What asks a run to stop; where one is ignored (nohup) it stays so."""


class Stopped(BaseException):
    """A signal asked the run to stop; no `except` for errors may hold it up."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number
        """130 or 143, as a shell gives it."""


_asked: list[int] = []
"""The signal that came, until it is obeyed; only the system can ask, so the process has one."""


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise Stopped in the main thread when a signal comes; end the process at the second.

    The second is seen by a thread of its own, since the main thread may sit in the network.
    """
    _asked.clear()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    old_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    old = {one: signal.signal(one, _ask) for one in SIGNALS
           if signal.getsignal(one) not in (signal.SIG_IGN, None)}
    threading.Thread(target=_end_at_second, args=(reader,), name="signals", daemon=True).start()
    try:
        yield
    except BaseException as error:
        if _asked and not isinstance(error, Stopped):  # what a library made of our exception
            raise Stopped(_asked[0]) from error
        raise
    finally:
        for one, handler in old.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(old_writer)
        _asked.clear()
        os.close(writer)


def check() -> None:
    """Raise Stopped if a signal came; for places where nothing is half done.

    The first raise may have been lost in a callback of another library.
    """
    if _asked:
        raise Stopped(_asked[0])


def _ask(number: int, frame: Any) -> None:
    if _asked:
        os._exit(128 + number)
    _asked.append(number)
    raise Stopped(number)


def _end_at_second(reader: int) -> None:
    came = 0
    while got := os.read(reader, 1):
        came += got[0] in SIGNALS
        if came > 1:
            sys.stderr.flush()
            os._exit(128 + got[0])
    os.close(reader)
