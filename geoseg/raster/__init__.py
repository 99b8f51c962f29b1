"""Rasters in, rasters out: the only package that uses rasterio."""

from geoseg.raster.aoi import Clipped, window_of_extent
from geoseg.raster.assets import located
from geoseg.raster.bands import choose_bands
from geoseg.raster.folder import scenes_in
from geoseg.raster.labels import ParcelRaster
from geoseg.raster.memory import named
from geoseg.raster.mosaic import grid_offset, open_scene
from geoseg.raster.opening import SUFFIXES, is_raster
from geoseg.raster.picture import Look, Looker, draw, encode
from geoseg.raster.rasterize import rasterize
from geoseg.raster.resample import Resampled
from geoseg.raster.scene import Labels, Scene
from geoseg.raster.small_text import read_small_text
from geoseg.raster.stretch import percentiles
from geoseg.raster.strips import MaskReader
from geoseg.raster.write import MaskWriter

__all__ = [
    "Clipped", "Labels", "Look", "Looker", "MaskReader", "MaskWriter", "ParcelRaster",
    "Resampled", "SUFFIXES", "Scene", "choose_bands", "draw", "encode", "grid_offset",
    "is_raster", "located", "named", "open_scene", "percentiles", "rasterize", "read_small_text",
    "scenes_in", "window_of_extent",
]
