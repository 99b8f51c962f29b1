import importlib.machinery
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import geoseg

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"
PACKAGE = PLUGIN / "package"
STYLES = Path(geoseg.__file__).parent / "vector"


def package(*arguments):
    return subprocess.run(
        [sys.executable, PACKAGE, *arguments], capture_output=True, text=True, check=False
    )


def rules():
    """Load the script as a module."""
    loader = importlib.machinery.SourceFileLoader("package_script", str(PACKAGE))
    specification = importlib.util.spec_from_loader("package_script", loader)
    module = importlib.util.module_from_spec(specification)
    loader.exec_module(module)
    return module


def test_the_zip_has_no_problems_and_is_the_same_each_time(tmp_path):
    for name in "ab":
        made = package("--out", tmp_path / name)
        assert made.returncode == 0, made.stderr
    (first,), (second,) = ((tmp_path / name).iterdir() for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"geoseg_qgis"}


def test_the_plugin_has_the_version_of_geoseg():
    assert rules().metadata()["version"] == geoseg.__version__


@pytest.mark.parametrize("name", ["parcels.qml", "lines.qml"])
def test_the_plugin_has_the_styles_of_the_engine(name):
    own = PLUGIN / "geoseg_qgis" / "styles" / name
    assert own.read_bytes() == (STYLES / name).read_bytes()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("assert True", "assert"), ("eval('1')", "eval"), ("import subprocess", "subprocess"),
        ("from numpy import array", "numpy"), ("import geoseg.cli", "geoseg.cli"),
    ],
)
def test_what_the_store_blocks_is_found(code, problem):
    import ast

    assert problem in rules().check_tree(ast.parse(code))[0]


def test_every_algorithm_has_its_chapter_in_the_help():
    page = (PLUGIN / "geoseg_qgis" / "help.html").read_text(encoding="utf-8")
    for file in sorted((PLUGIN / "geoseg_qgis" / "algorithms").glob("*.py")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.strip().startswith('NAME, TITLE = "'):
                assert f'id="{line.split(chr(34))[1]}"' in page
