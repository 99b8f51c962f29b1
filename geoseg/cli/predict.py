"""$ geoseg predict"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result


@click.command(short_help="Scene -> probability raster.")
@click.argument("scene", type=click.Path())
@click.argument("mask", type=click.Path())
@options.scene_use
@click.option("--classes", is_flag=True,
              help="One band of classes with colours, for maps: 0 none, 1 parcel, 2 boundary.")
@options.overwrite
@options.restart
@options.dry_run
@options.as_json
@options.progress
def predict(scene: str, mask: str, *, as_json: bool, progress: str, **chosen: Any) -> None:
    """Predict parcel and boundary probabilities of SCENE and write them to MASK, a GeoTIFF.

    Each band holds probability times 254; 255 is no data.
    """
    from geoseg.tools.predict import predict as run

    with reporting(progress) as events:
        made = run(scene, mask, progress=events, **chosen)
    written = "dry run: nothing was written" if chosen["dry_run"] else f"{made.path}"
    text = f"{written} ({made.report['seconds']:.1f} s)"
    result({"path": str(made.path), **made.report}, text, mode=progress, as_json=as_json)
