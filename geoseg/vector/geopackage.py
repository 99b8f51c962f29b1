"""What a GeoPackage holds beside its parcels: QGIS style and provenance; and its check."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

from geoseg.errors import OutputError
from geoseg.vector.schema import GEOMETRY

STANDARD = "urn:geoseg:provenance"
"""Says what the JSON in the metadata table is."""

STYLE_TABLE = """
CREATE TABLE IF NOT EXISTS layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
    f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
    owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))
"""
"""As QGIS makes it."""

METADATA_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_metadata (
    id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,
    md_scope TEXT NOT NULL DEFAULT 'dataset', md_standard_uri TEXT NOT NULL,
    mime_type TEXT NOT NULL DEFAULT 'text/xml', metadata TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (
    reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
    timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
    md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
    CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
    CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id));
CREATE TABLE IF NOT EXISTS gpkg_extensions (
    table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
    scope TEXT NOT NULL,
    CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
"""
"""As the GeoPackage standard has them (1.2, annex F.8)."""


def finish(
    path: Path, layer: str, metadata: Mapping[str, Any], *, style: str, date: str, count: int
) -> None:
    """Add style and provenance to a layer that GDAL wrote, and check the file.

    Raises:
        OutputError: the file cannot be written, or was not stored whole.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("BEGIN")
            _add_style(database, layer, style, date)
            _add_provenance(database, layer, metadata, date)
            database.execute("COMMIT")
            _verify(database, path, layer, count)
    except sqlite3.Error as error:
        raise OutputError(f"{path} cannot be written: {error}; check the disk's space") from error


def style_qml(name: str) -> str:
    """Give a QGIS style, of `parcels` or `lines`, as QML."""
    return files("geoseg.vector").joinpath(f"{name}.qml").read_text("utf-8")


def _add_style(database: sqlite3.Connection, layer: str, style: str, date: str) -> None:
    database.execute(STYLE_TABLE)
    database.execute(
        "INSERT OR IGNORE INTO gpkg_contents "
        "(table_name, data_type, identifier, description, last_change, srs_id) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
        (date,),
    )
    database.execute("DELETE FROM layer_styles WHERE lower(f_table_name) = lower(?)", (layer,))
    database.execute(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
        "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, "
        "update_time) VALUES ('', '', ?, ?, ?, ?, '', 1, 'geoseg', '', ?)",
        (layer, GEOMETRY, style, style_qml(style), date),
    )


def _add_provenance(
    database: sqlite3.Connection, layer: str, metadata: Mapping[str, Any], date: str
) -> None:
    for statement in METADATA_TABLES.split(";\n"):  # executescript would end the transaction
        database.execute(statement)
    for table in ("gpkg_metadata", "gpkg_metadata_reference"):
        database.execute(
            "INSERT INTO gpkg_extensions SELECT ?, NULL, 'gpkg_metadata', "
            "'http://www.geopackage.org/spec120/#extension_metadata', 'read-write' "
            "WHERE NOT EXISTS (SELECT 1 FROM gpkg_extensions WHERE table_name = ? "
            "AND extension_name = 'gpkg_metadata')",
            (table, table),
        )
    old = database.execute(
        "SELECT md_file_id FROM gpkg_metadata_reference JOIN gpkg_metadata ON id = md_file_id "
        "WHERE table_name = ? AND md_standard_uri = ?",
        (layer, STANDARD),
    ).fetchall()
    database.executemany("DELETE FROM gpkg_metadata_reference WHERE md_file_id = ?", old)
    database.executemany("DELETE FROM gpkg_metadata WHERE id = ?", old)
    text = json.dumps(dict(metadata), sort_keys=True)
    row = database.execute(
        "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) "
        "VALUES ('dataset', ?, 'application/json', ?)",
        (STANDARD, text),
    )
    database.execute(
        "INSERT INTO gpkg_metadata_reference (reference_scope, table_name, timestamp, md_file_id) "
        "VALUES ('table', ?, ?, ?)",
        (layer, date, row.lastrowid),
    )


def _verify(database: sqlite3.Connection, path: Path, layer: str, count: int) -> None:
    index = f"rtree_{layer}_{GEOMETRY}".lower()
    tables = {name.lower() for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if index not in tables:  # GDAL 3.12 only warns where the disk fills up while it is made
        raise OutputError(f"{path} has no spatial index: it was not stored whole; the disk is full")
    health = database.execute("PRAGMA integrity_check").fetchone()[0]
    if health != "ok":
        raise OutputError(f"{path} was not stored whole ({health}); the disk is full or failing")
    name = layer.replace('"', '""')
    stored = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
    if stored != count:
        raise OutputError(f"{path} has {stored} of {count} features; the disk is full or failing")
