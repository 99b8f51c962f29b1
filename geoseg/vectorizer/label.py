"""Turn probabilities into parcel labels, in strips and with the same result at any strip height.

Three steps: every pixel falls into a *basin* of the relief; the basins' borders are measured; the
basins are merged over their borders. Only the last needs the whole scene, and sees no pixels.
Borders are given back: each of their pixels falls to one side, so neighbours share an edge.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from geoseg.errors import OptionError
from geoseg.memory import return_freed_memory
from geoseg.spec import PROBABILITY_SCALE
from geoseg.vectorizer import agglomerate, basins, region_graph
from geoseg.vectorizer.gather import Basins, Gathered, part_of
from geoseg.vectorizer.label_options import LabelOptions, levels
from geoseg.vectorizer.label_raster import LabelRaster
from geoseg.vectorizer.shaped import StripSource, read_strip

log = logging.getLogger(__name__)

MAX_STRIP = 1 << 31
"""Pixels of a strip: its pointers are int32."""
FULL_AREA = 5
"""Pieces below this many minimum areas need less to be merged with a parcel beside them."""


def label(
    source: StripSource,
    *,
    options: LabelOptions = LabelOptions(),
    scratch: Path | None = None,
    strip: int = 1024,
    progress: Callable[[int], None] | None = None,
) -> LabelRaster:
    """Label the parcels of a probability raster.

    Memory is O(width x (strip + 2 x distance cap) + basins), never O(scene); the result does not
    depend on the strip height.

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
    raster, *found = cut(
        source, options=options, scratch=scratch, strip=strip, progress=progress
    )
    final, count = merge(found.pop(), options)  # which alone holds the basins then
    raster.finish(final, count)
    log.debug("%d basins became %d parcels", len(final) - 1, count)
    return raster


def cut(
    source: StripSource,
    *,
    options: LabelOptions,
    scratch: Path | None = None,
    strip: int = 1024,
    progress: Callable[[int], None] | None = None,
) -> tuple[LabelRaster, Basins]:
    """Cut a probability raster into basins; arguments and errors as in `label`.

    Returns:
        The raster, which is to be finished with what `merge` gives, and the basins.
    """
    if strip < 1:
        raise OptionError(f"strip is {strip} rows, must be 1 or more")
    strip = min(strip, MAX_STRIP // source.shape[1] - 2)
    return_freed_memory()
    raster = LabelRaster(source.shape, scratch)
    gathered = Gathered()
    for row in range(0, source.shape[0], strip):
        stop = min(row + strip, source.shape[0])
        part = part_of(read_strip(source, row, stop, options))
        raster.append(part.labels, gathered.add(part))
        if progress is not None:
            progress(stop - row)
    return_freed_memory()
    return raster, gathered.join()


def merge(found: Basins, options: LabelOptions) -> tuple[np.ndarray, int]:
    """Merge the basins; give the label of each basin name, and the number of parcels."""
    numbers, borders = found.numbers, found.borders
    background = basins.is_background(found.statistics)
    nodes, areas = region_graph.regions(found.statistics, background)
    sums = found.statistics[:, basins.PARCEL_SUM].copy() if options.confidence > 0 else None
    del found, background  # each step takes memory, so what it replaces goes first
    edges = region_graph.edges(borders)
    del borders
    return_freed_memory()
    _run(region_graph.linked(nodes, areas, edges), options)
    del edges
    if sums is not None:
        agglomerate.leave_out(nodes, areas, sums, options.confidence * PROBABILITY_SCALE)
    del areas, sums
    labels, count = agglomerate.final_labels(nodes)
    return labels[numbers], count


def _run(graph: region_graph.Graph, options: LabelOptions) -> None:
    """Merge, fill holes, then give small parcels away."""
    scale = PROBABILITY_SCALE << agglomerate.MEAN_SHIFT
    rule = agglomerate.Rule(
        limit=round(options.merge * scale) if options.method == "basins" else 1,
        touching=levels(options)[1] if options.method == "components" else 0,
        narrow=round(options.neck * scale),
        full_area=round(FULL_AREA * options.min_area_pixels),
    )
    agglomerate.merge_regions(graph, rule)
    agglomerate.give_away(graph, math.floor(options.max_hole_pixels) + 1, 1)
    agglomerate.give_away(graph, math.ceil(options.min_area_pixels), 0)
