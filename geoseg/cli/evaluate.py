"""$ geoseg evaluate"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result
from geoseg.tools.score_names import (
    GROUPS,
    HEADS,
    name_of,
    number_text,
    rows_by_group,
    shown,
    span_text,
)


@click.command(short_help="Parcels and truth -> scores.")
@click.argument("parcels", type=click.Path())
@click.argument("truth", type=click.Path())
@click.option("--layer", metavar="NAME", help="Layer of PARCELS.  [default: the only one]")
@click.option("--truth-layer", metavar="NAME", help="Layer of TRUTH.  [default: the only one]")
@options.aoi
@click.option("--ignore", type=click.Path(), metavar="FILE",
              help="What lies in this vector file's polygons does not count (any CRS).")
@click.option("--class-field", default="class", show_default=True, metavar="NAME",
              help="Column with the class of a parcel, in both layers.")
@click.option("--distances", type=options.Numbers(float), metavar="METRES,...",
              help="How near borders must be.  [default: 1, 2 and 5 pixels, or metres]")
@click.option("--sizes", type=options.Numbers(float), metavar="M2,...",
              help="Areas between size classes.  [default: 0.64, 2.56, 16, 100 ha]")
@click.option("--block", type=click.FloatRange(0, min_open=True), metavar="METRES",
              help="Side of the blocks for intervals.  [default: a tenth of the extent]")
@click.option("--report", type=click.Path(), metavar="FILE",
              help="Write a web page: map, charts, worst parcels.")
@click.option("--scene", type=click.Path(), metavar="FILE", help="Raster to show in the report.")
@options.overwrite
@options.as_json
@options.progress
def evaluate(
    parcels: str, truth: str, *, as_json: bool, progress: str, **chosen: Any
) -> None:
    """Score PARCELS against TRUTH; each is a vector layer or a raster of parcel labels.

    A parcel is found where its intersection with a true one is more than half of their union.
    Intervals hold 95 of 100 draws of blocks. docs/metrics.md defines every score.
    """
    from geoseg.tools.evaluate import evaluate as run

    with reporting(progress) as events:
        made = run(parcels, truth, progress=events, **chosen)
    result(made.as_dict(), table(made), mode=progress, as_json=as_json)


def table(made: Any) -> str:
    """Lay the scores out: one per line with its interval, then one line per group."""
    counts, scores, spans = made.parcel_counts, made.scores, made.intervals_of()
    about = {
        "ground": f"by {made.unit}",
        "parcels": f"{counts.predicted} against {counts.truth} true, {counts.matched} matched",
        "borders": "within a distance",
    }
    lines = []
    for part, names in shown(made):
        lines.append(f"{part:26}{about[part]}")
        for name in names:
            value = f"{number_text(scores[name]):>6}   {span_text(name, spans):>16}"
            lines.append(f"  {name_of(name, made):27}{value}".rstrip())
    return "\n".join([*lines, *_groups(made)])


def _groups(made: Any) -> list[str]:
    rows = rows_by_group(made)
    if not rows:
        return []
    heads = ("group", "true", "found", *(HEADS.get(key, name_of(key, made)) for key in GROUPS))
    width = max(len(name) for name in made.groups) + 2
    return ["", *(
        f"{group:{width}}{true:>7}{found:>7}" + "".join(f"{one:>12}" for one in numbers)
        for group, true, found, *numbers in (heads, *rows)
    )]
