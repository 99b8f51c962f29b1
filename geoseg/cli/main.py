"""The geoseg command: one file per subcommand, each loaded when it is used."""

from __future__ import annotations

import difflib
import importlib
import logging
import sys

import click

from geoseg import __version__
from geoseg.cli import options
from geoseg.cli.parent import end_with_parent
from geoseg.cli.report import error, set_up_log
from geoseg.errors import GeosegError
from geoseg.run import stop
from geoseg.run.stop import Stopped, stopping_on_signals

COMMANDS = {
    "vectorize": "geoseg.cli.vectorize:vectorize",
    "predict": "geoseg.cli.predict:predict",
    "polygonize": "geoseg.cli.polygonize:polygonize",
    "plan": "geoseg.cli.plan:plan",
    "run": "geoseg.cli.run:run",
    "merge": "geoseg.cli.merge:merge",
    "train": "geoseg.cli.train:train",
    "evaluate": "geoseg.cli.evaluate:evaluate",
    "model": "geoseg.cli.model:model",
    "doctor": "geoseg.cli.doctor:doctor",
    "qgis": "geoseg.cli.qgis:qgis",
}


class _Commands(click.Group):
    """Find commands by name, so that `geoseg --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and not args[0].startswith("-") and near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="geoseg %(version)s")
@options.verbosity
@click.option("--until-eof", is_flag=True,
              help="End when standard input closes; for programs that start geoseg.")
def cli(until_eof: bool) -> None:
    """Land parcels from georeferenced imagery.

    geoseg vectorize scene.tif parcels.gpkg
    """
    if until_eof:
        end_with_parent()


def main(argv: list[str] | None = None) -> None:
    """Run the command line; exit with the code of the error class."""
    try:
        with stopping_on_signals():
            code = _run(argv)
    except Stopped as stopped:
        error(str(stopped), stopped.exit_code)
        code = stopped.exit_code
    sys.exit(code)


def _run(argv: list[str] | None) -> int:
    """Run the command line; give its exit code."""
    set_up_log(logging.INFO)
    try:
        code = cli.main(argv, prog_name="geoseg", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        error("stopped", 130)
        return 130
    except click.ClickException as refused:
        refused.show()
        return refused.exit_code
    except GeosegError as failed:
        stop.check()
        error(str(failed), failed.exit_code)
        return failed.exit_code
    except MemoryError as failed:
        error(f"out of memory: {failed}; lower --tile or --batch, or set --memory", 6)
        return 6
