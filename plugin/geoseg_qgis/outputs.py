"""Put the engine's results where the user wants them: any sink, styled, nothing half written."""

from __future__ import annotations

import json
import os
import shutil

from qgis.core import (
    QgsEditorWidgetSetup,
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsMultiBandColorRenderer,
    QgsProcessingException,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QFile

STYLE = os.path.join(os.path.dirname(__file__), "styles", "parcels.qml")
WRITABLE = (".gpkg", ".parquet", ".fgb", ".geojson", ".shp")
"""What the engine itself writes."""
SPEAKING = {
    "parcel_id": ("Parcel", None), "class": ("Class", None), "area_m2": ("Area (m²)", 1),
    "perimeter_m": ("Perimeter (m)", 1), "confidence": ("Confidence", 3),
    "boundary": ("Border likelihood", 3), "edge": ("Cut by the edge", None),
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


def dress_parcels(report: dict):
    """Give what styles a parcel layer and notes where it comes from."""

    def clothe(layer) -> None:
        layer.loadNamedStyle(STYLE)
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


def store(algorithm, name: str, parameters: dict, context, feedback, *, path, layer, crs) -> tuple:
    """Copy the engine's layer into the sink that the user chose.

    Args:
        algorithm: whose output it is.
        name: of the output parameter.
        parameters: of the run.
        context: of the run.
        feedback: of the run; where it is cancelled, what was written is removed again.
        path: GeoPackage of the engine.
        layer: its layer.
        crs: of the scene, where the layer has none of its own.

    Returns:
        The destination (None where cancelled or not wanted), features, and area in square metres.
    """
    made = QgsVectorLayer(f"{path}|layername={layer}", layer, "ogr")
    if not made.isValid():
        raise QgsProcessingException(f"the engine's result {path} cannot be read: a bug")
    fields, columns = _columns(made)
    chosen, existed = _keep_other_layers(parameters, name, context, feedback)
    own = made.crs()
    sink, destination = algorithm.parameterAsSink(
        chosen, name, context, fields, made.wkbType(), own if own.isValid() else crs
    )
    if sink is None:
        if parameters.get(name) is None:
            return None, made.featureCount(), 0.0
        raise QgsProcessingException(algorithm.invalidSinkError(chosen, name))
    count, area = _copy(made, sink, fields, columns, feedback)
    del sink
    if feedback.isCanceled():
        _forget(context, destination)
        _remove(destination, existed)
        return None, 0, 0.0
    return destination, count, area


def raster_destination(algorithm, name: str, parameters: dict, context):
    """Give the destination of a raster output, None where it is not wanted."""
    if not parameters.get(name):
        return None
    return algorithm.parameterAsOutputLayer(parameters, name, context) or None


def discard_raster(context, path, *, canceled: bool) -> None:
    """Forget a raster that was not made, and remove what a killed engine left of it.

    After a cancel its work folder goes too; after a failure it stays, since the same run made
    again goes on from there.
    """
    if not path:
        return
    _forget(context, path)
    folder, name = os.path.split(os.path.realpath(path))
    stem, suffix = os.path.splitext(name)
    for left in (f".{stem}.partial{suffix}", f"{name}.geoseg.lock"):
        QFile.remove(os.path.join(folder, left))
    if canceled:
        shutil.rmtree(os.path.join(folder, f".{name}.geoseg-work"), ignore_errors=True)


def destination_text(value, context) -> str:
    """Give the text of an output parameter: a path, a URI, or TEMPORARY_OUTPUT."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value, _ = value.valueAsString(context.expressionContext(), "")
    return "" if value is None else str(value)


def output_to_show(value, context) -> str:
    """Give the output as the command line to copy has it: the user's file, else a usual name."""
    text = destination_text(value, context)
    suffix = os.path.splitext(text)[1].lower()
    return text if suffix in WRITABLE and not text.startswith("ogr:") else "parcels.gpkg"


def _columns(made) -> tuple:
    """Give the fields without the file's own key, and where their values are."""
    fields, columns = QgsFields(), []
    for index, field in enumerate(made.fields()):
        if field.name().lower() != "fid":
            fields.append(field)
            columns.append(index)
    return fields, columns


def _copy(made, sink, fields, columns, feedback) -> tuple:
    total, area = max(1, made.featureCount()), 0.0
    measured = fields.indexOf("area_m2")
    count = 0
    for feature in made.getFeatures():
        if feedback.isCanceled():
            break
        values = feature.attributes()
        new = QgsFeature(fields)
        new.setGeometry(feature.geometry())
        new.setAttributes([values[column] for column in columns])
        if not sink.addFeature(new, QgsFeatureSink.Flag.FastInsert):
            raise QgsProcessingException(f"a parcel could not be written: {sink.lastError()}")
        count += 1
        if measured >= 0:
            area += float(new.attributes()[measured])
        if count % 1000 == 0:
            feedback.setProgressText(f"store parcels: {count} of {total}")
    sink.flushBuffer()
    return count, area


def _keep_other_layers(parameters: dict, name: str, context, feedback) -> tuple:
    """Turn the path of an existing GeoPackage into a new layer in it.

    QGIS itself would replace the whole file, with every layer that is in it.

    Returns:
        The parameters to use, and whether the file was there before.
    """
    value = parameters.get(name)
    text = destination_text(value, context)
    if text.startswith("ogr:"):
        return parameters, True
    if not text.lower().endswith(".gpkg") or not os.path.isfile(text):
        return parameters, False
    layer = _free_name(text)
    feedback.pushWarning(
        f"{text} exists: its layers are kept, and the parcels are added as the layer {layer}"
    )
    quoted = os.path.abspath(text).replace("\\", "/").replace("'", "\\'")
    uri = f"ogr:dbname='{quoted}' table=\"{layer}\" (geom)"
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        renamed = QgsProcessingOutputLayerDefinition(value)
        renamed.sink = QgsProperty.fromValue(uri)
    else:
        renamed = uri
    return {**parameters, name: renamed}, True


def _free_name(path: str) -> str:
    """Give a layer name that the file does not have: parcels, parcels_2, ..."""
    tables = {table.tableName().lower() for table in _connection(path).tables()}
    number, name = 1, "parcels"
    while name in tables:
        number += 1
        name = f"parcels_{number}"
    return name


def _connection(path: str):
    return QgsProviderRegistry.instance().providerMetadata("ogr").createConnection(path, {})


def _forget(context, destination) -> None:
    """Take a layer off the list that QGIS loads at the end."""
    waiting = context.layersToLoadOnCompletion()
    waiting.pop(destination, None)
    context.setLayersToLoadOnCompletion(waiting)


def _remove(destination: str, existed: bool) -> None:
    """Remove an output that a cancel left half written; a memory layer goes by itself."""
    path, _, rest = destination.partition("|")
    if not os.path.isfile(path):
        return
    if existed:
        layer = rest.partition("layername=")[2].partition("|")[0]
        if layer:
            _connection(path).dropVectorTable("", layer)
    elif path.lower().endswith(".shp"):
        QgsVectorFileWriter.deleteShapeFile(path)
    else:
        QFile.remove(path)
