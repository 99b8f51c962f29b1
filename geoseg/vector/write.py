"""Write parcels as a stream, in the format that the file's suffix names."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import string
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
from pyogrio.errors import CRSError as OGRCRSError
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from geoseg.errors import CRSError, OptionError, OutputError
from geoseg.vector import geopackage
from geoseg.vector.arrow import column_kinds
from geoseg.vector.drivers import DRIVERS, driver_options, known_crs, shortened
from geoseg.vector.layer import empty_layer, fill
from geoseg.vector.pages import is_plain
from geoseg.vector.parquet import write_parquet
from geoseg.vector.schema import GEOMETRY, Batch, Columns, Table, rechunked

log = logging.getLogger(__name__)

CHUNK = 4096
"""Features that are handed to GDAL at once, each time in one transaction."""
PAGE = 16384
"""Bytes of a page of a GeoPackage: few parcels need more than one, which costs time."""
OGR_ERRORS = (
    DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError, RuntimeError, OSError,
    sqlite3.Error,
)
"""What is raised where a file cannot be written."""
DATE = "2000-01-01T00:00:00.000Z"
"""Time stamp in every file, so that equal parcels give equal bytes."""


def write_parcels(
    path: str | Path,
    batches: Iterable[Batch],
    *,
    crs: str | None,
    layer: str = "parcels",
    metadata: Mapping[str, Any] | None = None,
    value_field: str | None = None,
    multi: bool = False,
) -> int:
    """Write batches of parcels as one layer and read it back; memory is O(batch).

    Args:
        path: a new file, or a GeoPackage: there only the named layer is replaced.
        batches: of geoseg.vectorizer; no batch at all makes an empty layer with all columns.
        crs: WKT, kept as it is; None for none.
        layer: its name.
        metadata: provenance, kept as JSON in a GeoPackage and in GeoParquet.
        value_field: column for the values themselves, in place of class, confidence and boundary.
        multi: True where a parcel may have several polygons.

    Returns:
        How many parcels were written.

    Raises:
        OptionError: an unknown suffix, or a name that cannot be used.
        CRSError: the CRS cannot be stored.
        OutputError: the file cannot be written, or was not stored whole.
    """
    columns = Columns(value_field, multi)
    return write_layer(
        path, columns.record_batches(batches), columns, crs=crs, layer=layer, metadata=metadata,
        style="parcels",
    )


def write_layer(
    path: str | Path,
    batches: Iterable[pa.RecordBatch],
    columns: Table,
    *,
    crs: str | None,
    layer: str,
    metadata: Mapping[str, Any] | None,
    style: str,
) -> int:
    """Write record batches as one layer and read it back, as `write_parcels` does.

    Args:
        path, crs, layer, metadata: see `write_parcels`.
        batches: of the columns' schema.
        columns: what they are.
        style: name of the QGIS style that a GeoPackage gets.

    Returns:
        How many rows were written.

    Raises:
        OptionError, CRSError, OutputError: see `write_parcels`.
    """
    path = Path(path)
    driver = check_output(path, layer)
    counted = _Counted(iter(batches))
    if driver == "Parquet":
        write_parquet(path, counted, columns, crs=crs, metadata=metadata or {})
    else:
        _write_ogr(path, counted, columns, driver, crs, layer)
    if driver == "GPKG":
        geopackage.finish(
            path, layer, metadata or {}, style=style, date=DATE, count=counted.rows
        )
    elif driver != "Parquet":
        _verify(path, layer, driver, counted.rows)
    return counted.rows


def check_output(path: str | Path, layer: str = "parcels") -> str:
    """Give the driver of an output; refuse suffixes and layer names that cannot be used.

    Raises:
        OptionError: see the message.
    """
    path = Path(path)
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise OptionError(
            f"{path} has the suffix {path.suffix or '(none)'}, wanted one of {', '.join(DRIVERS)}"
        )
    reserved = re.match(r"(gpkg|sqlite|rtree)_|layer_styles$", layer, re.IGNORECASE)
    if not layer.strip() or len(layer) > 100 or not layer.isprintable() or reserved:
        raise OptionError(
            f"--layer is {layer[:40]!r}, wanted 1 to 100 printable characters that do not begin "
            "with gpkg_, sqlite_ or rtree_"
        )
    if driver == "GPKG" and layer[0] != "_" and layer[0] in string.punctuation:
        raise OptionError(
            f"--layer is {layer[:40]!r}, but no layer of a GeoPackage may begin with {layer[0]}; "
            "begin it with a letter or a digit"
        )
    return driver


class _Counted:
    """An iterator that counts rows and remembers its error, which Arrow would turn to text."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.batches, self.rows = batches, 0
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.batches:
                self.rows += batch.num_rows
                yield batch
        except BaseException as error:
            self.error = error
            raise


def _write_ogr(
    path: Path, batches: _Counted, columns: Table, driver: str, crs: str | None, layer: str
) -> None:
    schema = columns.schema()
    if driver == "ESRI Shapefile":
        log.warning("a Shapefile has short names, 2 GiB at most and no style; .gpkg is better")
        schema = shortened(schema)
    known = known_crs(crs)

    def give(some: Iterable[pa.RecordBatch]) -> None:
        dataset, options = driver_options(driver, crs, new=not path.exists())
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, some), path, layer=layer, driver=driver,
            geometry_name=GEOMETRY, geometry_type=columns.geometry_type, crs=known,
            dataset_options=dataset, layer_options=options,
        )

    try:
        with _configured(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'crs' was not provided")  # on purpose
            if driver != "GPKG" or not _write_pages(path, batches, schema, layer, give):
                give(_renamed(batches, schema))
    except OGRCRSError as error:
        raise CRSError(f"the CRS of the scene cannot be stored in {path.name}: {error}") from error
    except OGR_ERRORS as error:
        if batches.error is not None:
            raise batches.error from None
        free = shutil.disk_usage(path.parent).free >> 20
        reason = " ".join(str(error).split())[:120]
        raise OutputError(
            f"{path} cannot be written; its disk has {free} MiB left ({reason})"
        ) from error
    if batches.error is not None:
        raise batches.error


def _write_pages(
    path: Path, batches: _Counted, schema: pa.Schema, layer: str,
    give: Callable[[Iterable[pa.RecordBatch]], None],
) -> bool:
    """Let GDAL make the layer and lay out its rows ourselves; tell whether that could be done."""
    if column_kinds(schema) is None or path.exists() and not is_plain(path):
        return False
    give(())
    empty = empty_layer(path, layer, schema)
    if empty is not None:
        fill(empty, rechunked(batches, CHUNK), schema)
    return empty is not None


@contextmanager
def _configured() -> Iterator[None]:
    """Set what GDAL has no layer options for."""
    wanted = {"OGR_CURRENT_DATE": DATE, "OGR_SQLITE_PRAGMA": f"page_size={PAGE}"}
    old = {name: pyogrio.get_gdal_config_option(name) for name in wanted}
    pyogrio.set_gdal_config_options(wanted)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(old)


def _renamed(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in rechunked(batches, CHUNK):
        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _verify(path: Path, layer: str, driver: str, count: int) -> None:
    """Read the number of features back."""
    name = layer if driver == "FlatGeobuf" else None
    stored = pyogrio.read_info(path, layer=name, force_feature_count=True)["features"]
    if stored != count:
        raise OutputError(f"{path} has {stored} of {count} features; the disk is full or failing")
