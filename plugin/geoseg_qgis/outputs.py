"""Put the engine's results where the user wants them: any sink, and nothing half written."""

from __future__ import annotations

import os
import shutil

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QFile

from .command import option
from .dress import dress, dress_vectors
from .parameters import is_given

WRITABLE = (".gpkg", ".parquet", ".fgb", ".geojson", ".shp")
"""What the engine itself writes."""
KINDS = {"PARCELS": "parcels", "LINES": "lines"}
"""Vector outputs, and the engine's name for each."""


class Vectors:
    """Parcels, and their borders where they are wanted: made in a folder, then stored."""

    def __init__(self, algorithm, parameters: dict, context, folder: str) -> None:
        """Take what processAlgorithm got, and a folder for the engine."""
        self.algorithm, self.parameters, self.context = algorithm, parameters, context
        self.paths = {
            name: os.path.join(folder, f"{kind}.gpkg") for name, kind in KINDS.items()
            if name == "PARCELS" or _is_wanted(parameters, name, context)
        }
        self.replaced = {
            path: output_to_show(parameters.get(name), context, KINDS[name])
            for name, path in self.paths.items()
        }

    def options(self) -> list:
        """Give --lines, if borders are wanted."""
        return option("--lines", self.paths.get("LINES"))

    def store(self, raster, report: dict, feedback) -> dict:
        """Copy what the engine made into the sinks; empty, and nothing there, where cancelled.

        Args:
            raster: of which they were made.
            report: the engine's.
            feedback: of the run.

        Returns:
            Destinations by the name of the output, with COUNT and AREA_M2 of the parcels.
        """
        results, sinks = {}, []
        try:
            for name, path in self.paths.items():
                layer = QgsVectorLayer(f"{path}|layername={KINDS[name]}", name, "ogr")
                sinks.append(Sink(self, name, layer, raster.crs(), feedback))
                count, area = sinks[-1].fill(layer, feedback)
                results[name] = sinks[-1].destination
                if name == "PARCELS":
                    results.update(COUNT=count, AREA_M2=area)
        except BaseException:
            self._forget(sinks)
            raise
        if feedback.isCanceled():
            self._forget(sinks)
            return {}
        for name in self.paths:
            title = f"{'Parcels' if name == 'PARCELS' else 'Borders'} of {raster.name()}"
            dress(self.context, results[name], title, dress_vectors(KINDS[name], report))
        return results

    def _forget(self, sinks: list) -> None:
        for one in reversed(sinks):
            one.close()
            _forget(self.context, one.destination)
            _remove(one.destination, one.existed)


class Sink:
    """Where the user wants a layer."""

    def __init__(self, vectors: Vectors, name: str, layer, crs, feedback) -> None:
        """Open it; `crs` counts where the layer has none of its own."""
        if not layer.isValid():
            raise QgsProcessingException(f"the engine's {KINDS[name]} cannot be read: a bug")
        algorithm, context = vectors.algorithm, vectors.context
        self.fields, self.columns = _columns(layer)
        chosen, self.existed = _keep_other_layers(vectors.parameters, name, context, feedback)
        own = layer.crs()
        self.sink, self.destination = algorithm.parameterAsSink(
            chosen, name, context, self.fields, layer.wkbType(), own if own.isValid() else crs
        )
        if self.sink is None:
            raise QgsProcessingException(algorithm.invalidSinkError(chosen, name))

    def fill(self, layer, feedback) -> tuple:
        """Copy a layer; give how many features there were, and their area in square metres."""
        total, area, count = max(1, layer.featureCount()), 0.0, 0
        measured = self.fields.indexOf("area_m2")
        for feature in layer.getFeatures():
            if feedback.isCanceled():
                break
            values = feature.attributes()
            new = QgsFeature(self.fields)
            new.setGeometry(feature.geometry())
            new.setAttributes([values[column] for column in self.columns])
            if not self.sink.addFeature(new, QgsFeatureSink.Flag.FastInsert):
                error = self.sink.lastError()
                raise QgsProcessingException(f"{self.destination} cannot be written: {error}")
            count += 1
            if measured >= 0:
                area += float(new.attributes()[measured])
            if count % 1000 == 0:
                feedback.setProgressText(f"store {layer.name().lower()}: {count} of {total}")
        self.sink.flushBuffer()
        self.close()
        return count, area

    def close(self) -> None:
        """Close it: what is written is in the file."""
        self.sink = None


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


def _is_wanted(parameters: dict, name: str, context) -> bool:
    """Say whether an output has a destination; in a batch an empty one is a definition too."""
    return is_given(parameters, name) and bool(destination_text(parameters[name], context))


def output_to_show(value, context, kind: str) -> str:
    """Give the output as the command line to copy has it: the user's file, else a usual name."""
    text = destination_text(value, context)
    suffix = os.path.splitext(text)[1].lower()
    return text if suffix in WRITABLE and not text.startswith("ogr:") else f"{kind}.gpkg"


def _columns(made) -> tuple:
    """Give the fields without the file's own key, and where their values are."""
    fields, columns = QgsFields(), []
    for index, field in enumerate(made.fields()):
        if field.name().lower() != "fid":
            fields.append(field)
            columns.append(index)
    return fields, columns


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
    layer = _free_name(text, KINDS[name])
    feedback.pushWarning(
        f"{text} exists: its layers are kept, and the {KINDS[name]} are added as the layer {layer}"
    )
    quoted = os.path.abspath(text).replace("\\", "/").replace("'", "\\'")
    uri = f"ogr:dbname='{quoted}' table=\"{layer}\" (geom)"
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        renamed = QgsProcessingOutputLayerDefinition(value)
        renamed.sink = QgsProperty.fromValue(uri)
    else:
        renamed = uri
    return {**parameters, name: renamed}, True


def _free_name(path: str, kind: str) -> str:
    """Give a layer name that the file does not have: parcels, parcels_2, ..."""
    tables = {table.tableName().lower() for table in _connection(path).tables()}
    number, name = 1, kind
    while name in tables:
        number += 1
        name = f"{kind}_{number}"
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
