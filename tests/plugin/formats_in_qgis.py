"""Open what geoseg writes in QGIS: /usr/bin/python3 formats_in_qgis.py FOLDER; see .ci/formats."""

import sys
from pathlib import Path

from qgis.core import (
    QgsApplication, QgsPalettedRasterRenderer, QgsRasterLayer, QgsVectorLayer, QgsWkbTypes,
)

FORMATS = {"gpkg": "|layername=parcels", "fgb": "", "geojson": "", "shp": ""}
"""Suffixes and what names the layer; QGIS's own GDAL may have no Parquet."""


def check_vectors(folder: Path) -> None:
    """Open the parcels in every format."""
    counts = set()
    for suffix, name in FORMATS.items():
        layer = QgsVectorLayer(f"{folder / f'p.{suffix}'}{name}", suffix, "ogr")
        assert layer.isValid(), suffix
        assert QgsWkbTypes.geometryType(layer.wkbType()) == QgsWkbTypes.PolygonGeometry, suffix
        assert layer.crs().isValid(), suffix
        assert all(one.geometry().isGeosValid() for one in layer.getFeatures()), suffix
        counts.add(layer.featureCount())
    assert len(counts) == 1 and counts.pop() > 0


def check_rasters(folder: Path) -> None:
    """Find the names and colours of the rasters."""
    mask = QgsRasterLayer(str(folder / "mask.tif"), "mask")
    assert mask.isValid()
    assert [mask.bandName(band) for band in (1, 2)] == ["Band 1: parcel", "Band 2: boundary"]
    classes = QgsRasterLayer(str(folder / "classes.tif"), "classes")
    renderer = classes.renderer()
    assert classes.isValid() and isinstance(renderer, QgsPalettedRasterRenderer)
    colors = {int(one.value): one.color.name() for one in renderer.classes()}
    assert colors[1] == "#d6c860" and colors[2] == "#8a3e14", colors
    assert "CLASS_1=parcel" in classes.htmlMetadata()


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    check_vectors(Path(sys.argv[1]))
    check_rasters(Path(sys.argv[1]))
    print(f"QGIS: {', '.join(FORMATS)}, mask.tif and classes.tif open, with names and colours")
    application.exitQgis()
