"""The QGIS plugin of geoseg: land parcels from imagery, as Processing algorithms.

Standard library and qgis only. The engine is geoseg in a Python of its own, run as a process.
"""


def classFactory(interface):
    """Give QGIS the plugin; `interface` is None in qgis_process."""
    from .plugin import GeosegPlugin

    return GeosegPlugin(interface)
