"""$ geoseg qgis"""

from __future__ import annotations

import json

import click

profile = click.option("--profile", metavar="NAME",
                       help="QGIS profile.  [default: the one that QGIS opens]")
folder = click.option("--profiles-folder", type=click.Path(file_okay=False), metavar="FOLDER",
                      help="Folder of the profiles.  [default: QGIS's own, on this system]")


@click.group(short_help="Segment parcels inside QGIS.")
def qgis() -> None:
    """Put the geoseg plugin into QGIS."""


@qgis.command(short_help="Put the plugin into a QGIS profile.")
@profile
@folder
def install(profile: str | None, profiles_folder: str | None) -> None:
    """Put the plugin into a QGIS profile, switch it on, and point it to this geoseg."""
    from geoseg.tools.qgis import install as run

    for place in run(profile=profile, profiles_folder=profiles_folder):
        click.echo(f"installed in {place}")
    click.echo(
        "start QGIS, from its menu or where no environment is activated, and look for Segment "
        "parcels in the Processing Toolbox"
    )


@qgis.command(short_help="Take the plugin out of a QGIS profile.")
@profile
@folder
def uninstall(profile: str | None, profiles_folder: str | None) -> None:
    """Take the plugin out of a QGIS profile."""
    from geoseg.tools.qgis import uninstall as run

    for place in run(profile=profile, profiles_folder=profiles_folder):
        click.echo(f"removed from {place}")


@qgis.command(short_help="Say whether a version of the plugin fits.")
@click.argument("plugin_version")
def handshake(plugin_version: str) -> None:
    """Say as JSON whether this geoseg fits a version of the plugin; the plugin asks it."""
    from geoseg.tools.qgis import handshake as run

    click.echo(json.dumps(run(plugin_version)))
