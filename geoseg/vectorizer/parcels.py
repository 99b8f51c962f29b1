"""Turn a label raster into parcels, strip by strip: assemble(simplify(stitch(trace(labels))))."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from geoseg.coverage import Coverage
from geoseg.cpus import usable_cpus
from geoseg.errors import GridError, OptionError
from geoseg.grid import GeoBox
from geoseg.vectorizer import regions, runs, stitch, trace
from geoseg.vectorizer.batch import ParcelBatch, merge, rebatch
from geoseg.vectorizer.border_lines import LineBatch
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.shaped import StripSource
from geoseg.vectorizer.stream import Stream

BATCH = 4096
"""Parcels of a batch."""


def parcels(
    labels: StripSource,
    geobox: GeoBox,
    *,
    options: LineOptions,
    probabilities: StripSource | None = None,
    classes: Mapping[int, str] | None = None,
    strip: int = 1024,
    progress: Callable[[int], None] | None = None,
    lines: Callable[[LineBatch], None] | None = None,
    threads: int | None = None,
) -> Iterator[ParcelBatch]:
    """Draw the regions of a label raster as parcels, in batches, as soon as they are finished.

    The result, batches included, depends neither on the height of the strips nor on the threads.
    Order: by last row, then by first pixel.

    Args:
        labels: integer raster; regions are sets of equal pixels that touch.
        geobox: its grid.
        options: how borders are drawn.
        probabilities: (2, rows, width) uint8 of the same grid, parcel and boundary.
        classes: names of values, given on in each batch.
        strip: rows read at once, at least 1.
        progress: called with the number of rows done since the call before.
        lines: takes the borders of these parcels, each once, as soon as they are finished.
        threads: at least 1; None: one for each CPU that this process may use.

    Raises:
        GridError: labels or probabilities are not of the grid's shape.
        OptionError: strip or threads is below 1.
    """
    for source in (labels, probabilities):
        if source is not None and tuple(source.shape) != geobox.shape:
            raise GridError(f"raster has shape {tuple(source.shape)}, its grid has {geobox.shape}")
    if strip < 1:
        raise OptionError(f"strip is {strip} rows, wanted 1 or more")
    threads = usable_cpus() if threads is None else threads
    if threads < 1:
        raise OptionError(f"threads is {threads}, wanted 1 or more")
    stream = Stream(geobox, options, lines, threads)
    waiting: list[ParcelBatch] = []
    for row in range(0, geobox.height, strip):
        stop = min(row + strip, geobox.height)
        for batch in _take(stream, labels, probabilities, row, stop):
            whole, waiting = rebatch(waiting, replace(batch, classes=classes), BATCH)
            yield from whole
        if progress is not None:
            progress(stop - row)
    if sum(map(len, waiting)):
        yield merge(waiting, classes)


def _take(
    stream: Stream, labels: StripSource, probabilities: StripSource | None, row: int, stop: int
) -> list[ParcelBatch]:
    """Read rows [row, stop); give the parcels that are finished with them."""
    values = runs.encode(np.asarray(labels.read(row, stop)), threads=stream.threads)
    given = None if probabilities is None else np.asarray(probabilities.read(row, stop))
    batches = [stream.push(values, given, is_last=False)]
    if stop == stream.geobox.height:
        given = None if given is None else given[:, -1:]
        batches.append(stream.push(runs.nothing(), given, is_last=True))
    return [batch for batch in batches if batch is not None]


def coverage(labels: np.ndarray, geobox: GeoBox) -> Coverage:
    """Trace a whole raster: all borders between its regions, each once, nothing simplified.

    Args:
        labels: (rows, width) integer.
        geobox: its grid.

    >>> from affine import Affine
    >>> grid = GeoBox(1, 2, Affine.identity(), None)
    >>> coverage(np.array([[5, 6]]), grid).left.tolist()
    [0, 0, 1, 1, 2, 2, 0]
    """
    options = LineOptions(method="none", smooth="none", skip=())
    stream = Stream(geobox, options)
    rows = runs.encode(labels)
    below = replace(rows, offsets=np.append(rows.offsets, rows.offsets[-1]))
    stream.push(below, None, is_last=True)
    lines, first = stream.lines, stream.regions[:, regions.FIRST] + 1
    first[0] = 0
    return Coverage(
        lines.points // trace.UNITS, lines.offsets, first[lines.table[:, stitch.LEFT]],
        first[lines.table[:, stitch.RIGHT]], geobox,
    )
