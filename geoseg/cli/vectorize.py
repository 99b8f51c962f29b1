"""$ geoseg vectorize"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result


@click.command(short_help="Scene -> parcels: the main job.")
@click.argument("scene", type=click.Path())
@click.argument("out", type=click.Path())
@options.parcel_use
@options.scene_use
@options.layer
@click.option("--mask", type=click.Path(), metavar="FILE", help="Keep the probability raster here.")
@options.lines
@options.lines_layer
@click.option("--report", type=click.Path(), metavar="FILE",
              help="Write a web page: parcels over the scene, charts, what was done.")
@click.option("--preview", type=click.Path(), metavar="FILE",
              help="Write a PNG of the scene with the parcels over it.")
@options.overwrite
@options.restart
@options.dry_run
@options.as_json
@options.progress
def vectorize(scene: str, out: str, *, as_json: bool, progress: str, **chosen: Any) -> None:
    """Find the land parcels of SCENE and write them to OUT as polygons that fit together.

    OUT is a GeoPackage (.gpkg), GeoParquet (.parquet), FlatGeobuf (.fgb), GeoJSON or Shapefile,
    in the scene's CRS. Distances and areas are in metres on the ground.
    """
    from geoseg.tools.vectorize import vectorize as run

    with reporting(progress) as events:
        made = run(scene, out, progress=events, **chosen)
    values = {"path": str(made.path), "layer": made.layer, "parcels": made.count, **made.report}
    if chosen["dry_run"]:
        text = "dry run: nothing was written"
    else:
        text = f"{made.count} parcels in {made.report['seconds']:.1f} s -> {made.path}"
    result(values, text, mode=progress, as_json=as_json)
