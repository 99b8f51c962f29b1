"""Turn probabilities into parcel labels, in strips and with the same result at any strip height.

Three steps: every pixel falls into a *basin* of the relief; the basins' borders are measured; the
basins are merged over their borders. Only the last needs to see far, and it sees no pixels.
Borders are given back: each of their pixels falls to one side, so neighbours share an edge.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from geoseg.errors import OptionError
from geoseg.memory import return_freed_memory
from geoseg.vectorizer.gather import Basins, Gathered
from geoseg.vectorizer.label_options import LabelOptions
from geoseg.vectorizer.label_raster import LabelRaster
from geoseg.vectorizer.merging import Merging, touching
from geoseg.vectorizer.part import Part, part_of
from geoseg.vectorizer.shaped import StripSource, read_strip

log = logging.getLogger(__name__)

MAX_STRIP = 1 << 31
"""Pixels of a strip: its pointers are int32."""


def label(
    source: StripSource,
    *,
    options: LabelOptions = LabelOptions(),
    scratch: Path | None = None,
    strip: int = 1024,
    progress: Callable[[int], None] | None = None,
) -> LabelRaster:
    """Label the parcels of a probability raster.

    Memory is O(width x (strip + 2 x distance cap)), and four bytes for each basin; the result does
    not depend on the strip height.

    Args:
        source: strip source of (bands, rows, width) uint8 stored probabilities: parcel and
            boundary, or boundary alone (then all that is no border is parcel).
        options: thresholds.
        scratch: folder for the scratch file; None is the system's.
        strip: rows at a time.
        progress: called with the number of rows done since the call before.

    Returns:
        The labels.

    Raises:
        OptionError: the strip height is not positive.
        RasterError: the source does not hold one or two bands of uint8.
        OutputError: the scratch folder is full.
    """
    merging = Merging(options, scratch)
    raster = _cut(source, options, merging.add, scratch, strip, progress)
    final, count = merging.finish()
    raster.finish(final, count)
    log.debug("%d basins became %d parcels", len(final) - 1, count)
    return raster


def cut(
    source: StripSource, *, options: LabelOptions, strip: int = 1024
) -> tuple[LabelRaster, Basins]:
    """Cut a probability raster into basins; arguments and errors as in `label`.

    Returns:
        The raster, which is to be finished with what `merge` gives, and the basins.
    """
    gathered = Gathered()
    raster = _cut(source, options, gathered.add, None, strip, None)
    return raster, gathered.join(touching=touching(options))


def _cut(
    source: StripSource, options: LabelOptions, add: Callable[[Part], int], scratch: Path | None,
    strip: int, progress: Callable[[int], None] | None,
) -> LabelRaster:
    """Give a raster of the names of basins, which `add` says for every strip."""
    if strip < 1:
        raise OptionError(f"strip is {strip} rows, must be 1 or more")
    strip = min(strip, MAX_STRIP // source.shape[1] - 2)
    return_freed_memory()
    raster = LabelRaster(source.shape, scratch)
    for row in range(0, source.shape[0], strip):
        stop = min(row + strip, source.shape[0])
        part = part_of(read_strip(source, row, stop, options))
        raster.append(part.labels, add(part))
        if progress is not None:
            progress(stop - row)
    return_freed_memory()
    return raster
