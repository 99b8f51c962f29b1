"""How results look: style, speaking column names, and where they come from."""

from __future__ import annotations

import json
import os

from qgis.core import (
    QgsEditorWidgetSetup,
    QgsMultiBandColorRenderer,
    QgsProcessingLayerPostProcessorInterface,
)

STYLES = os.path.join(os.path.dirname(__file__), "styles")
"""The engine's own styles, parcels.qml and lines.qml."""
SPEAKING = {
    "parcel_id": ("Parcel", None), "class": ("Class", None), "area_m2": ("Area (m²)", 1),
    "perimeter_m": ("Perimeter (m)", 1), "confidence": ("Confidence", 3),
    "boundary": ("Border likelihood", 3), "edge": ("Cut by the edge", None),
    "line_id": ("Border", None), "left": ("Parcel on the left", None),
    "right": ("Parcel on the right", None), "length_m": ("Length (m)", 1),
}
"""What a column is called in the attribute table, and its decimals there."""


class Dress(QgsProcessingLayerPostProcessorInterface):
    """Style a layer when QGIS loads it; the list keeps it alive until then (QGIS does not)."""

    alive: list = []

    def __init__(self, clothe) -> None:
        """Take what is done to the layer."""
        super().__init__()
        self.clothe = clothe

    def postProcessLayer(self, layer, context, feedback):
        """Do it."""
        self.clothe(layer)


def dress(context, destination: str, name: str, clothe) -> None:
    """Have a result named and styled when it is loaded, if it will be."""
    if not context.willLoadLayerOnCompletion(destination):
        return
    details = context.layerToLoadOnCompletionDetails(destination)
    details.name = name
    one = Dress(clothe)
    Dress.alive = [*Dress.alive[-99:], one]
    details.setPostProcessor(one)


def dress_vectors(kind: str, report: dict):
    """Give what styles a layer of parcels or of lines, and notes where it comes from."""

    def clothe(layer) -> None:
        layer.loadNamedStyle(os.path.join(STYLES, f"{kind}.qml"))
        for name, (alias, decimals) in SPEAKING.items():
            column = layer.fields().indexOf(name)
            if column < 0:
                continue
            layer.setFieldAlias(column, alias)
            if decimals is not None:
                setup = QgsEditorWidgetSetup("Range", {"Precision": decimals, "Style": "SpinBox"})
                layer.setEditorWidgetSetup(column, setup)
        notes = layer.metadata()
        notes.setTitle(layer.name())
        notes.setAbstract("Made by geoseg.\n" + json.dumps(report, indent=1, sort_keys=True))
        layer.setMetadata(notes)
        layer.triggerRepaint()

    return clothe


def dress_mask(layer) -> None:
    """Show boundaries in red and parcels in green."""
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 2, 1, -1))
    layer.triggerRepaint()
