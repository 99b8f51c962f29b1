"""Web pages that stand alone: maps, charts and pictures in one file, nothing from the network."""

from geoseg.pages.charts import Bars, bars, histogram
from geoseg.pages.map import MapLayer, MapPicture, map_section
from geoseg.pages.outlines import Frame, encode_outlines
from geoseg.pages.page import Page, figure, picture, table, text

__all__ = [
    "Bars", "Frame", "MapLayer", "MapPicture", "Page", "bars", "encode_outlines", "figure",
    "histogram", "map_section", "picture", "table", "text",
]
