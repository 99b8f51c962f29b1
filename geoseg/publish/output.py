"""Make an output under another name, and give it its own when it is good."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geoseg.errors import OutputError
from geoseg.publish.files import SQLITE_SIDECARS, beside, disk_errors, remove, shapefile, sync
from geoseg.publish.geopackage import copy, is_geopackage, settle, state, tables
from geoseg.publish.lock import locked


@contextmanager
def publishing(
    path: str | Path,
    *,
    overwrite: bool = False,
    layer: str | tuple[str, ...] | None = None,
    lock: bool = True,
    verify: Callable[[Path], None] | None = None,
) -> Iterator[Path]:
    """Give the partial to write to; publish it when the block ends without an error.

    Args:
        path: the output.
        overwrite: replace an existing output.
        layer: for a GeoPackage: the layer, or layers, that will be written. Other layers of an
            existing file are in the partial already, and the output counts as existing if it has
            one of these.
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
    layers = (layer,) if isinstance(layer, str) else layer
    with locked(target) if lock else contextlib.nullcontext():
        _refuse_existing(target, overwrite, layers)
        partial = partial_path(target)
        remove(partial)
        try:
            with disk_errors(target, partial):
                kept = _copy_layers(target, partial, layers)
                yield partial
                _finish(partial, verify)
                _settle_and_check(target, partial, kept)
                _move(partial, target)
        finally:
            remove(partial)


@contextmanager
def holding(path: str | Path) -> Iterator[Path]:
    """Keep other runs away from an output, for longer than its publishing takes.

    Yields:
        The output with its links resolved.

    Raises:
        OutputError: it is a folder, or in none, or its folder cannot be written to.
        LockedError: another run is writing it.
    """
    target = _checked(path)
    with locked(target):
        yield target


def make_folder(path: Path) -> None:
    """Make the folder of an output, and those above it, where they are not there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made: {error.strerror}") from error


def publish_bytes(path: Path, data: bytes) -> None:
    """Replace a small file of ours, such as a log: readers see the old or the new one, whole.

    The caller keeps other runs away.

    Raises:
        OutputError: the folder or disk refuses it.
    """
    with publishing(path, overwrite=True, lock=False) as partial:
        partial.write_bytes(data)


def partial_path(path: Path) -> Path:
    """Give the name under which an output is made.

    >>> partial_path(Path("out/parcels.gpkg")).as_posix()
    'out/.parcels.partial.gpkg'
    """
    return path.with_name(f".{path.stem}.partial{path.suffix}")


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


def _refuse_existing(target: Path, overwrite: bool, layers: tuple[str, ...] | None) -> None:
    if overwrite or not target.exists():
        return
    if layers is None or not is_geopackage(target):
        raise OutputError(f"{target} exists; pass --overwrite to replace it, or another name")
    settle(target)
    here = [layer for layer in layers if layer.lower() in tables(target)]
    if here:
        raise OutputError(
            f"{target} has a layer {here[0]}; pass --overwrite to replace it, or another --layer"
        )


def _copy_layers(
    target: Path, partial: Path, layers: tuple[str, ...] | None
) -> tuple[int, ...] | None:
    """Copy an old GeoPackage whose other layers stay; give its state, None if none is kept."""
    if layers is None or not is_geopackage(target):
        return None
    settle(target)
    if not tables(target) - {*map(str.lower, layers), "layer_styles"}:
        return None
    copy(target, partial)
    return state(target)


def _finish(partial: Path, verify: Callable[[Path], None] | None) -> None:
    if not partial.exists():
        raise OutputError(f"{partial} was not written: a bug in geoseg")
    if verify is not None:
        verify(partial)
    left = [suffix for suffix in SQLITE_SIDECARS if beside(partial, suffix).exists()]
    if left:
        raise OutputError(f"{partial} was not closed ({partial.name}{left[0]} is still there)")
    for one in (partial, *shapefile(partial)):
        if one.exists():
            sync(one)


def _settle_and_check(target: Path, partial: Path, kept: tuple[int, ...] | None) -> None:
    """Make the old GeoPackage replaceable; where it is not, keep the finished work beside it."""
    if target.suffix.lower() != ".gpkg":
        return
    try:
        settle(target)
        if kept is not None and state(target) != kept:
            raise OutputError(f"{target} was changed by another program during this run")
    except OutputError as error:
        raise OutputError(f"{error}; the finished result is {_keep(partial, target)}") from error


def _move(partial: Path, target: Path) -> None:
    """Rename, the Shapefile's index and table first; readers see the old or the new file."""
    try:
        for one, name in zip(shapefile(partial), shapefile(target), strict=True):
            if one.exists():
                os.replace(one, name)
        os.replace(partial, target)
    except PermissionError as error:  # Windows, while another program has the output open
        raise OutputError(
            f"{target} cannot be replaced ({error.strerror}); close it in other programs; the "
            f"finished result is {_keep(partial, target)}"
        ) from error
    sync(target.parent)


def _keep(partial: Path, target: Path) -> Path:
    kept = target.with_name(f"{target.stem}.unpublished{target.suffix}")
    os.replace(partial, kept)
    return kept
