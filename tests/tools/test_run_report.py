import json
import logging
import re

import pytest
import rasterio

from geoseg.errors import OptionError, OutputError
from geoseg.tools.run_report import run_pages
from geoseg.tools.vectorize import vectorize

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture(scope="module")
def made(tmp_path_factory, cut_scene):
    """Vectorize a corner of the sample scene with page and picture, under a hostile name."""
    folder = tmp_path_factory.mktemp("run")
    scene = cut_scene(folder / "<img src=x>.tif", width=320, height=320)
    result = vectorize(scene, folder / "p.gpkg", report=folder / "r.html",
                       preview=folder / "p.png", threads=1)
    return result, folder


def test_the_page_says_what_was_done_and_shows_every_parcel(made):
    result, folder = made
    page = (folder / "r.html").read_text(encoding="utf-8")
    (content,) = re.findall(r'<script type="application/json" id="map">(.*?)</script>', page)
    shown = json.loads(content)
    assert len(shown["layers"][0]["status"]) == result.count > 3
    ids = shown["layers"][0]["facts"]["parcel"]
    assert sorted(ids) == sorted(result.parcels["parcel_id"].tolist())
    for text in ("320 x 320, 0.5 x 0.5 m", "WGS 84 / UTM zone 33N", "parcels-aerial", "cpu (",
                 "MiB; planned", "not legal boundaries"):
        assert text in page
    assert "<img src=x>" not in page
    assert re.findall(r"https?://", page) == []


def test_the_preview_is_the_scene_with_yellow_lines(made):
    _, folder = made
    with rasterio.open(folder / "p.png") as picture:
        red, green, blue = picture.read().astype(int)
    assert red.shape == (640, 640)  # a scene of 320 pixels, twice as large
    yellow = (red > 230) & (green > 190) & (blue < 110)
    assert 0.005 < yellow.mean() < 0.2


def test_the_result_knows_its_memory(made):
    assert 1e8 < made[0].report["memory_bytes"] < 1e10


def test_an_existing_page_is_refused_before_the_run(made, tmp_path):
    _, folder = made
    before = (folder / "r.html").read_bytes()
    with pytest.raises(OutputError, match="exists; pass --overwrite"):
        vectorize(folder / "<img src=x>.tif", tmp_path / "p.gpkg", report=folder / "r.html")
    assert (folder / "r.html").read_bytes() == before
    assert not (tmp_path / "p.gpkg").exists()


def test_a_preview_is_a_png(tmp_path):
    with pytest.raises(OptionError, match="ends in .png"):
        with run_pages(None, tmp_path / "a.jpg", overwrite=False):
            pass


def test_warnings_are_gathered_and_only_during_the_run():
    with run_pages(None, None, overwrite=False) as pages:
        logging.getLogger("geoseg.x").warning("pixels are %d m", 30)
        logging.getLogger("geoseg.x").info("nothing")
    logging.getLogger("geoseg.x").warning("later")
    assert pages.warnings == ["pixels are 30 m"]


def test_a_dry_run_leaves_no_page(made, tmp_path):
    _, folder = made
    vectorize(folder / "<img src=x>.tif", tmp_path / "p.gpkg", report=tmp_path / "r.html",
              dry_run=True)
    assert list(tmp_path.iterdir()) == []
