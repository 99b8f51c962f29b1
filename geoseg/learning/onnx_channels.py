"""Which *channels* of an ONNX model are parcel and boundary, told by their names.

The bands of all outputs are counted on; k is channel k, and -1 - k is one minus channel k.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geoseg.errors import ModelError

PARCEL = {"parcel", "parcels", "field", "fields", "plot", "plots", "cadastre"}
BOUNDARY = {"boundary", "boundaries", "border", "borders", "edge", "edges", "field_boundaries"}
NOTHING = {"background", "bg", "other", "others", "none", "unlabelled", "unlabeled", "void"}
"""Class names that are understood, in lower case; `not_...`, `no_...` and `non_...` too."""


def pick(names: Sequence[str]) -> tuple[int, ...] | None:
    """Choose parcel and boundary among channels by their names; None where it is not plain."""
    known = [one.lower().replace(" ", "_").replace("-", "_") for one in names]
    parcels = [k for k, one in enumerate(known) if one in PARCEL]
    boundaries = [k for k, one in enumerate(known) if one in BOUNDARY]
    others = [k for k, one in enumerate(known) if k not in boundaries and not _is_nothing(one)]
    if not parcels and len(others) == 1:
        parcels = others
    if len(parcels) > 1 or len(boundaries) > 1 or not parcels + boundaries:
        return None
    if not parcels:
        return -1 - boundaries[0], boundaries[0]
    return parcels[0], boundaries[0] if boundaries else -1 - parcels[0]


def _is_nothing(name: str) -> bool:
    return name in NOTHING or name.startswith(("not_", "no_", "non_"))


def choose_channels(
    path: str | Path, said: Sequence[str], names: Sequence[str] | None = None
) -> tuple[int, ...]:
    """Say which channels are parcel and boundary; a missing one is all that the other is not.

    Args:
        path: for the message.
        said: the file's own names of all channels.
        names: better ones; None takes those of the file.

    Raises:
        ModelError: there are not as many names as channels, or it is not plain which is which.
    """
    if names is not None and len(names) != len(said):
        raise ModelError(
            f"{path} gives {len(said)} channels ({', '.join(said)}), but {len(names)} were named "
            f"({', '.join(names)})"
        )
    channels = pick(names or said)
    if channels is None:
        raise ModelError(
            f"{path} gives {', '.join(names or said)}: which is parcel, which boundary? Name all "
            f"of them in order: geoseg model import {path} NEW.onnx --classes "
            "parcel,boundary,other,..."
        )
    return channels
