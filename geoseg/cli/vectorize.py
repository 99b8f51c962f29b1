"""$ geoseg vectorize"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import made_line, reporting, result


@click.command(short_help="Scene -> parcels: the main job.")
@click.argument("scenes", type=click.Path(), nargs=-1, metavar="SCENES...")
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
@options.dask
@options.store
@options.shard_rows
@options.crs
@options.stac
@options.overwrite
@options.restart
@options.dry_run
@options.as_json
@options.progress
def vectorize(
    scenes: tuple[str, ...], out: str, *, as_json: bool, progress: str, **chosen: Any
) -> None:
    """Find the land parcels of SCENES and write them to OUT as polygons that fit together.

    OUT is a GeoPackage (.gpkg), GeoParquet (.parquet), FlatGeobuf (.fgb), GeoJSON or Shapefile,
    in the scene's CRS. Distances and areas are in metres on the ground. A scene is a raster, a
    URL, or a STAC item ('item.json|asset=NAME'). Several scenes, a folder of them, or a .txt or
    .csv file that lists them, are planned as by geoseg plan.
    """
    if not scenes:
        raise click.UsageError(
            f"give the scene and the output: geoseg vectorize {out} parcels.gpkg"
        )
    with reporting(progress) as events:
        made = _run(scenes, out, progress=events, **chosen)
    files = [
        {"path": str(one.path), "layer": one.layer, "parcels": one.count, **one.report}
        for one in made
    ]
    values = files[0] if len(files) == 1 else {"path": files[0]["path"], "files": files}
    if chosen["dry_run"]:
        text = "dry run: nothing was written"
    else:
        text = "\n".join(made_line(one.count, "parcels", one) for one in made)
    result(values, text, mode=progress, as_json=as_json)


def _run(scenes: Sequence[str], out: str, **chosen: Any) -> list[Any]:
    """Run one scene in this process, or anything else in shards."""
    from geoseg.tools.scene_list import read_scenes

    shard_options = ("dask", "store", "shard_rows", "crs")
    scenes = read_scenes(scenes)
    in_shards = (
        len(scenes) > 1 or chosen["device"] == "cuda:all"
        or any(chosen[name] for name in shard_options)
    )
    if not in_shards:
        from geoseg.tools.vectorize import vectorize as run

        for name in shard_options:
            del chosen[name]
        return [run(scenes[0], out, **chosen)]
    from geoseg.tools.many import vectorize_many

    for name in ("mask", "lines", "report", "preview", "stac"):
        if chosen.pop(name) is not None:
            raise click.UsageError(f"--{name} works with one scene in one process only")
    del chosen["lines_layer"]
    return vectorize_many(scenes, out, **chosen)
