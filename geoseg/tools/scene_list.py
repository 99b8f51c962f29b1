"""Scenes by name, in a folder, or by list: a text file with a path, and perhaps a date, a line."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from geoseg.errors import OptionError, RasterError
from geoseg.raster import SUFFIXES, located, read_small_text, scenes_in

LISTS = (".txt", ".csv")
"""Suffixes of files that list scenes."""


def read_scenes(scenes: Sequence[str | Path]) -> list[str]:
    """Give the scenes' paths in their order: where they overlap, the first one wins.

    Of a folder, all rasters that lie in it, by name, but for what geoseg wrote. Of a STAC item, its
    asset (see `geoseg.raster.assets`).

    A list has a path on each line, relative to the list, and after a comma the date of the scene
    (YYYY-MM-DD). Scenes with a date come before those without, the newest first.

    Raises:
        OptionError: no scene, or a scene twice.
        RasterError: a list, folder or item cannot be read, or a folder has no rasters.
    """
    found: list[tuple[int, str]] = []
    for scene in scenes:
        if Path(scene).suffix.lower() in LISTS:
            found += _listed(Path(scene))
        elif Path(scene).is_dir():
            found += [(0, str(one)) for one in _in_folder(Path(scene))]
        else:
            found.append((0, str(scene)))
    paths = [located(path) for _, path in sorted(found, key=lambda one: -one[0])]
    if not paths:
        raise OptionError("no scene was given; name rasters, or a .txt file that lists some")
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise OptionError(f"{twice} is given twice; name each scene once")
    return paths


def _in_folder(folder: Path) -> list[Path]:
    found = scenes_in(folder)
    if not found:
        raise RasterError(f"{folder} is a folder without scenes ({', '.join(SUFFIXES)})")
    return found


def _listed(path: Path) -> list[tuple[int, str]]:
    lines = read_small_text(path, "a list of scenes").splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        name, _, date = (part.strip() for part in line.partition(","))
        if name and not name.startswith("#"):
            found.append((_day(date, path, number), _resolved(name, path)))
    return found


def _resolved(name: str, path: Path) -> str:
    return name if "://" in name or name.startswith("/vsi") else str(path.parent / name)


def _day(date: str, path: Path, number: int) -> int:
    if not date:
        return 0
    try:
        return datetime.date.fromisoformat(date).toordinal()
    except ValueError as error:
        raise OptionError(
            f"{path} has {date!r} on line {number}, wanted a date such as 2024-06-30"
        ) from error
