"""The models that come with geoseg load, and find parcels on what they are for."""

import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine

import geoseg
from geoseg.learning.bundled import bundled_models, find_model
from geoseg.learning.checkpoint import load


@pytest.fixture(scope="module")
def coarse(sample_data, tmp_path_factory):
    """A generated scene, its 4 m averaged to 12 m and 16 bits, and its parcels."""
    folder = tmp_path_factory.mktemp("coarse")
    fine, parcels = folder / "fine.tif", folder / "parcels.gpkg"
    subprocess.run(
        [sys.executable, sample_data / "generate.py", fine, parcels, "--size", "480", "--seed",
         "77", "--resolution", "4", "--landscape", "plains"], check=True,
    )
    with rasterio.open(fine) as source:
        pixels = source.read().reshape(3, 160, 3, 160, 3).mean((2, 4))
        place, crs = source.transform @ Affine.scale(3), source.crs
    with rasterio.open(
        folder / "coarse.tif", "w", driver="GTiff", width=160, height=160, count=3,
        dtype="uint16", transform=place, crs=crs, photometric="RGB",
    ) as target:
        target.write((400 + 9 * pixels).astype(np.uint16))
    return folder / "coarse.tif", parcels


@pytest.mark.parametrize("path", bundled_models(), ids=lambda path: path.stem)
def test_a_bundled_model_is_exact_free_and_says_what_it_is_for(path):
    spec, network = load(path)
    assert spec.name == path.stem and spec.license == "MIT" and spec.source
    assert spec.exact and network.exact and spec.halo == network.halo
    assert [band.name for band in spec.bands] == ["red", "green", "blue"]
    assert spec.instances.confidence > 0  # thresholds were chosen


def test_the_satellite_model_begins_where_the_aerial_one_ends():
    aerial, satellite = (
        load(find_model(name))[0].resolution for name in ("parcels-aerial", "parcels-satellite")
    )
    assert satellite[0] <= aerial[1] < satellite[1]


def test_the_satellite_model_finds_generated_parcels_at_12_m(coarse, tmp_path):
    scene, truth = coarse
    made = geoseg.vectorize(scene, tmp_path / "parcels.gpkg", model="parcels-satellite")
    scores = geoseg.evaluate(made.path, truth).scores
    assert scores["parcel_f1"] >= 0.5 and scores["pixel_iou"] >= 0.8


def test_the_satellite_model_finds_danish_parcels_that_no_training_saw(data_folder, tmp_path):
    folder = data_folder / "parcels_denmark_s2"
    made = geoseg.vectorize(
        folder / "RGB_small.tif", tmp_path / "parcels.gpkg", model="parcels-satellite"
    )
    scores = geoseg.evaluate(made.path, folder / "marker2016_small.shp").scores
    assert scores["parcel_f1"] >= 0.55  # parcels-aerial: 0.464
