"""Vector files: read polygons in any CRS, write parcels as a stream."""

from geoseg.vector.carried import Carried, carried, write_carried
from geoseg.vector.lines import LineStore, line_store
from geoseg.vector.memory import is_table, named_table
from geoseg.vector.read import (
    read_geometries,
    read_lines,
    read_polygons,
    read_table,
)
from geoseg.vector.windows import Numbered, PolygonLayer
from geoseg.vector.write import check_output, write_parcels

__all__ = [
    "Carried", "LineStore", "Numbered", "PolygonLayer", "carried", "check_output", "is_table",
    "line_store", "named_table", "read_geometries", "read_lines", "read_polygons", "read_table",
    "write_carried", "write_parcels",
]
