"""Parcels from mask: probability, class or label raster -> polygons."""

from __future__ import annotations

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingParameterBand,
    QgsProcessingParameterRasterLayer,
)

from .. import parameters as ask
from ..command import option
from ..inputs import Inputs, raster_path, raster_problem
from ..outputs import Vectors
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
        self.addParameter(ask.trim())
        self.addParameter(ask.parcels())
        self.addParameter(ask.lines())
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of polygons"))

    def problem(self, parameters, context) -> str:
        """Look at the raster."""
        return raster_problem(self.parameterAsRasterLayer(parameters, "INPUT", context))

    def processAlgorithm(self, parameters, context, feedback):
        """Run the engine, and store what it made."""
        with work_folder() as folder:
            inputs = Inputs(self, parameters, context, folder)
            raster = inputs.raster("INPUT")
            vectors = Vectors(self, parameters, context, folder)
            arguments = [
                "polygonize", raster_path(raster), vectors.paths["PARCELS"],
                *inputs.parcel_options(), *vectors.options(),
                *option("--band", inputs.whole("BAND")),
                *option("--connectivity", inputs.word("CONNECTIVITY")),
            ]
            made = self.run_engine(arguments, feedback, folder, replaced=vectors.replaced)
            results = vectors.store(raster, made, feedback) if made else {}
        if results:
            results.pop("AREA_M2")
            feedback.pushInfo(f"{results['COUNT']} polygons")
        return results
