"""Parcels from mask: probability, class or label raster -> polygons."""

from __future__ import annotations

import os

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBand,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterLayer,
)

from .. import parameters as ask
from ..command import option
from ..inputs import Inputs, raster_path, raster_problem
from ..outputs import dress, dress_parcels, output_to_show, store
from .base import EngineAlgorithm, work_folder


class PolygonizeMask(EngineAlgorithm):
    """raster -> polygons."""

    NAME, TITLE = "polygonizemask", "Parcels from mask"
    PROMISE = "Makes polygons of a mask that share identical borders."
    ABOUT = (
        "Of a probability raster (Predict mask) it makes parcels, as Segment parcels does. Of any "
        "other raster of whole numbers every region of equal values becomes a polygon: none is "
        "dropped, no hole is filled; the thresholds and the minimum area do not count then."
    )
    TAGS = ("polygonize", "vectorize", "raster to vector", "topology")
    STAGES = ("find parcels", "draw parcels")

    def initAlgorithm(self, configuration=None):
        """Declare the parameters."""
        self.addParameter(ask.explained(
            QgsProcessingParameterRasterLayer("INPUT", "Mask"),
            "A probability raster of Predict mask, or a raster of classes or parcel numbers.",
        ))
        for parameter in (ask.threshold(), ask.min_area(), ask.simplify()):
            self.addParameter(parameter)
        self.addParameter(ask.advanced(ask.explained(
            QgsProcessingParameterBand("BAND", "Band of a class raster", 1, "INPUT"),
            "Used for rasters of classes or parcel numbers only.",
        )))
        self.addParameter(ask.advanced(ask.choice(
            "CONNECTIVITY", "Connectivity of a class raster",
            "8 joins pixels that touch at a corner.", ("4", "8"),
        )))
        self.addParameter(ask.instances())
        self.addParameter(ask.explained(
            QgsProcessingParameterFeatureSink(
                "PARCELS", "Parcels", QgsProcessing.SourceType.TypeVectorPolygon
            ),
            "A temporary layer, a file, or a layer of a database. Other layers of an existing "
            "GeoPackage are kept.",
        ))
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of polygons"))

    def checkParameterValues(self, parameters, context):
        """Refuse what the engine would refuse, before it starts."""
        good, text = super().checkParameterValues(parameters, context)
        if good:
            text = raster_problem(self.parameterAsRasterLayer(parameters, "INPUT", context))
        return good and not text, text

    def processAlgorithm(self, parameters, context, feedback):
        """Run the engine, and store what it made."""
        with work_folder() as folder:
            inputs = Inputs(self, parameters, context, folder)
            raster = inputs.raster("INPUT")
            path = os.path.join(folder, "parcels.gpkg")
            inputs.replaced[path] = output_to_show(parameters.get("PARCELS"), context)
            arguments = [
                "polygonize", raster_path(raster), path, *inputs.parcel_options(),
                *option("--band", inputs.whole("BAND")),
                *option("--connectivity", inputs.word("CONNECTIVITY")),
            ]
            made = self.run_engine(arguments, feedback, folder, replaced=inputs.replaced)
            if not made:
                return {}
            destination, count, _ = store(
                self, "PARCELS", parameters, context, feedback,
                path=path, layer="parcels", crs=raster.crs(),
            )
        if feedback.isCanceled():
            return {}
        feedback.pushInfo(f"{count} polygons")
        dress(context, destination, f"Parcels of {raster.name()}", dress_parcels(made))
        return {"PARCELS": destination, "COUNT": count}
