"""Files beside an output: their names, removal, syncing, and what the disk says."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geoseg.errors import GeosegError, OutputError

SQLITE_SIDECARS = ("-journal", "-wal", "-shm")
"""Files that SQLite keeps beside a database; left there, they destroy the next one of its name."""
SIDECARS = (*SQLITE_SIDECARS, ".aux.xml", ".ovr", ".msk", ".blocks", ".ovr.tmp", ".msk.ovr.tmp")
"""Files that drivers put beside an output, by what they add to its name."""
SHAPEFILE = (".shx", ".dbf", ".prj", ".cpg", ".qix")
"""The other files of a Shapefile."""
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""System errors that the output's disk is to blame for."""


def beside(path: Path, suffix: str) -> Path:
    """Name a file that lies beside another: its name and a suffix."""
    return path.with_name(path.name + suffix)


def shapefile(path: Path) -> list[Path]:
    """Name the other files of a Shapefile; none for any other format."""
    return [path.with_suffix(one) for one in SHAPEFILE] if path.suffix.lower() == ".shp" else []


def remove(partial: Path) -> None:
    """Remove a partial and what drivers put beside it."""
    unlink(partial, *(beside(partial, suffix) for suffix in SIDECARS), *shapefile(partial))
    unlink(partial.with_name(f"{partial.stem}_temp{partial.suffix}"))  # FlatGeobuf's own


def unlink(*paths: Path) -> None:
    """Remove files that may be there.

    Raises:
        OutputError: a folder has the name of one.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except (IsADirectoryError, PermissionError) as error:  # macOS says the latter
            if not path.is_dir():
                raise
            raise OutputError(
                f"{path} is a folder where a file of this run would lie; remove or rename it"
            ) from error


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if sys.platform == "win32" and path.is_dir():
        return  # folders cannot be synced there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(target: Path, partial: Path) -> Iterator[None]:
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
