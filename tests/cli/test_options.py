import logging

import click
import pytest
from click.testing import CliRunner

from geoseg.cli import options
from geoseg.cli.main import main


def value_of(option, *arguments):
    seen = {}

    @click.command()
    @option
    def command(**values):
        seen.update(values)

    shown = CliRunner().invoke(command, arguments)
    return next(iter(seen.values())) if shown.exit_code == 0 else shown.output


@pytest.mark.parametrize(
    ("text", "size"), [("4G", 4 << 30), ("800M", 800 << 20), ("1.5GiB", 3 << 29), ("12", 12)]
)
def test_memory_takes_units(text, size):
    assert value_of(options.memory, "--memory", text) == size


def test_memory_that_is_no_size_is_refused():
    assert "is not a size such as 800M" in value_of(options.memory, "--memory", "lots")


def test_bands_are_numbers_with_commas():
    assert value_of(options.bands, "--bands", "4,3,2") == (4, 3, 2)
    assert "not a list of numbers" in value_of(options.bands, "--bands", "red")


def test_an_extent_has_four_numbers():
    assert value_of(options.extent, "--extent", "-1,2,3.5,4") == (-1, 2, 3.5, 4)
    assert "wanted 4" in value_of(options.extent, "--extent", "1,2,3")


@pytest.mark.parametrize(
    ("flags", "level"),
    [((), logging.INFO), (("-q",), logging.ERROR), (("-v",), logging.DEBUG)],
)
def test_verbosity_is_the_same_before_and_after_the_command(flags, level, capsys):
    for arguments in (["model", "info", *flags], [*flags, "model", "info"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0
        assert logging.getLogger("geoseg").level == level
