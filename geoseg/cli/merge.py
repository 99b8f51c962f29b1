"""$ geoseg merge"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import made_line, reporting, result


@click.command(short_help="All shards of a plan -> parcels.")
@click.argument("plan", type=click.Path(), metavar="PLAN")
@click.option("--output", "out", type=click.Path(), metavar="FILE",
              help="Vector file to write.  [default: parcels.gpkg in PLAN]")
@options.overwrite
@options.as_json
@options.progress
def merge(plan: str, *, as_json: bool, progress: str, **chosen: Any) -> None:
    """Join the shards of PLAN: the same bytes as one run of geoseg vectorize.

    Where shards are not done, they are named and nothing is written (exit code 3).
    """
    from geoseg.tools.merge import merge as run

    with reporting(progress) as events:
        made = run(plan, progress=events, **chosen)
    files = [{"path": str(one.path), "layer": one.layer, **one.report} for one in made]
    text = "\n".join(made_line(one.count, "parcels", one) for one in made)
    result({"path": files[0]["path"], "files": files}, text, mode=progress, as_json=as_json)
