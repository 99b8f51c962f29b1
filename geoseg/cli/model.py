"""$ geoseg model"""

from __future__ import annotations

import json
from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result


@click.group(short_help="Look at model files, import and export them.")
def model() -> None:
    """Look at model files, import and export them."""


@model.command(short_help="What a model is, wants and scored.")
@click.argument("name", default="parcels-aerial", metavar="[NAME|FILE]")
@options.as_json
@options.stac
def info(name: str, as_json: bool, stac: str | None) -> None:
    """Say what a bundled model or a model file is, wants and scored."""
    _tell(name, stac, as_json)


@model.command("list", short_help="The bundled models, or those in folders.")
@click.argument("folders", nargs=-1, metavar="[FOLDER ...]", type=click.Path())
def list_models(folders: tuple[str, ...]) -> None:
    """List the bundled models, or the model files in folders: name, network, metres per pixel."""
    from geoseg.learning.bundled import bundled_models
    from geoseg.tools.model import one_line, stored_in

    for path in [path for one in folders for path in stored_in(one)] or bundled_models():
        click.echo(one_line(path) if folders else path.stem)


@model.command("import", short_help="Weights of other programs -> model.")
@click.argument("weights", type=click.Path())
@click.argument("name", metavar="MODEL", type=click.Path())
@click.option("--architecture", type=click.Choice(["unet-origin", "unet-classic"]),
              help="The network that Keras weights are of.")
@options.facts
@options.overwrite
@options.stac
@options.as_json
def import_(
    weights: str, name: str, architecture: str | None, overwrite: bool, stac: str | None,
    as_json: bool, **facts: Any,
) -> None:
    """Make a MODEL of Keras WEIGHTS (.hdf5, .h5, .keras), or of an ONNX model.

    Keras needs geoseg[keras]; an ONNX model gets what it does not say and stays ONNX
    (geoseg[onnx]).
    """
    from geoseg.tools.convert import ModelFacts, import_model

    import_model(
        weights, name, architecture=architecture, facts=ModelFacts(**facts), overwrite=overwrite
    )
    _tell(name, stac, as_json)


@model.command(short_help="Model -> ONNX, for QGIS' Deepness and onnxruntime.")
@click.argument("name", metavar="NAME|FILE")
@click.argument("out", metavar="OUT.onnx", type=click.Path())
@click.option("--tile", type=click.IntRange(32),
              help="Pixels per side of the only tiles that it will take, halo included.  "
              "[default: 640]")
@click.option("--any-tile", is_flag=True, help="Take any tile; Deepness does not read that.")
@options.overwrite
@options.stac
@options.as_json
def export(
    name: str, out: str, tile: int | None, any_tile: bool, overwrite: bool, stac: str | None,
    as_json: bool,
) -> None:
    """Write a model as one ONNX file that answers alike; needs geoseg[onnx]."""
    from geoseg.tools.convert import export_model

    if any_tile and tile is not None:
        raise click.UsageError("--tile is the only tile, --any-tile takes all: give one of them")
    chosen = {"tile": tile} if any_tile or tile is not None else {}
    export_model(name, out, overwrite=overwrite, **chosen)
    _tell(out, stac, as_json)


@model.command(short_help="Choose a model's thresholds on known parcels.")
@click.argument("name", metavar="FILE", type=click.Path())
@click.argument("inputs", metavar="SCENE LABELS | FOLDER | LIST.csv ...", nargs=-1, required=True)
@options.device
@options.threads
@options.as_json
@options.progress
def calibrate(
    name: str, inputs: tuple[str, ...], device: str, threads: int | None, as_json: bool,
    progress: str,
) -> None:
    """Choose the thresholds of model FILE that find most parcels, and store them in it.

    Give scenes with parcels that it was not trained on; the weights stay as they are.
    """
    from geoseg.tools.calibrate import calibrate as run

    with reporting(progress) as events:
        made = run(name, inputs, device=device, threads=threads, progress=events)
    text = "\n".join(f"{key.replace('_', ' '):18}{value:.3f}" for key, value in made.items())
    result(made, text, mode=progress, as_json=as_json)


def _tell(name: str, stac: str | None, as_json: bool) -> None:
    """Say what a model is, on stdout and where wanted in a STAC item."""
    from geoseg.tools.model import describe, model_info
    from geoseg.tools.model_item import write_item

    if stac is not None:
        write_item(stac, name)
    click.echo(json.dumps(model_info(name)) if as_json else describe(name))
