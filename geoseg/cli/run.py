"""$ geoseg run"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result


@click.command(short_help="One shard of a plan.")
@click.argument("plan", type=click.Path(), metavar="PLAN")
@click.option("--shard", "shards", type=click.IntRange(0), multiple=True, required=True,
              metavar="N", help="Number of the shard, from 0; may be repeated.")
@click.option("--device", metavar="auto|cpu|cuda[:N]",
              help="Where the network runs.  [default: as planned]")
@options.threads
@options.batch
@options.memory
@options.as_json
@options.progress
def run(plan: str, shards: tuple[int, ...], *, as_json: bool, progress: str, **chosen: Any) -> None:
    """Do one shard of PLAN, the folder or URL that geoseg plan wrote.

    A shard that is done is left as it is; one that was killed is done anew.
    """
    from geoseg.tools.run import run_shard

    with reporting(progress) as events:
        made = [run_shard(plan, number, progress=events, **chosen) for number in shards]
    text = "\n".join(map(_line, made))
    result({"path": plan, "shards": made}, text, mode=progress, as_json=as_json)


def _line(made: dict[str, Any]) -> str:
    if made["done_before"]:
        return f"shard {made['shard']}: done before"
    return f"shard {made['shard']}: {made['pixels']} pixels in {made['seconds']:.1f} s"
