"""Choose the scene's bands that a model wants, and say what was chosen."""

from __future__ import annotations

import logging

from geoseg.errors import OptionError
from geoseg.raster.scene import Scene

log = logging.getLogger(__name__)

_VISIBLE = {"red", "green", "blue"}


def choose_bands(
    scene: Scene, wanted: tuple[str, ...], given: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Find the band of the scene for each band of the model.

    Bands go by their name (colour interpretation or description) where all are named; else the
    first ones are taken in order. A scene with too few bands is shown in grey to a model of
    visible light.

    Args:
        scene: the opened scene.
        wanted: the model's bands by common name, in order.
        given: band numbers from 1 that the user chose; None to choose here.

    Returns:
        One band number per wanted band.

    Raises:
        OptionError: the given bands do not exist or are not as many as the model wants, or the
            scene has too few.
    """
    names = ", ".join(wanted)
    has = f"{scene.path} has {scene.count} band{'s' * (scene.count != 1)} ("
    has += f"{', '.join(scene.band_names)}), the model wants {len(wanted)} ({names})"
    if given is not None:
        if len(given) != len(wanted) or not all(1 <= band <= scene.count for band in given):
            raise OptionError(f"{has}; --bands was {','.join(map(str, given))}")
        return given
    by_name = [scene.band_names.index(name) + 1 for name in wanted if name in scene.band_names]
    if len(by_name) == len(wanted):
        return tuple(by_name)
    free = scene.data_bands
    if len(free) >= len(wanted):
        first = free[: len(wanted)]
        log.warning("%s; bands %s are taken for them, change with --bands", has,
                    ", ".join(map(str, first)))
        return first
    if set(wanted) <= _VISIBLE and free:
        log.warning("%s; band %d is taken for all of them, as grey", has, free[0])
        return free[:1] * len(wanted)
    raise OptionError(f"{has}; choose them with --bands")
