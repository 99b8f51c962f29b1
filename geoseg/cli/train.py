"""$ geoseg train"""

from __future__ import annotations

from typing import Any

import click

from geoseg.cli import options
from geoseg.cli.report import reporting, result

RECIPE = (
    "steps", "seconds", "rate", "loss", "validations", "patience", "statistics_batches",
    "precision", "seed",
)
"""Options that make the recipe."""
recipe_options = options.together(
    click.option("--steps", type=click.IntRange(1),
                 help="Updates.  [default: 4000, or none with a time limit]"),
    click.option("--time-limit", "seconds", type=click.FloatRange(1), metavar="SECONDS",
                 help="The learning rate reaches 0 at this time."),
    click.option("--rate", type=click.FloatRange(0, min_open=True), default=4e-3,
                 show_default=True, help="Highest learning rate."),
    click.option("--loss", default="bce+dice", show_default=True, metavar="SUM",
                 help="bce, weighted-bce, dice, jaccard, tversky, focal, lovasz, "
                 "log-cosh-dice, or a sum such as 0.5*bce+jaccard."),
    click.option("--validations", type=click.IntRange(1), default=12, show_default=True,
                 help="How often to stop and look."),
    click.option("--patience", type=click.IntRange(1), default=6, show_default=True,
                 help="Validations without a better score before the end."),
    click.option("--statistics-batches", type=click.IntRange(1), default=8, show_default=True,
                 help="Batches for BatchNorm's statistics before each validation."),
    click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]),
                 default="auto", show_default=True,
                 help="auto: bf16 where the processor has it built in."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of all draws."),
)
"""How to train."""


@click.command(short_help="Scenes with labels -> model.")
@click.argument("inputs", nargs=-1, required=True, metavar="SCENE LABELS | FOLDER | LIST.csv ...")
@click.argument("model", type=click.Path())
@click.option("--architecture", default="unet", show_default=True,
              metavar="unet|unet-origin|unet-classic|smp:DECODER:ENCODER",
              help="The network; smp:unet:resnet34 and its like need geoseg[smp].")
@click.option("--encoder-weights", metavar="FILE|URL#sha256=HEX",
              help="Weights of an smp: encoder that was trained before (safetensors).")
@click.option("--width", type=click.IntRange(1),
              help="Filters of its first level.  [default: the architecture's]")
@click.option("--start", metavar="MODEL", help="Model file, or bundled name, to go on from.")
@options.bands
@click.option("--range", "value_range", type=options.Numbers(float, 2),
              help="Raw values that become 0 and 1.  [default: 0,255 for bytes, else measured]")
@click.option("--resolution", type=options.Numbers(float, 2),
              help="Finest and coarsest metres per pixel it is for.  [default: measured]")
@click.option("--hold-out", "hold_out_names", multiple=True, metavar="NAME",
              help="Scene to validate on, by file name without suffix; may be repeated.")
@click.option("--validation", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              default=0.2, show_default=True, help="Share of the places to hold out otherwise.")
@click.option("--chip", type=click.IntRange(32), default=256, show_default=True,
              help="Pixels per side of a training sample.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True,
              help="Chips per step.")
@click.option("--zoom", type=options.Numbers(float, 2), default=(0.5, 2.0),
              help="Smallest and largest zoom of a chip.  [default: 0.5,2]")
@click.option("--boundary-width", default="4", show_default=True, metavar="PIXELS|METRESm",
              help="Full width of a border in the targets: 4 (pixels) or 3m (metres).")
@recipe_options
@options.device
@options.threads
@click.option("--full-weights", is_flag=True, help="Store weights in 32 bits instead of 16.")
@options.origin
@options.stac
@click.option("--restart", is_flag=True, help="Begin anew instead of resuming an earlier run.")
@options.as_json
@options.progress
def train(
    inputs: tuple[str, ...], model: str, *, stac: str | None, as_json: bool, progress: str,
    full_weights: bool, boundary_width: str, **chosen: Any,
) -> None:
    """Train a MODEL on scenes and their parcels, and keep the best one seen.

    LABELS is a vector layer in any CRS, or a raster of parcel numbers on the scene's grid. A
    FOLDER holds scene.tif beside scene.gpkg, or images/ and instances/ with the same names; a
    LIST.csv has the columns scene,labels. Log, pictures and the state to resume from go to the
    folder MODEL.training.
    """
    from geoseg.learning.recipe import Recipe
    from geoseg.tools.train import train as run

    in_metres = boundary_width.endswith("m")
    try:
        boundary = float(boundary_width.removesuffix("m"))
    except ValueError as error:
        raise click.BadParameter(f"{boundary_width!r} is not a width such as 4 or 3m") from error
    recipe = Recipe(**{name: chosen.pop(name) for name in RECIPE})
    with reporting(progress) as events:
        made = run(
            inputs, model, recipe=recipe, boundary_width=boundary,
            boundary_in_metres=in_metres, half=not full_weights, progress=events, **chosen,
        )
    if stac is not None:
        from geoseg.tools.model_item import write_item

        write_item(stac, model)
    values = {"path": model, "steps": made.steps, "seconds": round(made.seconds, 1)}
    values |= made.scores
    ious = [f"{name.removesuffix('_iou')} IoU {value:.3f}"
            for name, value in made.scores.items() if name.endswith("_iou")]
    text = f"{made.steps} steps in {made.seconds:.0f} s, {', '.join(ious)} -> {model}"
    result(values, text, mode=progress, as_json=as_json)
