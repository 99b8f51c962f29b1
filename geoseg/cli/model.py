"""$ geoseg model"""

from __future__ import annotations

import json

import click

from geoseg.cli import options


@click.group(short_help="Look at model files.")
def model() -> None:
    """Look at model files."""


@model.command(short_help="What a model is, wants and scored.")
@click.argument("name", default="parcels-aerial", metavar="[NAME|FILE]")
@options.as_json
def info(name: str, as_json: bool) -> None:
    """Say what a bundled model or a model file is, wants and scored."""
    from geoseg.tools.model import describe, model_info

    click.echo(json.dumps(model_info(name)) if as_json else describe(name))


@model.command("list", short_help="The bundled models.")
def list_models() -> None:
    """List the bundled models."""
    from geoseg.tools.model import bundled

    for path in bundled():
        click.echo(path.stem)
