"""Publish an output: it appears whole and checked under its name, or the old one stays.

The work goes to a *partial* beside the output, on the same file system; only a finished, checked
and synced partial is renamed to the output's name. A *lock* beside it keeps a second run out.
"""

from geoseg.publish.geopackage import settle
from geoseg.publish.output import (
    holding,
    make_folder,
    partial_path,
    publish_bytes,
    publishing,
)

__all__ = ["holding", "make_folder", "partial_path", "publish_bytes", "publishing", "settle"]
