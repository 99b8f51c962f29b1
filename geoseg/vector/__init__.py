"""Vector files: read polygons in any CRS, write parcels as a stream."""

from geoseg.vector.lines import LineStore, line_store
from geoseg.vector.read import layer_crs, read_geometries, read_parcels, read_polygons
from geoseg.vector.write import check_output, write_parcels

__all__ = [
    "LineStore", "check_output", "layer_crs", "line_store", "read_geometries", "read_parcels",
    "read_polygons", "write_parcels",
]
