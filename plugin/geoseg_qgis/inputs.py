"""Turn QGIS's values into what the command line takes: paths, numbers, files of polygons."""

from __future__ import annotations

import os

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsFields,
    QgsProcessingException,
    QgsVectorFileWriter,
)

from .command import option
from .parameters import MODEL, MODEL_SUFFIXES, is_given


class Inputs:
    """The values of one run, read from QGIS on demand."""

    def __init__(self, algorithm, parameters: dict, context, folder: str) -> None:
        """Take what processAlgorithm got, and a folder for temporary files."""
        self.algorithm, self.parameters, self.context = algorithm, parameters, context
        self.folder = folder
        self.replaced: dict = {}

    def raster(self, name: str):
        """Give a raster layer."""
        layer = self.algorithm.parameterAsRasterLayer(self.parameters, name, self.context)
        if layer is None:
            text = self.algorithm.invalidRasterError(self.parameters, name)
            raise QgsProcessingException(text)
        return layer

    def number(self, name: str):
        """Give a number, or None where it is empty."""
        if not is_given(self.parameters, name):
            return None
        return self.algorithm.parameterAsDouble(self.parameters, name, self.context)

    def whole(self, name: str):
        """Give a whole number, or None where it is empty."""
        if not is_given(self.parameters, name):
            return None
        return self.algorithm.parameterAsInt(self.parameters, name, self.context)

    def text(self, name: str):
        """Give a text, or None where it is empty."""
        value = self.algorithm.parameterAsString(self.parameters, name, self.context)
        return value.strip() or None

    def model(self) -> str:
        """Give the model: a bundled one's name, or the whole path of a file."""
        name = self.text("MODEL") or MODEL
        return os.path.abspath(name) if os.path.isfile(name) else name

    def file(self, name: str) -> list:
        """Give the whole path of a file, or nothing where it is empty."""
        path = self.algorithm.parameterAsFile(self.parameters, name, self.context)
        return [os.path.abspath(path)] if path else []

    def word(self, name: str):
        """Give the chosen word of a list."""
        return self.algorithm.parameterAsEnumString(self.parameters, name, self.context)

    def flag(self, name: str, option_name: str) -> list:
        """Give an option without a value where a box is ticked."""
        ticked = self.algorithm.parameterAsBool(self.parameters, name, self.context)
        return [option_name] if ticked else []

    def bands(self) -> list:
        """Give --bands."""
        if not is_given(self.parameters, "BANDS"):
            return []
        chosen = self.algorithm.parameterAsInts(self.parameters, "BANDS", self.context)
        return option("--bands", list(chosen) or None)

    def extent(self, raster) -> list:
        """Give --extent, in the raster's coordinate system."""
        if not is_given(self.parameters, "EXTENT"):
            return []
        box = self.algorithm.parameterAsExtent(
            self.parameters, "EXTENT", self.context, raster.crs()
        )
        if box.isNull() or box.isEmpty():
            raise QgsProcessingException("the extent is empty; draw it again, or leave it empty")
        corners = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
        return ["--extent=" + option("", corners)[1]]

    def polygons(self, name: str) -> str:
        """Write a layer's polygons (the selected ones only, if so asked) to a file."""
        source = self.algorithm.parameterAsSource(self.parameters, name, self.context)
        if source is None:
            text = self.algorithm.invalidSourceError(self.parameters, name)
            raise QgsProcessingException(text)
        path = os.path.join(self.folder, f"{name.lower()}.gpkg")
        count = write_geometries(source, path, self.context)
        if count == 0:
            label = self.algorithm.parameterDefinition(name).description()
            raise QgsProcessingException(
                f"{label}: {source.sourceName()} has no polygons; choose another layer, or select "
                "polygons in it where only selected features are used"
            )
        self.replaced[path] = f"{source.sourceName()}.gpkg"
        return path

    def scene_options(self, raster) -> list:
        """Give the options of how a scene is read and predicted."""
        memory = self.whole("MEMORY")
        area = self.polygons("AOI") if is_given(self.parameters, "AOI") else None
        return [
            "--model", self.model(),
            *self.bands(),
            *self.extent(raster),
            *option("--aoi", area),
            *option("--device", self.word("DEVICE")),
            *option("--tile", self.whole("TILE")),
            *option("--batch", self.whole("BATCH")),
            *option("--threads", self.whole("THREADS")),
            *option("--memory", None if memory is None else f"{memory}M"),
        ]

    def parcel_options(self) -> list:
        """Give the options of how parcels are made of probabilities."""
        return [
            *option("--threshold", self.number("THRESHOLD")),
            *option("--min-area", self.number("MIN_AREA")),
            *option("--simplify", self.number("SIMPLIFY")),
            *option("--trim", self.number("TRIM")),
            *option("--instances", self.word("INSTANCES")),
        ]


def raster_path(layer) -> str:
    """Give a raster layer's source as GDAL opens it; a relative path is made absolute."""
    source = layer.source().split("|")[0]
    return os.path.abspath(source) if os.path.exists(source) else source


def raster_problem(layer) -> str:
    """Say why the engine cannot read a layer; empty where it can."""
    if layer is None:
        return "the scene cannot be opened"
    if layer.providerType() != "gdal":
        return (
            f"{layer.name()} is no raster file (it comes from {layer.providerType()}); export the "
            "part you need to a GeoTIFF first (right click on the layer, Export, Save As)"
        )
    return ""


def model_problem(model: str) -> str:
    """Say that a model file is not there; a bundled model's name is the engine's to know."""
    is_path = model.lower().endswith(MODEL_SUFFIXES) or "/" in model or os.sep in model
    return f"there is no model file {model}" if is_path and not os.path.isfile(model) else ""


def write_geometries(source, path: str, context) -> int:
    """Write a source's geometries to a GeoPackage; give how many there were."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", "polygons"
    writer = QgsVectorFileWriter.create(
        path, QgsFields(), source.wkbType(), source.sourceCrs(), context.transformContext(),
        options,
    )
    if writer.hasError():
        raise QgsProcessingException(f"{path} cannot be written: {writer.errorMessage()}")
    count = 0
    for feature in source.getFeatures():
        if feature.hasGeometry():
            plain = QgsFeature()
            plain.setGeometry(feature.geometry())
            writer.addFeature(plain, QgsFeatureSink.Flag.FastInsert)
            count += 1
    del writer
    return count
