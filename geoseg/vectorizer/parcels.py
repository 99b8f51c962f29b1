"""Turn a label raster into parcels, strip by strip: assemble(simplify(stitch(trace(labels))))."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from itertools import cycle

import numpy as np

from geoseg.coverage import Coverage
from geoseg.cpus import usable_cpus
from geoseg.errors import GridError, OptionError
from geoseg.grid import GeoBox
from geoseg.vectorizer import arcs, regions, trace
from geoseg.vectorizer.batch import ParcelBatch, merge, rebatch
from geoseg.vectorizer.border_lines import LineBatch
from geoseg.vectorizer.finish import Finished
from geoseg.vectorizer.lines import LineOptions
from geoseg.vectorizer.scan import Piece, nothing, scan
from geoseg.vectorizer.scratch import Scratch
from geoseg.vectorizer.shaped import StripSource
from geoseg.vectorizer.stream import AHEAD, Stream
from geoseg.vectorizer.threads import in_turn, workers

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
        jobs = (partial(_batch, *one) for one in _finished(stream, labels, probabilities, strip))
        for rows, batch in in_turn(jobs, pool, AHEAD):
            if batch is not None:
                whole, waiting = rebatch(waiting, replace(batch, classes=classes), BATCH)
                yield from whole
            if rows and progress is not None:
                progress(rows)
    if sum(map(len, waiting)):
        yield merge(waiting, classes)


def _finished(
    stream: Stream, labels: StripSource, probabilities: StripSource | None, strip: int
) -> Iterator[tuple[int, Finished | None]]:
    """Take strip by strip; give how many rows these were, and the parcels that are finished."""
    height, width = stream.geobox.shape
    for row, piece in _scanned(labels, stream.geobox, strip, stream.pool):
        stop = min(row + strip, height)
        given = None if probabilities is None else np.asarray(probabilities.read(row, stop))
        yield stop - row, stream.push(piece, given, is_last=False)
    last = None if given is None else given[:, -1:]
    yield 0, stream.push(nothing(width), last, is_last=True)


def _batch(rows: int, finished: Finished | None) -> tuple[int, ParcelBatch | None]:
    return rows, None if finished is None else finished.batch()


def _scanned(
    labels: StripSource, geobox: GeoBox, strip: int, pool: Executor | None
) -> Iterator[tuple[int, Piece]]:
    """Scan strip by strip, with a pool some strips ahead; give first rows and what was found.

    A piece is good until the next is asked for.
    """
    rooms = cycle([Scratch() for _ in range(1 if pool is None else AHEAD + 1)])

    def jobs() -> Iterator[Callable[[], tuple[int, Piece]]]:
        for row in range(0, geobox.height, strip):
            values = np.asarray(labels.read(row, min(row + strip, geobox.height)))
            yield partial(_scan, values, row, next(rooms))

    return in_turn(jobs(), pool, AHEAD)


def _scan(values: np.ndarray, row: int, room: Scratch) -> tuple[int, Piece]:
    return row, scan(values, row, room)


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
    stream.waits, stream.at_once = True, False
    stream.push(scan(labels, 0, Scratch()), None, is_last=False)
    stream.push(nothing(geobox.width), None, is_last=True)
    lines, first = stream.lines, stream.regions[:, regions.FIRST] + 1
    first[0] = 0
    return Coverage(
        lines.points // trace.UNITS, lines.offsets, first[lines.table[:, arcs.LEFT]],
        first[lines.table[:, arcs.RIGHT]], geobox,
    )
