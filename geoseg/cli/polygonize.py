"""$ geoseg polygonize"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import made_line, reporting, result


@click.command(short_help="Probability, class or label raster -> polygons.")
@click.argument("paths", type=click.Path(), nargs=-1, required=True, metavar="[MASK] OUT")
@click.option(
    "--simplify", type=click.FloatRange(0), metavar="METRES",
    help="Tolerance on the ground.  [default: 0; one pixel for probabilities]",
)
@click.option("--band", type=click.IntRange(1),
              help="Band of a class or label raster.")
@click.option("--field", default="value", show_default=True, help="Attribute for the value.")
@click.option("--nodata", type=int, help="Value that makes no polygon.  [default: the raster's]")
@click.option("--connectivity", type=click.Choice(["4", "8"]), default="4", show_default=True,
              help="8 joins pixels that touch at a corner.")
@options.threshold
@options.min_area
@options.min_confidence
@options.simplify_by
@click.option(
    "--trim", type=click.FloatRange(0), metavar="METRES",
    help="Cut off what hangs on a parcel by a narrower foot.  [default: 0; 4 pixels for "
    "probabilities]",
)
@options.shape
@options.instances
@options.lines
@options.lines_layer
@click.option("--parcels", type=click.Path(), metavar="FILE",
              help="Without MASK: old parcels, whose numbers and attributes are kept.")
@click.option("--snap", type=click.FloatRange(0), default=1.0, show_default=True,
              metavar="METRES", help="Without MASK: loose ends this near a line are led to it.")
@options.tile
@options.threads
@options.layer
@options.overwrite
@options.restart
@options.as_json
@options.progress
def polygonize(
    paths: tuple[str, ...], *, connectivity: str, as_json: bool, progress: str, **chosen: Any
) -> None:
    """Make polygons of MASK that share identical borders, and write them to OUT.

    A probability raster of `geoseg predict` becomes parcels. Of any other raster of integers
    every region of equal values becomes a polygon: none is dropped, no hole is filled.

    Without MASK the lines that --lines names, corrected by hand, become parcels again.
    """
    if len(paths) > 2:
        raise click.UsageError(f"wanted MASK and OUT, got {len(paths)} paths")
    mask, out = paths if len(paths) == 2 else (None, paths[0])
    from geoseg.tools.polygonize import polygonize as run

    with reporting(progress) as events:
        made = run(mask, out, connectivity=int(connectivity), progress=events, **chosen)
    values = {"path": str(made.path), "layer": made.layer, "parcels": made.count, **made.report}
    result(values, made_line(made.count, "polygons", made), mode=progress, as_json=as_json)
