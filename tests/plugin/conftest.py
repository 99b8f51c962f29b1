"""A real QGIS, driven from outside, with the packaged plugin in a fresh profile.

QGIS never runs in the tests' own Python: it is a process that is asked in lines of JSON
(`inside.py`), or `qgis_process`. GEOSEG_QGIS=1 runs these tests where QGIS is installed;
GEOSEG_QGIS=required makes its absence a failure; otherwise they are skipped.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

HERE = Path(__file__).resolve().parent
PLUGIN = HERE.parents[1] / "plugin"
SYSTEM_PYTHON = "/usr/bin/python3"
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def find_qgis_process():
    """Find qgis_process; the wrapper of QGIS 3.22 in Debian is broken, the program is not."""
    program = "/usr/bin/qgis_process.bin"
    return program if os.path.exists(program) else shutil.which("qgis_process")


def pytest_collection_modifyitems(items):
    """Skip what needs QGIS, quickly, unless it is asked for."""
    wish = os.environ.get("GEOSEG_QGIS", "")
    if wish == "required" or (wish and find_qgis_process()):
        return
    reason = "QGIS is not installed" if wish else "set GEOSEG_QGIS=1 to run a real QGIS"
    for item in items:
        if item.get_closest_marker("qgis"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def qgis_process():
    """Give the program qgis_process."""
    return find_qgis_process()


@pytest.fixture(scope="session")
def profiles(tmp_path_factory):
    """Give a folder of QGIS profiles whose default one has the plugin, from its zip."""
    root = tmp_path_factory.mktemp("qgis")
    command = [sys.executable, PLUGIN / "package", "--out", root / "dist"]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = (root / "dist").glob("*.zip")
    folder = root / "profiles" / "default"
    shutil.unpack_archive(archive, folder / "python" / "plugins")
    (folder / "QGIS").mkdir()
    (folder / "QGIS" / "QGIS3.ini").write_text("[PythonPlugins]\ngeoseg_qgis=true\n")
    return root


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Give a folder with a space and letters beyond ASCII in its name."""
    folder = tmp_path_factory.mktemp("data") / "Flurstücke und Wälder 測量"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def scene(work):
    """Give a small raster in a projected CRS."""
    return _raster(work / "Szene 1.tif", "EPSG:25832", (500000.0, 5300000.0), 2.0, bands=3)


@pytest.fixture(scope="session")
def scene_in_degrees(work):
    """Give a small raster in geographic coordinates."""
    return _raster(work / "degrees.tif", "EPSG:4326", (9.0, 47.9), 0.00002, bands=3)


@pytest.fixture(scope="session")
def mask(work):
    """Give a probability raster."""
    return _raster(work / "prepared.tif", "EPSG:25832", (500000.0, 5300000.0), 2.0, bands=2)


def _raster(path, crs, corner, resolution, *, bands):
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    data = np.random.default_rng(1).integers(0, 200, (bands, 64, 64), dtype=np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", height=64, width=64, count=bands, dtype="uint8", crs=crs,
        transform=from_origin(*corner, resolution, resolution),
    ) as raster:
        raster.write(data)
    return path


@pytest.fixture(scope="session")
def parcels(work):
    """Give three parcels as the engine writes them."""
    import geopandas
    from shapely import box

    squares = [box(500000 + 20 * n, 5299900, 500020 + 20 * n, 5299950) for n in range(3)]
    values = {
        "parcel_id": [1, 2, 3], "class": ["parcel"] * 3, "area_m2": [1000.0] * 3,
        "perimeter_m": [140.0] * 3, "confidence": [0.9, 0.7, 0.5], "boundary": [0.8] * 3,
        "edge": [False, False, True],
    }
    path = work / "prepared.gpkg"
    geopandas.GeoDataFrame(values, geometry=squares, crs="EPSG:25832").to_file(
        path, layer="parcels", driver="GPKG"
    )
    return path


@pytest.fixture(scope="session")
def lines(work):
    """Give the borders of two parcels as the engine writes them."""
    import geopandas
    from shapely import LineString

    top, middle = [(500000, 5299950), (500020, 5299950)], [(500020, 5299900), (500020, 5299950)]
    values = {
        "line_id": [1, 2], "left": [None, 1], "right": [1, 2], "length_m": [20.0, 50.0],
        "boundary": [0.9, 0.4], "edge": [True, False],
    }
    path = work / "prepared lines.gpkg"
    geopandas.GeoDataFrame(
        values, geometry=[LineString(top), LineString(middle)], crs="EPSG:25832"
    ).astype({"left": "Int64"}).to_file(path, layer="lines", driver="GPKG")
    return path


@pytest.fixture(scope="session")
def fake_engine(work):
    """Give a program that takes Python's place and runs the fake engine."""
    program = work / "fake python"
    program.write_text(
        f"#!/bin/sh\nshift 3\nexec '{sys.executable}' '{HERE / 'fake_engine.py'}' geoseg \"$@\"\n"
    )
    program.chmod(0o755)
    return program


@pytest.fixture(scope="session")
def environment(profiles, work, fake_engine, parcels, lines, mask):
    """Give the environment of a QGIS that uses the fake engine."""
    runtime = profiles / "runtime"
    runtime.mkdir(mode=0o700)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(runtime),
        "QGIS_CUSTOM_CONFIG_PATH": str(profiles), "GEOSEG_PYTHON": str(fake_engine),
        "FAKE_LOG": str(work / "log.jsonl"), "FAKE_PARCELS": str(parcels), "FAKE_MASK": str(mask),
        "FAKE_LINES": str(lines),
    }


class Inside:
    """A QGIS without a window that answers questions."""

    def __init__(self, environment, profiles):
        self.errors = open(profiles / "inside.err", "w+b")  # noqa: SIM115
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, HERE / "inside.py", str(profiles)], env=environment, text=True,
            encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )

    def ask(self, question, **values):
        """Ask, and give the answer."""
        self.process.stdin.write(json.dumps({"question": question, **values}, default=str) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                answer = json.loads(line)
                if "failed" in answer:
                    pytest.fail(f"in QGIS: {answer['failed']}")
                return answer
        self.errors.seek(0)
        return pytest.fail(f"QGIS died: {self.errors.read().decode()[-3000:]}")

    def run(self, algorithm, mode="good", **values):
        """Run an algorithm with the fake engine in one of its moods."""
        return self.ask("run", algorithm=algorithm, environment={"FAKE_MODE": mode}, **values)


@pytest.fixture(scope="session")
def inside(environment, profiles):
    """Give a QGIS without a window."""
    one = Inside(environment, profiles)
    yield one
    one.process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        one.process.wait(20)
    one.process.kill()
    one.errors.close()


class Log:
    """What the fake engine was asked."""

    def __init__(self, path):
        self.path = path

    def clear(self):
        """Forget."""
        self.path.write_text("")

    @property
    def entries(self):
        """Give all entries."""
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]

    def words(self):
        """Give the last command line."""
        return self.entries[-1]["words"]

    def values(self, number=-1):
        """Parse a command line with geoseg's real one; give the values."""
        from geoseg.cli.main import cli

        command, words = cli, self.entries[number]["words"]
        while isinstance(command, click.Group):
            _, command, words = command.resolve_command(click.Context(command), words)
        return command.make_context("geoseg", words).params

    def wait_until_all_ended(self, seconds):
        """Wait until no process of the engine lives; give those that do."""
        end = time.monotonic() + seconds
        alive = self.alive()
        while alive and time.monotonic() < end:
            time.sleep(0.05)
            alive = self.alive()
        return alive

    def alive(self):
        """Give the numbers of engine processes that live."""
        return [entry["pid"] for entry in self.entries if lives(entry["pid"])]


@pytest.fixture(name="lives", scope="session")
def lives_fixture():
    """Give the function that says whether a process lives."""
    return lives


def lives(pid):
    """Say whether a process lives; one that only waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def log(environment):
    """Give the fake engine's log, empty."""
    one = Log(Path(environment["FAKE_LOG"]))
    one.clear()
    return one


@pytest.fixture(scope="module")
def log_of_module(environment):
    """Give the fake engine's log, empty at the start of a module."""
    one = Log(Path(environment["FAKE_LOG"]))
    one.clear()
    return one
