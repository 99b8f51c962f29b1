"""Turn a label raster into parcels, strip by strip: assemble(simplify(stitch(trace(labels))))."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from geoseg.coverage import Coverage
from geoseg.cpus import usable_cpus
from geoseg.errors import GridError, OptionError
from geoseg.grid import GeoBox
from geoseg.vectorizer import arcs, regions, trace
from geoseg.vectorizer.batch import ParcelBatch, merge, rebatch
from geoseg.vectorizer.border_lines import LineBatch
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.scan import Piece, nothing, scan
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.shaped import StripSource
from geoseg.vectorizer.stream import Stream
from geoseg.vectorizer.threads import workers

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
    waiting: list[ParcelBatch] = []
    with workers(threads) as pool:
        stream = Stream(geobox, options, lines, pool, threads)
        for row, piece in _scanned(labels, geobox, strip, pool):
            stop = min(row + strip, geobox.height)
            given = None if probabilities is None else np.asarray(probabilities.read(row, stop))
            for batch in _take(stream, piece, given):
                whole, waiting = rebatch(waiting, replace(batch, classes=classes), BATCH)
                yield from whole
            if progress is not None:
                progress(stop - row)
    if sum(map(len, waiting)):
        yield merge(waiting, classes)


def _scanned(
    labels: StripSource, geobox: GeoBox, strip: int, pool: Executor | None
) -> Iterator[tuple[int, Piece]]:
    """Scan strip by strip, with a pool one strip ahead; give first rows and what was found.

    A piece is good until the next is asked for.
    """
    rooms, ahead = (Scratch(), Scratch()), None
    for n, row in enumerate(range(0, geobox.height, strip)):
        values = np.asarray(labels.read(row, min(row + strip, geobox.height)))
        if pool is None:
            yield row, scan(values, row, rooms[0])
            continue
        before, ahead = ahead, (row, pool.submit(scan, values, row, rooms[n % 2]))
        if before is not None:
            yield before[0], before[1].result()
    if ahead is not None:
        yield ahead[0], ahead[1].result()


def _take(
    stream: Stream, piece: Piece, probabilities: np.ndarray | None
) -> list[ParcelBatch]:
    """Give the parcels that are finished with the next rows."""
    batches = [stream.push(piece, probabilities, is_last=False)]
    if stream.row == stream.geobox.height:
        last = None if probabilities is None else probabilities[:, -1:]
        batches.append(stream.push(nothing(stream.geobox.width), last, is_last=True))
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
    stream.waits = True
    stream.push(scan(labels, 0, Scratch()), None, is_last=False)
    stream.push(nothing(geobox.width), None, is_last=True)
    lines, first = stream.lines, stream.regions[:, regions.FIRST] + 1
    first[0] = 0
    return Coverage(
        lines.points // trace.UNITS, lines.offsets, first[lines.table[:, arcs.LEFT]],
        first[lines.table[:, arcs.RIGHT]], geobox,
    )
