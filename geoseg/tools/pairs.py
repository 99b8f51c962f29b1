"""Scenes and their labels, found in folders and lists and read into memory for training."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geoseg.errors import OptionError
from geoseg.grid import Bounds, GeoBox, Window, bounds_text
from geoseg.ground import metres_per_pixel
from geoseg.learning.chips import ArraySource
from geoseg.raster import (
    SUFFIXES, Labels, Scene, is_raster, located, rasterize, read_small_text, scenes_in,
)
from geoseg.tools.inputs import layer_path, raster_path
from geoseg.vector import read_geometries

log = logging.getLogger(__name__)

VECTORS = (".gpkg", ".parquet", ".fgb", ".geojson", ".shp")
"""Suffixes of vector labels, tried before rasters."""
FOLDERS = (("images", "instances"), ("images", "labels"), ("scenes", "labels"))
"""Pairs of folders in which scenes and labels have the same stem."""
EDGE = 4
"""Pixels along a scene's edge whose labels do not count: hand-drawn parcels often end just short
of it, which would teach borders that are not there."""
MOST_BYTES = 4 << 30
"""Scenes and labels kept in memory; more is refused before anything is read."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A scene and where its parcels are."""

    scene: Path | str
    """Raster; a URL is a str."""
    labels: Path | str
    """Vector layer in any CRS, or label raster on the scene's grid."""
    weight: float = 1.0
    """How often chips are cut from it, relative to its size."""


def find_pairs(
    inputs: Sequence[Pair | tuple[str | Path, str | Path] | str | Path],
) -> list[Pair]:
    """Find the pairs that inputs mean: pairs, folders, CSV lists, or scene, labels, scene, ...

    Raises:
        OptionError: a scene has no labels, or there is no pair at all.
    """
    pairs, singles = [], []
    for one in inputs:
        if isinstance(one, Pair):
            pairs.append(one)
        elif isinstance(one, tuple):
            pairs.append(Pair(*map(_place, one)))
        elif Path(one).is_dir():
            pairs += _in_folder(Path(one))
        elif Path(one).suffix.lower() == ".csv":
            pairs += _in_list(Path(one))
        else:
            singles.append(_place(one))
    if len(singles) % 2:
        raise OptionError(f"{singles[-1]} has no labels: give SCENE LABELS, a folder or a CSV list")
    pairs += [Pair(*two) for two in zip(singles[::2], singles[1::2])]
    if not pairs:
        raise OptionError(f"no scene with labels in {', '.join(map(str, inputs)) or 'no input'}")
    return [replace(one, scene=_place(located(str(one.scene)))) for one in pairs]


def _place(name: str | Path) -> Path | str:
    """Keep a URL as it is: a path would lose one of its slashes."""
    return name if "://" in str(name) else Path(name)


@contextmanager
def named_pairs(inputs: Sequence[Any]) -> Iterator[list[Pair | tuple[str, str] | str | Path]]:
    """Give inputs of any form as `find_pairs` takes them, while the block lasts."""
    with ExitStack() as close:

        def named(one: Any) -> Any:
            if isinstance(one, Pair | str | Path):
                return one
            if isinstance(one, tuple) and len(one) == 2 and not isinstance(one[1], GeoBox):
                scene, labels = raster_path(one[0]), layer_path(one[1])
                return close.enter_context(scene), close.enter_context(labels)
            return close.enter_context(layer_path(one))

        yield [named(one) for one in inputs]


def _in_folder(folder: Path) -> list[Pair]:
    """Find X.tif beside X.gpkg or X_labels.tif, or images/X.png with instances/X.png."""
    for scenes, labels in FOLDERS:
        if (folder / scenes).is_dir() and (folder / labels).is_dir():
            found = [_partner(one, folder / labels) for one in scenes_in(folder / scenes)]
            return [one for one in found if one is not None]
    scenes = [one for one in scenes_in(folder) if not one.stem.endswith("_labels")]
    return [pair for pair in (_partner(one, folder) for one in scenes) if pair is not None]


def _partner(scene: Path, folder: Path) -> Pair | None:
    same = [] if folder == scene.parent else [f"{scene.stem}{end}" for end in SUFFIXES]
    names = [f"{scene.stem}{end}" for end in VECTORS] + same
    names += [f"{scene.stem}_labels{end}" for end in VECTORS + SUFFIXES]
    for name in names:
        if (folder / name).exists():
            return Pair(scene, folder / name)
    log.warning("%s has no labels in %s: left out", scene, folder)
    return None


def _in_list(path: Path) -> list[Pair]:
    """Read a CSV with the columns scene, labels and, if there, weight; paths from its folder."""
    text = read_small_text(path, "a CSV of scenes and labels")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if not rows or not {"scene", "labels"} <= rows[0].keys():
        raise OptionError(f"{path} wants a first line scene,labels and a line for each pair")
    return [_listed(path, number, row) for number, row in enumerate(rows, 2)]


def _listed(path: Path, number: int, row: Mapping[str, str | None]) -> Pair:
    scene, labels = row["scene"], row["labels"]
    if not scene or not labels:
        raise OptionError(f"{path} has no scene or no labels on line {number}; it wants both")
    try:
        weight = float(row.get("weight") or 1)
    except ValueError as error:
        raise OptionError(
            f"{path} has the weight {row['weight']!r} on line {number}, wanted a number"
        ) from error
    return Pair(_beside(path, scene), _beside(path, labels), weight)


def _beside(path: Path, name: str) -> Path | str:
    return name if "://" in name else path.parent / name


@dataclass(frozen=True, slots=True)
class Loaded:
    """The sources of a training, and what they have in common."""

    sources: tuple[ArraySource, ...]
    """In memory."""
    bands: tuple[str, ...]
    """Common names."""
    dtype: str
    """Of the pixels."""


def load_pairs(pairs: Sequence[Pair], *, bands: tuple[int, ...] | None = None) -> Loaded:
    """Read scenes and labels into memory.

    Raises:
        OptionError: the scenes differ in bands or dtype, do not fit into memory, or two have the
            same name; labels are on another grid.
    """
    sources, kinds = [], {}
    total = 0
    for name, pair in zip(_names(pairs), pairs, strict=True):
        with Scene(pair.scene) as scene:
            chosen = bands or tuple(scene.data_bands)
            kind = (tuple(scene.band_names[one - 1] for one in chosen), scene.dtype)
            kinds.setdefault(kind, pair.scene)
            total += _bytes(scene, len(chosen))
            _check(kinds, total)
            sources.append(_load(name, pair, scene, chosen))
    ((names, dtype),) = kinds
    return Loaded(tuple(sources), names, dtype)


def _names(pairs: Sequence[Pair]) -> list[str]:
    """Name scenes by stem; by folder and stem where stems repeat."""
    scenes = [Path(pair.scene) for pair in pairs]
    stems = [scene.stem for scene in scenes]
    if len(set(stems)) == len(stems):
        return stems
    names = [f"{scene.parent.name}/{scene.stem}" for scene in scenes]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise OptionError(f"two scenes are named {repeated[0]}; rename one")
    return names


def _bytes(scene: Scene, bands: int) -> int:
    per_pixel = bands * np.dtype(scene.dtype).itemsize + 4 + 1
    return scene.geobox.height * scene.geobox.width * per_pixel


def _check(kinds: dict[tuple[tuple[str, ...], str], Path], total: int) -> None:
    if total > MOST_BYTES:
        raise OptionError(
            f"scenes and labels take more than {MOST_BYTES >> 30} GiB of memory; "
            "give fewer or smaller scenes"
        )
    if len({(len(names), dtype) for names, dtype in kinds}) > 1:
        (one, first), (two, second) = list(kinds.items())[:2]
        raise OptionError(
            f"{first} has bands {', '.join(one[0])} ({one[1]}), {second} has "
            f"{', '.join(two[0])} ({two[1]}); choose the same with --bands"
        )
    for extra in list(kinds)[1:]:
        del kinds[extra]


def _load(name: str, pair: Pair, scene: Scene, bands: tuple[int, ...]) -> ArraySource:
    box = scene.geobox
    image, valid = scene.read(Window(0, 0, box.width, box.height), bands)
    metres = metres_per_pixel(box)
    resolution = None if metres is None else (metres[0] * metres[1]) ** 0.5
    labels = without_edge(read_labels(pair.labels, box))
    return ArraySource(name, image, labels, valid, resolution, pair.weight)


def without_edge(labels: np.ndarray) -> np.ndarray:
    """Give labels with the outermost `EDGE` pixels not known."""
    inner = (slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    kept = np.full_like(labels, -1)
    kept[inner] = labels[inner]
    return kept


def read_labels(path: Path | str, geobox: GeoBox) -> np.ndarray:
    """Read labels on a scene's grid: (rows, cols) int32, 0 background, -1 not known.

    Raises:
        OptionError: a label raster is on another grid.
        RasterError, VectorError, CRSError: the labels cannot be read, or brought onto the grid.
    """
    if is_raster(path):
        return _label_raster(path, geobox)
    shapes = read_geometries(path, crs=geobox.crs)
    _check_place(path, shapely.total_bounds(shapes), geobox)
    return rasterize(shapes, geobox)


def _check_place(path: Path, bounds: Bounds, geobox: GeoBox) -> None:
    """Warn where labels, whose bounds are in the grid's CRS, lie beside the grid."""
    if not shapely.box(*bounds).intersects(shapely.box(*geobox.bounds)):
        log.warning(
            "%s lies beside its scene: it spans %s, the scene %s, both in the scene's CRS; check "
            "the CRS of both", path, bounds_text(bounds), bounds_text(geobox.bounds),
        )


def _label_raster(path: Path | str, geobox: GeoBox) -> np.ndarray:
    with Labels(path) as stored:
        box = stored.geobox
        moved = geobox.is_georeferenced and not box.transform.almost_equals(geobox.transform)
        if box.shape != geobox.shape or moved:
            raise OptionError(
                f"{path} ({box.width} x {box.height}) is not on the grid of its scene "
                f"({geobox.width} x {geobox.height}); give labels of the same grid, or a vector"
            )
        labels, valid = stored.read(Window(0, 0, box.width, box.height), (1,))
    return np.where(valid, labels[0].astype(np.int32), -1)
