"""Segment parcels: the main tool."""

from __future__ import annotations

import os

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
)

from .. import parameters as ask
from ..inputs import Inputs, raster_path
from ..outputs import (
    discard_raster,
    dress,
    dress_mask,
    dress_parcels,
    output_to_show,
    raster_destination,
    store,
)
from .base import work_folder
from .scene import SceneAlgorithm


class SegmentParcels(SceneAlgorithm):
    """scene -> parcels."""

    NAME, TITLE = "segmentparcels", "Segment parcels"
    PROMISE = "Finds the land parcels in an image and draws them as polygons that fit together."
    ABOUT = (
        "Neighbouring parcels share one border: no gaps, no overlaps. Each parcel has its area "
        "and perimeter on the ground, and how sure the model is of it. The engine runs outside "
        "QGIS; the log shows the same command for a terminal."
    )
    TAGS = ("field boundaries", "polygons", "u-net", "extract", "vectorize", "delineate")
    STAGES = ("predict", "find parcels", "draw parcels")

    def initAlgorithm(self, configuration=None):
        """Declare the parameters."""
        shared = ask.scene_parameters()
        own = (ask.threshold(), ask.min_area(), ask.simplify())
        for parameter in (*shared[:5], *own, *shared[5:], ask.instances()):
            self.addParameter(parameter)
        self.addParameter(ask.explained(
            QgsProcessingParameterFeatureSink(
                "PARCELS", "Parcels", QgsProcessing.SourceType.TypeVectorPolygon
            ),
            "A temporary layer, a file, or a layer of a database. Other layers of an existing "
            "GeoPackage are kept.",
        ))
        self.addParameter(ask.explained(
            QgsProcessingParameterRasterDestination(
                "MASK", "Parcel and boundary probabilities", None, True, False
            ),
            "Keep the network's answer too: a GeoTIFF with the probabilities of parcel and "
            "boundary, times 254; 255 is no data. Parcels from mask makes parcels of it again "
            "with other thresholds, in a fraction of the time.",
        ))
        self.addOutput(QgsProcessingOutputNumber("COUNT", "Number of parcels"))
        self.addOutput(QgsProcessingOutputNumber("AREA_M2", "Area of all parcels in square metres"))

    def processAlgorithm(self, parameters, context, feedback):
        """Run the engine, and store what it made."""
        mask = raster_destination(self, "MASK", parameters, context)
        result: dict = {}
        try:
            with work_folder() as folder:
                result = self._segment(parameters, context, feedback, folder, mask)
        finally:
            if not result:
                discard_raster(context, mask, canceled=feedback.isCanceled())
        if result and mask:
            dress(context, mask, "Parcel and boundary probabilities", dress_mask)
            result["MASK"] = mask
        return result

    def _segment(self, parameters, context, feedback, folder, mask) -> dict:
        inputs = Inputs(self, parameters, context, folder)
        raster = inputs.raster("INPUT")
        path = os.path.join(folder, "parcels.gpkg")
        inputs.replaced[path] = output_to_show(parameters.get("PARCELS"), context)
        arguments = [
            "vectorize", raster_path(raster), path,
            *inputs.scene_options(raster), *inputs.parcel_options(),
            *(["--mask", os.path.abspath(mask), "--overwrite"] if mask else []),
        ]
        made = self.run_engine(arguments, feedback, folder, replaced=inputs.replaced)
        if not made:
            return {}
        destination, count, area = store(
            self, "PARCELS", parameters, context, feedback,
            path=path, layer="parcels", crs=raster.crs(),
        )
        if feedback.isCanceled():
            return {}
        feedback.pushInfo(f"{count} parcels, {area / 10000:.2f} hectares")
        dress(context, destination, f"Parcels of {raster.name()}", dress_parcels(made))
        return {"PARCELS": destination, "COUNT": count, "AREA_M2": area}
