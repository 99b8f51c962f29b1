"""What the pages say is so: commands parse, options and files exist, links lead somewhere.

The tutorials are run when the documentation is built; here every other block is held against the
command line itself.
"""

import os
import re
import shlex
from pathlib import Path

import click
import pytest
import rasterio
from rasterio.windows import Window

from geoseg.cli.main import COMMANDS, cli
from geoseg.grid import GeoBox

ROOT = Path(__file__).parents[1]
if not (ROOT / "docs").is_dir():
    pytest.skip("no source tree", allow_module_level=True)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sample_data/*.md")])
SCRIPTS = sorted([*ROOT.glob("docs/scale/*.sh"), *ROOT.glob("docs/scale/*.yaml")])
FENCE = re.compile(r"^```(\S*?)\n(.*?)^```", re.M | re.S)
GEOSEG = re.compile(r"(?:^|[\s;&\"'|(/])geoseg( [^\n;&|)]*)")
OTHERS = {"--require-hashes", "--until-eof", "--resources", "--landscape", "--seed", "--size"}
"""Options of pip, of Dask, of the sample data's generator, and of `geoseg` before any command."""
ELSEWHERE = {"geoseg/engine.json", "geoseg/vectorize"}
"""Files of the QGIS profile, and of the past."""


def name(path):
    return path.relative_to(ROOT).as_posix()


def blocks(page, *languages):
    """Give the fenced blocks of a page that are written in one of the languages."""
    text = page.read_text("utf-8")
    return [found[2] for found in FENCE.finditer(text) if found[1] in languages]


def inline(page):
    """Give what stands between single backquotes outside blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text("utf-8")))


def lines(text):
    """Give shell lines, continued ones joined."""
    return re.sub(r"\\\n\s*", " ", text).splitlines()


def parse(words):
    """Let click parse a command line as `geoseg` would, without running it."""
    command, context = cli, cli.make_context("geoseg", list(words))
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        said, command, rest = command.resolve_command(context, rest)
        context = command.make_context(said, rest, parent=context)
    return context


def options(command):
    """Give all options of a command and its subcommands."""
    found = {one for parameter in command.params for one in parameter.opts}
    for one in getattr(command, "commands", {}).values():
        found |= options(one)
    return found


def command_named(words):
    """Give the command that words begin with, subcommands included."""
    command = cli.get_command(None, words[0])
    for word in words[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    return command


COMMAND_LINES = [
    pytest.param(line, id=f"{name(page)}: {line.strip()[:60]}")
    for page in [*PAGES, *SCRIPTS]
    for block in (blocks(page, "sh", "bash") if page.suffix == ".md" else [page.read_text()])
    for line in lines(re.sub(r"\$\w+", "0", block))
    if not line.lstrip().startswith("#")
    if (found := GEOSEG.search(line.split(" # ")[0])) and found[1].split()[0] in COMMANDS
]


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_of_a_page_is_one_that_geoseg_takes(line):
    said, _, remark = line.partition(" #")
    words = shlex.split(GEOSEG.search(said)[1].rstrip("\"']"))
    assert parse(words).command.name
    assert set(re.findall(r"--[a-z][a-z-]+", remark)) <= options(command_named(words))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_option_that_a_page_names_exists(page):
    everything = OTHERS.union(*(options(cli.get_command(None, one)) for one in COMMANDS))
    for code in inline(page):
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", code))
        if code.startswith("geoseg ") and code.split()[1] in COMMANDS:
            assert named <= options(command_named(code.split()[1:])), code
        elif code.startswith("-"):
            assert named <= everything, code


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_a_page_names_exists(page):
    code = "\n".join([*inline(page), *blocks(page, "sh", "bash")])
    places = "geoseg|tests|docs|plugin|sample_data|\\.ci"
    named = re.findall(rf"(?<![\w./-])((?:{places})/[\w./-]+)", code)
    ours = {one.rstrip("./") for one in named if "." in Path(one).name or one.endswith("/")}
    gone = [one for one in ours - ELSEWHERE if not (ROOT / one).exists()]
    assert [one for one in gone if not (ROOT / one.removeprefix("geoseg/")).exists()] == []


def slug(heading):
    """Give the anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_inside_leads_somewhere(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.M)
            assert anchor in map(slug, headings), target


@pytest.mark.parametrize("page", [one for one in PAGES if blocks(one, "python")], ids=name)
def test_python_of_a_page_is_python(page):
    for block in blocks(page, "python"):
        compile(block, name(page), "exec")


def test_the_python_of_the_page_of_formats_runs(sample_data, tmp_path, monkeypatch):
    with rasterio.open(sample_data / "scene.tif") as scene:
        profile = scene.profile | {"height": 192, "width": 192}
        pixels = scene.read(window=Window(0, 0, 192, 192))
    with rasterio.open(tmp_path / "scene.tif", "w", **profile) as part:
        part.write(pixels)
    monkeypatch.chdir(tmp_path)
    first, second = blocks(ROOT / "docs" / "formats.md", "python")[-2:]
    values = {
        "array": pixels[0] // 64, "height": 192, "width": 192,
        "transform": profile["transform"], "crs_wkt": profile["crs"].to_wkt(),
    }
    exec(compile(first, "formats.md", "exec"), values)
    assert len(values["made"].parcels) == values["made"].count > 0
    assert {"parcels.gpkg", "classes.gpkg", "corrected.gpkg"} <= set(os.listdir())
    parcels, grid = values["made"].parcels, GeoBox(192, 192, values["transform"], values["crs_wkt"])
    values |= {"truth": parcels, "fields": parcels, "array": pixels, "grid": grid}
    shorter = second.replace("seconds=3600)", "steps=2), batch=1, chip=64")
    exec(compile(shorter, "formats.md", "exec"), values)
    assert values["scores"].scores["parcel_f1"] == 1
    assert (tmp_path / "mine.safetensors").exists()
