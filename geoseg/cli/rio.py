"""$ rio geoseg: all commands of geoseg under rasterio's command line."""

from __future__ import annotations

import click

from geoseg.cli.main import main


@click.command(
    "geoseg", add_help_option=False, short_help="Land parcels from georeferenced imagery.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def geoseg(arguments: tuple[str, ...]) -> None:
    """Run geoseg: `rio geoseg vectorize scene.tif parcels.gpkg`."""
    main(list(arguments))
