"""A map that can be moved and zoomed: parcels by status over a picture, drawn on a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoseg.pages.outlines import Frame, encode_outlines
from geoseg.pages.page import data, data_url, text

SCRIPT = "map.js"
"""What draws it."""


@dataclass(frozen=True, slots=True, eq=False)
class MapLayer:
    """Polygons of one kind, such as true parcels."""

    name: str
    """For people."""
    shapes: NDArray[np.object_]
    """(n,) polygons in the frame's coordinates."""
    status: NDArray[np.int64]
    """(n,) index into `statuses`."""
    statuses: Sequence[tuple[str, str]]
    """Name and color of each status."""
    facts: dict[str, list[Any]] = field(default_factory=dict)
    """Name -> one value per polygon, shown when it is clicked."""
    dashed: bool = False
    """Outlines only, dashed."""


@dataclass(frozen=True, slots=True)
class MapPicture:
    """What lies under the parcels."""

    content: bytes
    """The file."""
    kind: str
    """png or jpeg."""
    frame: Frame
    """Where it lies."""


def map_section(
    layers: Sequence[MapLayer], frame: Frame, *, picture: MapPicture | None = None, note: str = ""
) -> str:
    """Give the map's HTML; the page needs the script `map.js`.

    Args:
        layers: drawn in this order.
        frame: what the map shows at first.
        picture: under the parcels.
        note: plain text under the map.
    """
    height, width = frame.shape
    content = {
        "width": width, "height": height,
        "layers": [
            {
                "name": one.name,
                "statuses": [list(status) for status in one.statuses],
                "status": np.asarray(one.status).tolist(),
                "facts": one.facts,
                "dashed": one.dashed,
                "outlines": encode_outlines(one.shapes, frame),
            }
            for one in layers
        ],
        "picture": None if picture is None else _placed(picture, frame),
    }
    return (
        '<div class="map"><canvas tabindex="0" aria-label="map of parcels; arrows move it, plus '
        'and minus zoom"></canvas><div class="buttons"><button type="button" data-zoom="1.6" '
        'title="zoom in">+</button><button type="button" data-zoom="0.625" title="zoom out">'
        '&minus;</button><button type="button" data-zoom="0" title="show all">&#9633;</button>'
        '</div><div class="chosen" hidden></div></div><div class="legend keys"></div>'
        f'<p class="note">{text(note)}</p>' + data("map", content)
    )


def _placed(picture: MapPicture, frame: Frame) -> dict[str, Any]:
    own = picture.frame
    corners = np.array([(own.xmin, own.ymin), (own.xmax, own.ymax)], np.float64)
    (x0, y0), (x1, y1) = frame.steps(corners).tolist()
    left, top = min(x0, x1), min(y0, y1)
    return {
        "url": data_url(picture.content, picture.kind),
        "x": left, "y": top, "width": abs(x1 - x0), "height": abs(y1 - y0),
    }
