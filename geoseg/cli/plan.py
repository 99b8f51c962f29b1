"""$ geoseg plan"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result


@click.command(short_help="Scenes -> shards for many machines.")
@click.argument("scenes", type=click.Path(), nargs=-1, required=True)
@click.option("--out", required=True, metavar="FOLDER|URL",
              help="Where the plan and the shards lie; all machines must see it.")
@options.shard_rows
@options.crs
@options.parcel_use
@options.scene_use
@options.layer
@options.restart
@options.as_json
@options.progress
def plan(scenes: tuple[str, ...], out: str, *, as_json: bool, progress: str, **chosen: Any) -> None:
    """Cut the work on SCENES into shards that any machine can do, in any order.

    A .txt or .csv file lists scenes, one a line, with a date after a comma if it has one. Scenes
    on one pixel grid become one mosaic: the first, or the newest, wins where they overlap.
    """
    from geoseg.tools.plan import plan as run

    with reporting(progress) as events:
        made = run(scenes, out, progress=events, **chosen)
    count = made.report["shards"]
    each = f"{count} shards in {out}: run each with" if count != 1 else f"1 shard in {out}: run"
    which = f"N (0 to {count - 1})" if count != 1 else "0"
    text = f"{each} geoseg run {out} --shard {which}, then geoseg merge {out}"
    result({"path": made.place, **made.report}, text, mode=progress, as_json=as_json)
