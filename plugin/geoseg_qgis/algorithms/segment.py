"""Segment parcels: the main tool."""

from __future__ import annotations

import os

from qgis.core import QgsProcessingOutputNumber, QgsProcessingParameterRasterDestination

from .. import parameters as ask
from ..dress import dress, dress_mask
from ..inputs import Inputs, raster_path
from ..outputs import Vectors, discard_raster, raster_destination
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
        for parameter in (*shared[:5], *own, *shared[5:], ask.instances(), ask.trim()):
            self.addParameter(parameter)
        self.addParameter(ask.parcels())
        self.addParameter(ask.lines())
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
        vectors = Vectors(self, parameters, context, folder)
        raster = inputs.raster("INPUT")
        arguments = [
            "vectorize", raster_path(raster), vectors.paths["PARCELS"],
            *inputs.scene_options(raster), *inputs.parcel_options(), *vectors.options(),
            *(["--mask", os.path.abspath(mask), "--overwrite"] if mask else []),
        ]
        replaced = inputs.replaced | vectors.replaced
        made = self.run_engine(arguments, feedback, folder, replaced=replaced)
        results = vectors.store(raster, made, feedback) if made else {}
        if results:
            hectares = results["AREA_M2"] / 10000
            feedback.pushInfo(f"{results['COUNT']} parcels, {hectares:.2f} hectares")
        return results
