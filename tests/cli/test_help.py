import subprocess
import sys

import pytest
from click.testing import CliRunner

from geoseg.cli.main import COMMANDS, cli

HEAVY = ("numpy", "torch", "rasterio", "shapely", "pyogrio", "numba", "geopandas", "pyproj")


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_imports_nothing_heavy(command):
    arguments = [*([command] if command else []), "--help"]
    code = f"""
import sys
from geoseg.cli.main import cli
try:
    cli.main({arguments!r})
except SystemExit as stop:
    assert stop.code == 0
print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_explains_itself(command):
    found = cli.get_command(None, command)
    assert found.help
    for parameter in found.params:
        assert parameter.param_type_name == "argument" or parameter.help


def test_an_unknown_command_is_refused():
    assert CliRunner().invoke(cli, ["fly"]).exit_code == 2


def test_a_command_that_is_nearly_right_is_named():
    made = CliRunner().invoke(cli, ["vectorise", "scene.tif", "parcels.gpkg"])
    assert made.exit_code == 2
    assert "Did you mean 'vectorize'?" in made.output


def test_a_missing_output_is_what_is_asked_for():
    made = CliRunner().invoke(cli, ["vectorize", "scene.tif"])
    assert made.exit_code == 2
    assert "geoseg vectorize scene.tif parcels.gpkg" in made.output
