"""Publish an output: it appears whole and checked under its name, or the old one stays.

The work goes to a *partial* beside the output, on the same file system; only a finished, checked
and synced partial is renamed to the output's name. A *lock* beside it keeps a second run out.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from geoseg.errors import GeosegError, LockedError, OutputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SQLITE_SIDECARS = ("-journal", "-wal", "-shm")
"""Files that SQLite keeps beside a database; left there, they destroy the next one of its name."""
SIDECARS = (*SQLITE_SIDECARS, ".aux.xml", ".ovr", ".msk")
"""Files that drivers put beside an output, by what they add to its name."""
SHAPEFILE = (".shx", ".dbf", ".prj", ".cpg", ".qix")
"""The other files of a Shapefile."""
BUSY_SECONDS = 2.0
"""How long another program may hold a GeoPackage before it counts as in use."""
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""System errors that the output's disk is to blame for."""


@contextmanager
def publishing(
    path: str | Path,
    *,
    overwrite: bool = False,
    layer: str | None = None,
    lock: bool = True,
    verify: Callable[[Path], None] | None = None,
) -> Iterator[Path]:
    """Give the partial to write to; publish it when the block ends without an error.

    Args:
        path: the output.
        overwrite: replace an existing output.
        layer: for a GeoPackage: the layer that will be written. Other layers of an existing
            file are in the partial already, and the output counts as existing if it has the layer.
        lock: keep other runs away from the output; False only where the caller already does.
        verify: reads the finished partial back and raises if it is not good.

    Yields:
        The partial's path; it has the output's suffix. No such file exists yet, unless layers
        are kept.

    Raises:
        OutputError: the output exists, or the folder or disk refuses it.
        LockedError: another run is writing it.
    """
    target = _checked(path)
    with _locked(target) if lock else contextlib.nullcontext():
        _refuse_existing(target, overwrite, layer)
        partial = partial_path(target)
        _remove(partial)
        try:
            with _disk_errors(target, partial):
                kept = _copy_layers(target, partial, layer)
                yield partial
                _finish(partial, verify)
                _settle_and_check(target, partial, kept)
                _move(partial, target)
        finally:
            _remove(partial)


def partial_path(path: Path) -> Path:
    """Give the name under which an output is made.

    >>> partial_path(Path("out/parcels.gpkg")).as_posix()
    'out/.parcels.partial.gpkg'
    """
    return path.with_name(f".{path.stem}.partial{path.suffix}")


def settle(path: Path) -> None:
    """Let SQLite finish or roll back what a crash left beside a GeoPackage.

    Without this the old journal would be rolled into the file that replaces it, and empty it.

    Raises:
        OutputError: another program has the file open for writing.
    """
    if not path.exists():
        _unlink(*(_beside(path, suffix) for suffix in SQLITE_SIDECARS))
        return
    try:
        with closing(_connect(path)) as database:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
            database.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        raise OutputError(
            f"{path} is in use by another program ({error}); close it there, in QGIS remove its "
            "layers from the project, and run again"
        ) from error
    except sqlite3.DatabaseError:
        return  # not a database at all: nothing can be rolled into its successor
    left = [suffix for suffix in SQLITE_SIDECARS if _beside(path, suffix).exists()]
    if left:
        raise OutputError(
            f"{path} is in use by another program ({path.name}{left[0]} is still there); close it "
            "there, in QGIS remove its layers from the project, and run again"
        )


def _checked(path: str | Path) -> Path:
    """Resolve links and refuse what can never be replaced by a file."""
    target = Path(os.path.realpath(path))
    if not target.name or target.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise OutputError(f"{path} cannot be made: there is no folder {target.parent}; make it")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise OutputError(f"{path} is not a regular file; give the name of a file")
    return target


def _refuse_existing(target: Path, overwrite: bool, layer: str | None) -> None:
    if overwrite or not target.exists():
        return
    if layer is None or not _is_geopackage(target):
        raise OutputError(f"{target} exists; pass --overwrite to replace it, or another name")
    settle(target)
    if layer.lower() in _tables(target):
        raise OutputError(
            f"{target} has a layer {layer}; pass --overwrite to replace it, or another --layer"
        )


def _copy_layers(target: Path, partial: Path, layer: str | None) -> tuple[int, ...] | None:
    """Copy an old GeoPackage whose other layers stay; give its state, None if none is kept."""
    if layer is None or not _is_geopackage(target):
        return None
    settle(target)
    if not _tables(target) - {layer.lower(), "layer_styles"}:
        return None
    with closing(_connect(target)) as old, closing(_connect(partial)) as new:
        old.backup(new)
    return _state(target)


def _finish(partial: Path, verify: Callable[[Path], None] | None) -> None:
    if not partial.exists():
        raise OutputError(f"{partial} was not written: a bug in geoseg")
    if verify is not None:
        verify(partial)
    left = [suffix for suffix in SQLITE_SIDECARS if _beside(partial, suffix).exists()]
    if left:
        raise OutputError(f"{partial} was not closed ({partial.name}{left[0]} is still there)")
    for one in (partial, *_shapefile(partial)):
        if one.exists():
            _sync(one)


def _settle_and_check(target: Path, partial: Path, kept: tuple[int, ...] | None) -> None:
    """Make the old GeoPackage replaceable; where it is not, keep the finished work beside it."""
    if target.suffix.lower() != ".gpkg":
        return
    try:
        settle(target)
        if kept is not None and _state(target) != kept:
            raise OutputError(f"{target} was changed by another program during this run")
    except OutputError as error:
        raise OutputError(f"{error}; the finished result is {_keep(partial, target)}") from error


def _move(partial: Path, target: Path) -> None:
    """Rename, the Shapefile's index and table first; readers see the old or the new file."""
    try:
        for one, name in zip(_shapefile(partial), _shapefile(target), strict=True):
            if one.exists():
                os.replace(one, name)
        os.replace(partial, target)
    except PermissionError as error:  # Windows, while another program has the output open
        raise OutputError(
            f"{target} cannot be replaced ({error.strerror}); close it in other programs; the "
            f"finished result is {_keep(partial, target)}"
        ) from error
    _sync(target.parent)


def _keep(partial: Path, target: Path) -> Path:
    kept = target.with_name(f"{target.stem}.unpublished{target.suffix}")
    os.replace(partial, kept)
    return kept


@contextmanager
def _disk_errors(target: Path, partial: Path) -> Iterator[None]:
    """Turn what the disk refuses into one line about the output; others pass through."""
    try:
        yield
    except OutputError as error:
        if partial.name not in str(error):
            raise
        raise OutputError(str(error).replace(str(partial), str(target))) from error
    except GeosegError:
        raise
    except sqlite3.Error as error:
        raise OutputError(f"{target} cannot be written: {error}") from error
    except OSError as error:
        names = (str(error.filename), str(error.filename2))
        if error.errno not in DISK_ERRORS and not any(partial.name in name for name in names):
            raise
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error


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
def _locked(target: Path) -> Iterator[None]:
    """Hold the output's lock file.

    The system's own lock on that file ends with the process that holds it, so a file that a
    killed run left is taken over, without asking whether its process number lives again.
    """
    path = _beside(target, ".geoseg.lock")
    descriptor = _open_lock(path)
    try:
        with _disk_errors(target, path):
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


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


def _is_geopackage(path: Path) -> bool:
    if path.suffix.lower() != ".gpkg" or not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def _tables(path: Path) -> set[str]:
    """Give the names, in lower case, of what a GeoPackage lists as its contents."""
    try:
        with closing(_connect(path)) as database:
            rows = database.execute("SELECT lower(table_name) FROM gpkg_contents").fetchall()
    except sqlite3.DatabaseError:
        return set()  # an SQLite file without contents: nothing in it is a layer
    return {row[0] for row in rows}


def _state(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _shapefile(path: Path) -> list[Path]:
    return [path.with_suffix(one) for one in SHAPEFILE] if path.suffix.lower() == ".shp" else []


def _remove(partial: Path) -> None:
    """Remove a partial and what drivers put beside it."""
    _unlink(partial, *(_beside(partial, suffix) for suffix in SIDECARS), *_shapefile(partial))
    _unlink(partial.with_name(f"{partial.stem}_temp{partial.suffix}"))  # FlatGeobuf's own


def _unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # folders cannot be synced there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
