"""Open what geoseg writes in QGIS: /usr/bin/python3 formats_in_qgis.py FOLDER; see .ci/formats."""

import sys
from pathlib import Path

from qgis.core import (
    QgsApplication, QgsPalettedRasterRenderer, QgsRasterLayer, QgsVectorLayer, QgsWkbTypes,
)

folder = Path(sys.argv[1])
application = QgsApplication([], False)
application.initQgis()
formats = {"gpkg": "|layername=parcels", "fgb": "", "geojson": "", "shp": ""}
counts = set()
for suffix, name in formats.items():
    layer = QgsVectorLayer(f"{folder / f'p.{suffix}'}{name}", suffix, "ogr")
    assert layer.isValid(), suffix
    assert QgsWkbTypes.geometryType(layer.wkbType()) == QgsWkbTypes.PolygonGeometry, suffix
    assert layer.crs().isValid(), suffix
    assert all(one.geometry().isGeosValid() for one in layer.getFeatures()), suffix
    counts.add(layer.featureCount())
assert len(counts) == 1 and counts.pop() > 0

mask = QgsRasterLayer(str(folder / "mask.tif"), "mask")
assert mask.isValid() and mask.bandCount() == 2
assert [mask.bandName(band) for band in (1, 2)] == ["Band 1: parcel", "Band 2: boundary"]
classes = QgsRasterLayer(str(folder / "classes.tif"), "classes")
renderer = classes.renderer()
assert classes.isValid() and isinstance(renderer, QgsPalettedRasterRenderer)
colors = {int(one.value): one.color.name() for one in renderer.classes()}
assert colors[1] == "#d6c860" and colors[2] == "#8a3e14", colors
assert "CLASS_1=parcel" in classes.htmlMetadata()
print(f"QGIS: {', '.join(formats)}, mask.tif and classes.tif open with names and colours")
application.exitQgis()
