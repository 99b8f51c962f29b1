"""The provider: geoseg's algorithms in the Processing Toolbox."""

from __future__ import annotations

import os

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .engine import PLUGIN_VERSION

FOLDER = os.path.dirname(__file__)


class GeosegProvider(QgsProcessingProvider):
    """geoseg in the Processing Toolbox."""

    def id(self):
        """Give the first half of the algorithms' names, such as geoseg:segmentparcels."""
        return "geoseg"

    def name(self):
        """Give the name in the Toolbox."""
        return "geoseg"

    def longName(self):
        """Give the name with the version."""
        return f"geoseg {PLUGIN_VERSION}: land parcels from imagery"

    def versionInfo(self):
        """Give the plugin's version."""
        return PLUGIN_VERSION

    def icon(self):
        """Give the icon."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self):
        """Give the icon's file."""
        return os.path.join(FOLDER, "icon.svg")

    def loadAlgorithms(self):
        """Add the algorithms."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def defaultVectorFileExtension(self, hasGeometry=True):
        """Offer GeoPackage first."""
        return "gpkg"

    def supportedOutputRasterLayerExtensions(self):
        """Offer GeoTIFF only: the engine writes nothing else."""
        return ["tif"]
