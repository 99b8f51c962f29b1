"""Prepare a scene for a model: bands, resolution, range of values, area of interest."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoseg.errors import CRSError
from geoseg.ground import metres_per_pixel
from geoseg.learning.bundled import bundled_models
from geoseg.learning.checkpoint import read_spec
from geoseg.raster import (
    Clipped, Resampled, Scene, choose_bands, open_scene, percentiles, window_of_extent,
)
from geoseg.spec import ModelSpec

log = logging.getLogger(__name__)

MAX_FINER = 4
"""Where even this does not reach the model's range, the scene is read as it is: parcels of a size
that the model knows are smaller than its pixels."""
SLACK = 0.02
"""A scene this little out of the model's range is in it: 5.002 m is 5 m."""
STRETCH = (0.16, 0.82)
"""Where the 2nd and 98th percentile of training imagery lie between a band's low and high."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scene as a model wants it."""

    pixels: Resampled | Clipped
    """What the engine reads."""
    bands: tuple[int, ...]
    """Band numbers of the scene, in the model's order."""
    low: NDArray[np.float64]
    """(bands,) raw value that becomes 0."""
    high: NDArray[np.float64]
    """(bands,) raw value that becomes 1."""


@contextmanager
def prepared_scene(
    paths: Sequence[str],
    spec: ModelSpec,
    *,
    bands: tuple[int, ...] | None = None,
    extent: tuple[float, float, float, float] | None = None,
    aoi: str | None = None,
    stretch: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Iterator[Prepared]:
    """Open a scene on the model's grid; several scenes of one grid are one.

    Args:
        paths: of the scenes; where they overlap, the first that has data wins.
        spec: the model.
        bands: numbers of the scene's bands, in the model's order.
        extent: (xmin, ymin, xmax, ymax) in the scene's CRS.
        aoi: vector file of the area to use.
        stretch: low and high value of each band where they are known; None to find them.

    Raises:
        RasterError, CRSError, GridError, OptionError, VectorError: see their messages.
    """
    with open_scene(paths) as scene:
        if extent is not None:
            scene.crop(window_of_extent(scene.geobox, extent))
        if scene.geobox.crs is None:
            log.warning(
                "%s has no CRS: the parcels get none, and distances are in pixels or in the "
                "units of its transform", scene.path,
            )
        chosen = choose_bands(scene, tuple(band.name for band in spec.bands), bands)
        finer, coarser = resampling(scene, spec)
        pixels: Resampled | Clipped = Resampled(scene, chosen, finer, coarser)
        if aoi is not None:
            from geoseg.vector import read_geometries  # needs memory that few scenes want

            pixels = Clipped(pixels, tuple(read_geometries(aoi, crs=scene.geobox.crs)))
        low, high = map(np.asarray, stretch or _range(scene, spec, chosen))
        yield Prepared(pixels, chosen, low, high)


def resampling(scene: Scene, spec: ModelSpec) -> tuple[int, int]:
    """Choose whole factors (finer, coarser) that bring the scene into the model's range.

    Raises:
        CRSError: the scene is so fine that one pixel of the model would hold all of it.
    """
    ground = metres_per_pixel(scene.geobox)
    if ground is None:
        return 1, 1
    metres = math.sqrt(ground[0] * ground[1])
    finest, coarsest = spec.resolution[0] * (1 - SLACK), spec.resolution[1] * (1 + SLACK)
    if metres < finest:
        coarser = math.ceil(finest / metres)
        if coarser > min(scene.geobox.shape):
            raise CRSError(
                f"{scene.path} has pixels of {metres:.3g} m and spans "
                f"{metres * min(scene.geobox.shape):.3g} m: nothing of the size of a parcel fits; "
                "check its CRS and transform"
            )
        log.warning(
            "the scene's pixels are %.3g m, the model wants %s: read %d times coarser",
            metres, spec.metres, coarser,
        )
        return 1, coarser
    if metres > coarsest * MAX_FINER:
        log.warning(
            "the scene's pixels are %.3g m, the model wants %s: expect poor parcels%s",
            metres, spec.metres, _advice(spec, metres),
        )
    elif metres > coarsest:
        finer = math.ceil(metres / coarsest)
        log.warning(
            "the scene's pixels are %.3g m, the model wants %s: read %d times finer%s",
            metres, spec.metres, finer, _advice(spec, metres),
        )
        return finer, 1
    return 1, 1


def _advice(spec: ModelSpec, metres: float) -> str:
    """Name a bundled model that reads coarser pixels than this bundled one, if it reads these."""
    bundled = [read_spec(path) for path in bundled_models()]
    if spec.name not in [one.name for one in bundled]:
        return ""  # a model of one's own was chosen for this imagery
    for one in bundled:
        coarsest = one.resolution[1]
        if coarsest > spec.resolution[1] and metres <= coarsest * (1 + SLACK) * MAX_FINER:
            return f"; better take --model {one.name}"
    return ""


def _range(
    scene: Scene, spec: ModelSpec, bands: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give raw values for 0 and 1: the model's where the dtype is its own, else the scene's."""
    low = np.array([band.low for band in spec.bands])
    high = np.array([band.high for band in spec.bands])
    if scene.dtype == spec.dtype:
        return low, high
    first, last = percentiles(scene, bands)
    unit = (last - first) / (STRETCH[1] - STRETCH[0])
    low = first - STRETCH[0] * unit
    log.info("the scene is %s, the model %s: values %s to %s are stretched to its range",
             scene.dtype, spec.dtype, np.round(first, 4).tolist(), np.round(last, 4).tolist())
    return low, low + unit
