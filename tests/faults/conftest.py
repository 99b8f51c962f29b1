"""An engine that runs geoseg with faults, for the tests of this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """Give an engine; its folder has scene.tif and model.safetensors."""
    injection = pytest.importorskip("injection", reason="wants POSIX")
    with injection.engine(tmp_path_factory.mktemp("engine").resolve()) as made:
        yield made


@pytest.fixture
def job(engine, tmp_path):
    """Give (arguments, output) of a vectorize run."""
    scene, model = engine.folder / "scene.tif", engine.folder / "model.safetensors"
    out = tmp_path.resolve() / "out" / "out.gpkg"
    out.parent.mkdir()
    use = ["--model", model, "--tile", "64", "--threads", "1", "--min-area", "5", "--overwrite"]
    return ["vectorize", scene, out, *use], out
