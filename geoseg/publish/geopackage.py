"""The GeoPackage that an output replaces: pending changes, layers, state."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from geoseg.errors import OutputError
from geoseg.publish.files import SQLITE_SIDECARS, beside, unlink

BUSY_SECONDS = 2.0
"""How long another program may hold a GeoPackage before it counts as in use."""


def settle(path: Path) -> None:
    """Let SQLite finish or roll back what a crash left beside a GeoPackage.

    Without this the old journal would be rolled into the file that replaces it, and empty it.

    Raises:
        OutputError: another program has the file open for writing.
    """
    if not path.exists():
        unlink(*(beside(path, suffix) for suffix in SQLITE_SIDECARS))
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
    left = [suffix for suffix in SQLITE_SIDECARS if beside(path, suffix).exists()]
    if left:
        raise OutputError(
            f"{path} is in use by another program ({path.name}{left[0]} is still there); close it "
            "there, in QGIS remove its layers from the project, and run again"
        )


def is_geopackage(path: Path) -> bool:
    """Tell whether an existing file is one, by its name and its first bytes."""
    if path.suffix.lower() != ".gpkg" or not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def tables(path: Path) -> set[str]:
    """Give the names, in lower case, of what a GeoPackage lists as its contents."""
    try:
        with closing(_connect(path)) as database:
            rows = database.execute("SELECT lower(table_name) FROM gpkg_contents").fetchall()
    except sqlite3.DatabaseError:
        return set()  # an SQLite file without contents: nothing in it is a layer
    return {row[0] for row in rows}


def copy(old: Path, new: Path) -> None:
    """Copy a GeoPackage page by page."""
    with closing(_connect(old)) as source, closing(_connect(new)) as target:
        source.backup(target)


def state(path: Path) -> tuple[int, ...]:
    """Give what changes when another program writes the file."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
