"""Where a job's shards lie: a folder that all machines see, or a bucket such as s3://.

An object appears whole under its name or not at all, on both.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from types import ModuleType
from typing import Any

from geoseg.errors import OptionError, OutputError, install_with
from geoseg.publish.files import sync


class Folder:
    """A store in a folder of a file system."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def put(self, name: str, data: bytes) -> None:
        """Store an object: under a name of its own, synced, then renamed.

        Raises:
            OutputError: the disk is full or failing.
        """
        target = self.path / name
        partial = self.path / f".{name}.{secrets.token_hex(6)}.partial"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            sync(partial)
            os.replace(partial, target)
            sync(self.path)
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
        finally:
            with contextlib.suppress(OSError):  # gone after a rename
                partial.unlink()

    def get(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """Read bytes [start, stop) of an object; fewer where it ends before.

        Raises:
            OutputError: there is no such object, or it cannot be read.
        """
        try:
            with (self.path / name).open("rb", buffering=0) as file:
                file.seek(start)
                return file.read() if stop is None else file.read(stop - start)
        except OSError as error:
            raise OutputError(f"{self.path / name} cannot be read: {error.strerror}") from error

    def names(self) -> set[str]:
        """Give the names of all objects."""
        if not self.path.is_dir():
            return set()
        return {one.name for one in self.path.iterdir() if not one.name.startswith(".")}


class Bucket:
    """A store behind a URL that fsspec knows, such as s3://bucket/job."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fsspec = _fsspec(url)
        self._connect()

    def __str__(self) -> str:
        return self.url

    def __getstate__(self) -> str:
        return self.url

    def __setstate__(self, url: str) -> None:
        self.__init__(url)

    def put(self, name: str, data: bytes) -> None:
        """Store an object; the service shows it when all of it has come.

        Raises:
            OutputError: the service refuses it.
        """
        try:
            self._files.pipe_file(f"{self._root}/{name}", data)
        except self._errors as error:
            raise OutputError(f"{self.url}/{name} cannot be written: {_short(error)}") from error

    def get(self, name: str, start: int = 0, stop: int | None = None) -> bytes:
        """Read bytes [start, stop) of an object; fewer where it ends before.

        Raises:
            OutputError: there is no such object, or it cannot be read.
        """
        try:
            return self._files.cat_file(f"{self._root}/{name}", start=start or None, end=stop)
        except self._errors as error:
            raise OutputError(f"{self.url}/{name} cannot be read: {_short(error)}") from error

    def names(self) -> set[str]:
        """Give the names of all objects.

        Raises:
            OutputError: the service cannot be reached.
        """
        try:
            self._files.invalidate_cache()
            found = self._files.ls(self._root, detail=False)
        except FileNotFoundError:
            return set()
        except self._errors as error:
            raise OutputError(f"{self.url} cannot be listed: {_short(error)}") from error
        return {one.rstrip("/").rsplit("/", 1)[-1] for one in found}

    def _connect(self) -> None:
        try:
            self._files, self._root = self._fsspec.core.url_to_fs(self.url)
            self._errors = _errors_of(self._files.protocol)
        except (ImportError, ValueError) as error:
            raise OptionError(
                f"{self.url} needs another package ({error}); for s3: {install_with('s3')}"
            ) from error


Store = Folder | Bucket


def open_store(place: str | Path) -> Store:
    """Open a folder, or a URL with "://", as a store.

    Raises:
        OptionError: no package for such a URL is here.
    """
    return Bucket(str(place)) if "://" in str(place) else Folder(Path(place).resolve())


def _fsspec(url: str) -> ModuleType:
    try:
        import fsspec.core
    except ImportError as error:
        raise OptionError(f"{url} needs fsspec: {install_with('s3')}") from error
    return fsspec


def _errors_of(protocol: str | tuple[str, ...]) -> tuple[type[Exception], ...]:
    """Give what a service raises: system errors, and for s3 those of its client."""
    if "s3" not in protocol:
        return (OSError,)
    from botocore.exceptions import BotoCoreError

    return OSError, BotoCoreError


def _short(error: Any) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
