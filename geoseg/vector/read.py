"""Read polygons of any vector file, in the CRS that is wanted.

A *layer* is a named table of a vector file; `parcels.gpkg|layername=truth` names file and layer,
as QGIS does.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError
from shapely.geometry.base import BaseGeometry

from geoseg.errors import CRSError, VectorError
from geoseg.vector.parquet import FROM_OWN

log = logging.getLogger(__name__)

HEAD_BYTES = 4096
"""Where GDAL looks for what a file is."""
POLYGONS = ("Polygon", "MultiPolygon")
"""Kinds of geometry that can be parcels."""
POLYGON_TYPES = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
"""The same as numbers."""


def read_geometries(
    path: str | Path, *, crs: str | None, layer: str | None = None
) -> list[BaseGeometry]:
    """Read a layer's polygons in a CRS; at least one.

    Args:
        path: vector file.
        crs: WKT of the CRS that is wanted; None where the scene has none.
        layer: None for the only layer.

    Returns:
        Valid polygons and multipolygons, in the order of the file.

    Raises:
        VectorError: the file or layer cannot be read, or has no polygons.
        CRSError: only one of the layer and the scene has a CRS, or the layer's coordinates do not
            exist in the one that is wanted.
    """
    polygons = read_polygons(path, crs=crs, layer=layer)
    if not polygons:
        raise VectorError(f"{path} has no polygons; give a layer of polygons")
    return polygons


def read_polygons(
    path: str | Path, *, crs: str | None, layer: str | None = None
) -> list[BaseGeometry]:
    """Read as `read_geometries` does, but an empty layer gives an empty list.

    Raises:
        VectorError, CRSError: see `read_geometries`.
    """
    table = read_table(path, layer, columns=[]).geometry
    table = table[are_polygons(path, table)]
    if table.empty:
        return []
    shapes = valid_polygons(reprojected(path, table, crs))
    return [one for one in shapes if not one.is_empty]


def read_lines(path: str | Path, *, layer: str) -> tuple[geopandas.GeoDataFrame, str | None]:
    """Read lines with their attributes, one per row, and their CRS as WKT.

    Args:
        path: vector file.
        layer: its layer, where there are several.

    Raises:
        VectorError: the file cannot be read, or has no lines.
    """
    table = read_table(path, preferred_layer(path, layer))
    table = table[~(table.geometry.isna() | table.geometry.is_empty)].explode(ignore_index=True)
    kinds = sorted(set(table.geom_type))
    table = table[table.geom_type.isin(["LineString", "LinearRing"])]
    if table.empty:
        raise VectorError(f"{path} has {', '.join(kinds) or 'nothing'} and no lines; give the "
                          "lines that --lines wrote")
    if not np.isfinite(table.total_bounds).all():
        raise VectorError(f"{path} has lines with coordinates that are no numbers; mend them")
    table = table.set_geometry(shapely.force_2d(table.geometry.to_numpy()), crs=table.crs)
    return table, None if table.crs is None else table.crs.to_wkt()


def split_layer(path: str | Path, layer: str | None) -> tuple[Path, str | None]:
    """Part a QGIS source into file and layer.

    >>> split_layer("a.gpkg|layername=truth", None)[1]
    'truth'
    """
    file, _, rest = str(path).partition("|")
    for option in rest.split("|"):
        name, _, value = option.partition("=")
        if name == "layername" and layer is None:
            layer = value
    return Path(file), layer


def find_layer(path: str | Path, layer: str | None = None) -> tuple[Path, str | None]:
    """Check that a file is there and has the layer; give both. A Parquet file has one, unnamed.

    Raises:
        VectorError: it is not, or has not.
    """
    file, layer = split_layer(path, layer)
    _check_file(file)
    return file, None if file.suffix.lower() == ".parquet" else _layer(file, layer)


def read_table(
    path: str | Path, layer: str | None = None, **options: Any
) -> geopandas.GeoDataFrame:
    """Read a layer as it is, in its own CRS.

    Options are pyogrio's, which a Parquet file does not take.

    Raises:
        VectorError: the file or layer cannot be read.
    """
    try:
        file, name = find_layer(path, layer)
        if name is None:
            return _without_fiboa(geopandas.read_parquet(file))
    except VectorError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return read_known(path, file, name, **options)


def read_known(
    path: str | Path, file: Path, layer: str, **options: Any
) -> geopandas.GeoDataFrame:
    """Read a layer that `find_layer` gave; options are pyogrio's.

    Raises:
        VectorError: it cannot be read.
    """
    try:
        table = pyogrio.read_dataframe(file, layer=layer, **options)
    except (DataSourceError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(table, geopandas.GeoDataFrame):
        raise VectorError(f"{path} is a table without geometry; give a layer of polygons")
    return _without_undefined(table)


def _unreadable(path: str | Path, error: Exception) -> VectorError:
    reason = " ".join(str(error).split())[:200]
    return VectorError(f"{path} is not a vector file that can be read ({reason})")


def _without_fiboa(table: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Leave out columns that our GeoParquet has a second time under the names of fiboa."""
    return table.drop(columns=list(FROM_OWN)) if {*FROM_OWN, "parcel_id"} <= {*table} else table


def _without_undefined(table: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """A GeoPackage says "Undefined ... SRS" where there is no CRS (table 3 of its standard)."""
    if table.crs is not None and table.crs.name.startswith("Undefined "):
        return table.set_crs(None, allow_override=True)
    return table


def _check_file(path: Path) -> None:
    if not path.exists():
        raise VectorError(f"{path} does not exist; check the path")
    if path.is_dir() and path.suffix.lower() != ".gdb":
        raise VectorError(f"{path} is a folder; give a vector file such as a GeoPackage")
    if not path.is_dir() and not path.is_file():
        raise VectorError(f"{path} is not a regular file; give a vector file such as a GeoPackage")
    if path.is_file() and path.stat().st_size == 0:
        raise VectorError(f"{path} is empty (0 bytes); copy it again")
    if path.is_file() and _is_virtual(path):
        raise VectorError(
            f"{path} is a virtual layer, which points to other files or servers; give the file "
            "that it points to"
        )


def _is_virtual(path: Path) -> bool:
    with path.open("rb") as file:
        return b"<OGRVRT" in file.read(HEAD_BYTES)


def _layer(path: Path, layer: str | None) -> str:
    """Check the layer's name; without one, find the only layer of geometry, or of polygons."""
    layers = {str(name): kind for name, kind in _layers(path)}
    spatial = [name for name, kind in layers.items() if kind is not None]
    if layer in layers:
        return layer
    there = ", ".join(spatial) or "none"
    if layer is not None:
        raise VectorError(f"{path} has no layer {layer}; there are: {there}")
    polygons = [name for name in spatial if str(layers[name]).endswith(("Polygon", "Polygon Z"))]
    if len(spatial) != 1 and len(polygons) == 1:  # the others are borders, or points
        return polygons[0]
    if len(spatial) != 1:
        raise VectorError(
            f"{path} has {len(spatial)} layers with geometry ({there}); choose one with --layer "
            f"or as {path.name}|layername=NAME"
        )
    return spatial[0]


def preferred_layer(path: str | Path, layer: str) -> str | None:
    """Give the layer that a path names, else `layer` if the file has it, else None.

    Raises:
        VectorError: the file cannot be read.
    """
    file, named = split_layer(path, None)
    if named is not None or file.suffix.lower() == ".parquet":
        return named
    _check_file(file)
    return layer if layer in {str(name) for name, _ in _layers(file)} else None


def _layers(path: Path) -> np.ndarray:
    try:
        return pyogrio.list_layers(path)
    except DataSourceError as error:
        raise _unreadable(path, error) from error


def reprojected(
    path: str | Path, table: geopandas.GeoSeries, crs: str | None
) -> geopandas.GeoSeries:
    """Bring geometries into a CRS.

    Raises:
        CRSError: only one of the two has a CRS, or coordinates do not exist in the one wanted.
    """
    if table.crs is None and crs is None:
        log.warning("%s and what it is laid on have no CRS: coordinates are used as they are", path)
        return table
    if table.crs is None:
        raise CRSError(
            f"{path} has no CRS, but what it is laid on has one; give it its own, for example in "
            "QGIS with 'Assign projection'"
        )
    if crs is None:
        raise CRSError(
            f"{path} has a CRS ({table.crs.name}), but what it is laid on has none; give that one "
            "its own, for a raster with gdal_edit -a_srs"
        )
    moved = table.to_crs(crs)
    if not np.isfinite(moved.total_bounds).all():
        raise CRSError(
            f"{path} ({table.crs.name}) has coordinates that do not exist in {moved.crs.name}; "
            "check the CRS of both"
        )
    return moved


def are_polygons(path: str | Path, shapes: geopandas.GeoSeries) -> NDArray[np.bool_]:
    """Tell which shapes have polygons; empty ones have none.

    Raises:
        VectorError: there are shapes, and none of them has.
    """
    there = ~(shapes.isna() | shapes.is_empty)
    found = there & shapes.geom_type.isin([*POLYGONS, "GeometryCollection"])
    if there.any() and not found.any():
        kinds = ", ".join(sorted(set(shapes[there].geom_type)))
        raise VectorError(f"{path} has {kinds} and no polygons; give a polygon layer")
    return found.to_numpy()


def valid_polygons(table: geopandas.GeoSeries) -> list[BaseGeometry]:
    """Give the polygons of shapes, mended where they are not valid; a line gives an empty one."""
    shapes = shapely.force_2d(table.to_numpy())
    wrong = ~shapely.is_valid(shapes)
    if wrong.any():
        log.warning("%d of %d polygons were not valid and were mended", wrong.sum(), len(shapes))
        shapes[wrong] = shapely.make_valid(shapes[wrong], method="structure", keep_collapsed=False)
    mixed = ~np.isin(shapely.get_type_id(shapes), POLYGON_TYPES)
    shapes[mixed] = [_polygons_of(one) for one in shapes[mixed]]
    return shapes.tolist()


def _polygons_of(shape: BaseGeometry) -> BaseGeometry:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.union_all([part for part in parts if part.geom_type in POLYGONS])
