"""End with the program that started us: QGIS, a server, a script."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time

GRACE_SECONDS = 0.7
"""Time to tidy up; then this process and its children end at once."""


def end_with_parent() -> None:
    """End this process cleanly when standard input closes, whatever it is doing then.

    The system closes that pipe where the parent is killed, so no orphan is left. On POSIX this
    process leads a group of its own from now on, so that the parent can end it with its children.
    """
    if sys.platform != "win32":
        with contextlib.suppress(PermissionError):  # it leads a session, so a group, already
            os.setpgid(0, 0)
    threading.Thread(target=_watch, name="until-eof", daemon=True).start()


def _watch() -> None:
    with contextlib.suppress(OSError):  # no standard input at all is a closed one
        while os.read(0, 4096):
            pass
    _interrupt()
    time.sleep(GRACE_SECONDS)
    _end_now()


def _interrupt() -> None:
    """Act as if SIGTERM came: the main thread leaves its blocks and removes its partials."""
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGTERM)
    else:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)


def _end_now() -> None:
    """End the whole group; the main thread sits in a call that does not return in time."""
    if sys.platform != "win32" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(128 + signal.SIGTERM)
