"""Keep a second run away from an output."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from geoseg.errors import LockedError, OutputError
from geoseg.publish.files import beside, disk_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who holds a lock."""

    pid: int
    """Process number."""
    host: str
    """Name of its machine."""

    @classmethod
    def read(cls, descriptor: int) -> _Holder | None:
        """Read the lock file; None where its writer died before it was filled."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            values = json.loads(os.read(descriptor, 4096))
            return cls(int(values["pid"]), str(values["host"]))
        except (ValueError, KeyError, TypeError):
            return None

    def write(self, descriptor: int) -> None:
        """Fill the lock file."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.truncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": self.pid, "host": self.host}).encode())


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the output's lock file.

    The system's own lock on that file ends with the process that holds it, so a file that a
    killed run left is taken over, without asking whether its process number lives again.
    """
    path = beside(target, ".geoseg.lock")
    descriptor = _open_lock(path)
    try:
        with disk_errors(target, path):
            _Holder(os.getpid(), socket.gethostname()).write(descriptor)
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows refuses while it is open: then it is stale
            path.unlink()
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(
                f"{path.parent} cannot be written to: {error.strerror}; choose another folder"
            ) from error
        if not _take(descriptor):
            holder = _Holder.read(descriptor)
            os.close(descriptor)
            raise _held(path, holder)
        holder = _Holder.read(descriptor)
        if holder is not None and holder.host != socket.gethostname():
            os.close(descriptor)
            raise _held(path, holder)
        if _same_file(descriptor, path):
            return descriptor
        os.close(descriptor)  # its holder finished and removed it just now


def _take(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _held(path: Path, holder: _Holder | None) -> LockedError:
    output = path.name.removesuffix(".geoseg.lock")
    who = "another run" if holder is None else f"process {holder.pid} on {holder.host}"
    return LockedError(
        f"{output} is being written by {who}; wait for it, or, if it is gone, delete {path}"
    )


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
