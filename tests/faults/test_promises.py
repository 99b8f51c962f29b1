import re
from pathlib import Path

import numpy as np
import pytest
import rasterio

ROOT = Path(__file__).parents[2]
PROMISED = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "promises.md").read_text("utf-8"))


@pytest.fixture(scope="module")
def tests_there_are():
    texts = [one.read_text("utf-8") for one in (ROOT / "tests").rglob("test_*.py")]
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}


@pytest.mark.parametrize("name", PROMISED)
def test_every_promise_has_its_test(name, tests_there_are):
    assert name in tests_there_are


def test_threads_change_a_stored_probability_by_one_step_at_most(engine, tmp_path):
    scene, model = engine.folder / "scene.tif", engine.folder / "model.safetensors"
    masks = []
    for threads in (1, 2):
        out = tmp_path / f"{threads}.tif"
        use = ["--model", model, "--tile", "64", "--threads", threads]
        assert engine.run(["predict", scene, out, *use]).code == 0
        with rasterio.open(out) as mask:
            masks.append(mask.read().astype(int))
    assert np.abs(masks[0] - masks[1]).max() <= 1
