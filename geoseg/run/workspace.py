"""The hidden folder beside an output in which a run keeps its work until the output is published.

It outlives a run that was killed or stopped, and the same command goes on there. A run that ends,
well or by an error that a rerun would meet again, leaves nothing.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geoseg.errors import GeosegError, MemoryBudgetError, OptionError, OutputError
from geoseg.publish import holding
from geoseg.run.journal import Journal

log = logging.getLogger(__name__)

JOURNAL = "journal"
"""Name of the journal in the folder."""
WORTH_KEEPING = (OutputError, MemoryBudgetError)
"""Errors of the machine: with room made, the work that was done is still good."""


class Workspace:
    """A locked folder with a journal.

    Attributes:
        folder: for scratch files.
        journal: what is done.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder, self.journal = folder, journal

    def note_result(self, name: str, partial: Path, **values: Any) -> Mapping[str, Any]:
        """Remember which file is about to be published, so that a rerun knows it as its own."""
        self.journal.add({"result": name, "file": _identity(partial), **values})
        return self.journal.entries[-1].values

    def published(self, name: str, path: str | Path) -> Mapping[str, Any] | None:
        """Give what was noted about a result if it is in its place; None if it is not."""
        target = Path(path).resolve()
        if not target.exists():
            return None
        here = _identity(target)
        noted = [one.values for one in self.journal.entries if one.values.get("result") == name]
        return next((values for values in noted if values["file"] == here), None)

    @property
    def used_bytes(self) -> int:
        """Size of the journal."""
        return (self.folder / JOURNAL).stat().st_size

    @property
    def worth_keeping(self) -> bool:
        """True where a rerun would save work."""
        return bool(self.journal.entries)


@contextmanager
def workspace(
    out: str | Path,
    facts: Mapping[str, Any],
    *,
    inputs: Iterable[str | Path] = (),
    restart: bool = False,
) -> Iterator[Workspace]:
    """Lock an output and give its workspace: a new one, or the one that an unfinished run left.

    Args:
        out: the output.
        facts: what the result depends on; see Journal.
        inputs: files that the output must not replace.
        restart: throw away what an unfinished run left.

    Raises:
        LockedError: another run is writing the output.
        OptionError: an unfinished run of other facts is there, or the output is an input.
        OutputError: the folder cannot be made.
    """
    with holding(out) as target:
        _refuse_inputs(target, inputs)
        folder = _folder(target)
        if restart:
            shutil.rmtree(folder, ignore_errors=True)
        work = None
        try:
            with _opened(folder, facts) as journal:
                work = Workspace(folder, journal)
                yield work
        except BaseException as error:
            _end_early(folder, work, error)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_inputs(target: Path, inputs: Iterable[str | Path]) -> None:
    for one in inputs:
        if target.exists() and Path(one).exists() and target.samefile(one):
            raise OptionError(f"{target} is an input too; give the output another name")


def _folder(target: Path) -> Path:
    folder = target.with_name(f".{target.name}.geoseg-work")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder} is where the run keeps its work, but no folder; remove it")
    return folder


def _opened(folder: Path, facts: Mapping[str, Any]) -> Journal:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error
    journal = Journal(folder / JOURNAL, facts)
    if journal.entries:
        log.info("an unfinished run is in %s: this one goes on there", folder)
    return journal


def _end_early(folder: Path, work: Workspace | None, error: BaseException) -> None:
    """Keep what a rerun can use, and what another command left; remove the rest."""
    if work is None:  # refused: what is there is not ours, unless there is nothing
        if not _has_bytes(folder / JOURNAL):
            shutil.rmtree(folder, ignore_errors=True)
        return
    useful = not isinstance(error, GeosegError) or isinstance(error, WORTH_KEEPING)
    if useful and work.worth_keeping:
        log.warning("the work so far is kept in %s; the same command goes on there", folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _identity(path: Path) -> list[int]:
    """Tell a file from every other, also after it is renamed."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]
