"""Options that several commands share: the same name and meaning everywhere."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import click

from geoseg.cli.report import set_up_log

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Numbers(click.ParamType):
    """Numbers with commas between them, such as 4,3,2."""

    def __init__(self, kind: type, n: int | None = None) -> None:
        self.kind, self.n = kind, n
        self.name = ",".join("N" * n) if n else "N,N,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple:
        """Turn the text into a tuple."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(self.kind(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as {self.name}", param, ctx)
        if self.n and len(numbers) != self.n:
            self.fail(f"{value!r} has {len(numbers)} numbers, wanted {self.n}", param, ctx)
        return numbers


class Names(click.ParamType):
    """Names with commas between them, such as red,green,blue."""

    name = "NAME,NAME,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Turn the text into a tuple."""
        names = value if isinstance(value, tuple) else tuple(value.split(","))
        if not all(names):
            self.fail(f"{value!r} is not a list of names such as red,green,blue", param, ctx)
        return names


class Memory(click.ParamType):
    """An amount of memory such as 800M or 4G; returns bytes."""

    name = "SIZE"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Turn the text into bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?B)?", value, re.IGNORECASE)
        if match is None:
            self.fail(f"{value!r} is not a size such as 800M or 4G", param, ctx)
        power = "KMGT".find(match[2].upper()) + 1 if match[2] else 0
        return int(float(match[1]) * 1024**power)


def together(*options: Decorator) -> Decorator:
    """Make one decorator of several; they show in the help in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


model = click.option(
    "--model", default="parcels-aerial", show_default=True, metavar="NAME|FILE",
    help="Bundled model, or a model file: .safetensors or .onnx.",
)
bands = click.option(
    "--bands", type=Numbers(int),
    help="The scene's bands in the model's order, counted from 1.  [default: by name]",
)
extent = click.option(
    "--extent", type=Numbers(float, 4),
    help="Use only XMIN,YMIN,XMAX,YMAX, in the scene's CRS.",
)
aoi = click.option(
    "--aoi", type=click.Path(), metavar="FILE",
    help="Use only what lies in this vector file's polygons (any CRS).",
)
tile = click.option(
    "--tile", type=click.IntRange(16),
    help="Pixels per side of a tile; the result does not depend on it.  [default: by the plan]",
)
batch = click.option(
    "--batch", type=click.IntRange(1), help="Tiles per call of the network.  [default: by the plan]"
)
device = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N|:all]",
    help="Where the network runs; cuda:all is every GPU of this machine (vectorize).",
)
threads = click.option(
    "--threads", type=click.IntRange(1), help="Threads on the CPU.  [default: all]"
)
memory = click.option(
    "--memory", type=Memory(), help="Main memory that may be used, such as 4G.  [default: no limit]"
)
precision = click.option(
    "--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True,
    help="Numbers of the network; 16 bits are quicker where the device has them, and less exact.",
)
tta = click.option(
    "--tta", is_flag=True,
    help="Ask the network eight times, for every turn and mirror image, and average.",
)
profile = click.option(
    "--profile", type=click.Path(), metavar="FILE",
    help="Say where the time goes; a trace of the first batches goes here (JSON, for Perfetto).",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Print the plan, timed on two tiles, and stop."
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing output.")
restart = click.option(
    "--restart", is_flag=True,
    help="Start over; without it, a run that was interrupted goes on where it stopped.",
)
layer = click.option(
    "--layer", default="parcels", show_default=True, metavar="NAME",
    help="Layer to write; other layers of a GeoPackage are kept.",
)
threshold = click.option(
    "--threshold", type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Parcel probability from which a pixel is in a parcel.  [default: the model's]",
)
min_area = click.option(
    "--min-area", type=click.FloatRange(0), metavar="M2",
    help="Smaller pieces join a neighbour; square metres.  [default: the model's]",
)
min_confidence = click.option(
    "--min-confidence", type=click.FloatRange(0, 1), metavar="P",
    help="Leave parcels of a lower mean probability out; 0 keeps all.  [default: the model's]",
)
simplify = click.option(
    "--simplify", type=click.FloatRange(0), metavar="METRES",
    help="Tolerance on the ground; 0 keeps the stairs of the pixels.  [default: one pixel]",
)
simplify_by = click.option(
    "--simplify-by", type=click.Choice(["dp", "vw"]), default="dp", show_default=True,
    help="Douglas-Peucker, or Visvalingam-Whyatt: the smallest bends go first.",
)
trim = click.option(
    "--trim", type=click.FloatRange(0), metavar="METRES",
    help="Cut off what hangs on a parcel by a narrower foot; 0: nothing.  [default: 4 pixels]",
)
instances = click.option(
    "--instances", type=click.Choice(["basins", "components"]), default="basins",
    show_default=True, help="How parcels part: basins closes gaps in borders.",
)
shape = together(
    click.option("--smooth", "shape", flag_value="smooth", default="plain",
                 help="Round the bends of borders."),
    click.option("--regularize", "shape", flag_value="regular",
                 help="Straight, right-angled borders where the image supports it."),
)
lines = click.option(
    "--lines", type=click.Path(), metavar="FILE",
    help="Write the borders here too, as lines; OUT's own .gpkg gets a second layer.",
)
lines_layer = click.option(
    "--lines-layer", default="lines", show_default=True, metavar="NAME", help="Layer of the lines."
)


def _louder(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        set_up_log(logging.DEBUG)


def _quieter(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        set_up_log(logging.ERROR)


verbosity = together(
    click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_louder,
                 help="Say what is done in detail, for debugging."),
    click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_quieter,
                 help="Say only what went wrong."),
)
"""How much is said; before the command and after it alike."""
dask = click.option(
    "--dask", metavar="ADDRESS|local[:N]",
    help="Work on a Dask cluster, or on N processes of this machine.",
)
store = click.option(
    "--store", metavar="FOLDER|URL",
    help="Where shards lie; all workers must see it.  [default: a hidden folder beside OUT]",
)
shard_rows = click.option(
    "--shard-rows", type=click.IntRange(1),
    help="Rows of a shard, in whole tiles; the result does not depend on it.  [default: by size]",
)
crs = click.option(
    "--crs", metavar="CRS",
    help="One output in this CRS, such as EPSG:3035.  [default: each mosaic in its own]",
)
progress = click.option(
    "--progress", type=click.Choice(["auto", "bar", "json", "none"]), default="auto",
    show_default=True, help="json: one object per line on stderr.",
)
stac = click.option(
    "--stac", type=click.Path(), metavar="FILE",
    help="Write a STAC item (JSON) that names the result.",
)
as_json = together(
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."), verbosity
)

scene_use = together(
    model, bands, extent, aoi, tile, batch, device, threads, memory, precision, tta, profile
)
"""How a scene is read and predicted."""
parcel_use = together(
    threshold, min_area, min_confidence, simplify, simplify_by, trim, shape, instances
)
"""How parcels are made of probabilities."""

origin = together(
    click.option("--license", default="unknown", help="Licence of the weights, SPDX name."),
    click.option("--source", default="", help="Training data and its licence."),
)
"""Where the weights of a model come from."""
facts = together(
    click.option("--classes", type=Names(),
                 help="Output bands in order: parcel, boundary; others are not used.  "
                 "[default: the file's, else parcel]"),
    click.option("--band-names", type=Names(),
                 help="Input bands in order.  [default: grey, red,green,blue or with nir]"),
    click.option("--range", "value_range", type=Numbers(float, 2),
                 help="Raw values that were 0 and 1 in training.  [default: the file's, else "
                 "0,255]"),
    click.option("--dtype", default="uint8", show_default=True,
                 help="Of the imagery in training; other types are stretched to its range."),
    click.option("--resolution", type=Numbers(float, 2),
                 help="Finest and coarsest metres per pixel.  [default: scenes as they are]"),
    origin,
)
"""What the weights of another program do not say."""
