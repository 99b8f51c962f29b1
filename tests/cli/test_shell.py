"""geoseg in the shell: completion, and as a plugin of rasterio's rio."""

import configparser
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner

from geoseg.cli.rio import geoseg

ROOT = Path(__file__).resolve().parents[2]


def _completed(words, index):
    """Give what the shell is offered for a word."""
    environment = os.environ | {
        "_GEOSEG_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(index),
    }
    run = subprocess.run(
        [sys.executable, "-m", "geoseg"], env=environment, capture_output=True, text=True,
        check=False,
    )
    return [line.partition(",")[2] for line in run.stdout.splitlines()]


def test_bash_completes_commands_and_options():
    assert _completed("geoseg vec", 1) == ["vectorize"]
    assert "--lines" in _completed("geoseg vectorize --li", 2)
    assert _completed("geoseg vectorize --instances b", 3) == ["basins"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell):
    run = subprocess.run(
        [sys.executable, "-m", "geoseg"], capture_output=True, text=True, check=False,
        env=os.environ | {"_GEOSEG_COMPLETE": f"{shell}_source"},
    )
    if shell == "bash" and not run.stdout:
        pytest.skip("click wants a bash of version 4.4 or newer")
    assert "_GEOSEG_COMPLETE" in run.stdout


def test_rio_geoseg_is_geoseg():
    shown = CliRunner().invoke(geoseg, ["polygonize", "--help"])
    assert shown.exit_code == 0
    assert "--lines" in shown.output
    wrong = CliRunner().invoke(geoseg, ["polygonize", "none.tif", "out.gpkg"])
    assert wrong.exit_code == 4
    assert "none.tif" in wrong.output


def test_rio_finds_the_plugin():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = "geoseg = geoseg.cli.rio:geoseg"
    assert setup["options.entry_points"]["rasterio.rio_plugins"].strip() == wanted
    installed = entry_points(group="rasterio.rio_plugins", name="geoseg")
    if not installed:
        pytest.skip("installed before the plugin was there: pip install -e . again")
    assert next(iter(installed)).load() is geoseg
