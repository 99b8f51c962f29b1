"""The plugin: it registers the provider, and nothing else."""

from __future__ import annotations

from qgis.core import QgsApplication

from . import settings
from .provider import GeosegProvider


class GeosegPlugin:
    """What QGIS loads; the same in the window and in qgis_process."""

    def __init__(self, interface=None):
        """Keep nothing: algorithms never touch the window."""
        self.provider = None

    def initProcessing(self):
        """Register the provider; qgis_process calls this alone."""
        settings.add()
        self.provider = GeosegProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        """Register the provider in the window."""
        self.initProcessing()

    def unload(self):
        """Take the provider away."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        settings.remove()
