"""The sample scenes: the same for a seed, and true to their parcels."""

import subprocess
import sys

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from shapely import Polygon

SAMPLE_SEED = 34
"""The committed scene's seed, as sample_data/README.md says."""


def test_the_same_seed_gives_the_same_pixels_and_parcels(generate):
    first = generate.make_scene(96, 1.0, seed=3)
    second = generate.make_scene(96, 1.0, seed=3)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.parcels == second.parcels


def test_another_seed_gives_other_pixels(generate):
    first = generate.make_scene(64, 1.0, seed=3, landscape="strips")
    second = generate.make_scene(64, 1.0, seed=4, landscape="strips")
    assert not np.array_equal(first.pixels, second.pixels)


def test_parcels_are_a_valid_coverage_of_polygons(scene):
    assert all(isinstance(one, Polygon) and one.is_valid for one in scene.parcels)
    assert shapely.coverage_is_valid(scene.parcels)


def test_parcels_lie_within_the_scene(scene):
    bounds = rasterio.transform.array_bounds(*scene.pixels.shape[1:], scene.transform)
    assert shapely.box(*bounds).buffer(1e-6).covers(shapely.union_all(scene.parcels))


def test_a_scene_shows_a_sensible_number_of_parcels(scene):
    assert 4 <= len(scene.parcels) <= 120
    assert len(scene.crops) == len(scene.parcels)


def test_much_but_not_all_of_the_scene_is_parcels(scene):
    share = np.mean(scene.labels() > 0)
    assert 0.4 < share < 0.99


def test_some_strip_fields_touch(generate):
    labels = generate.make_scene(192, 2.0, seed=5, landscape="strips").labels()
    across = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    assert across.any()


def test_the_picture_changes_more_at_the_borders_than_beside_them(scene):
    # 1.3 times in the orchards, which have much contrast of their own, to 2.4 times in the plains.
    assert _contrast_at_borders(scene, 0) > 1.2 * _contrast_at_borders(scene, 7)


def _contrast_at_borders(scene, shift):
    """Give the change of light across borders moved by some pixels, over that elsewhere."""
    labels = np.roll(scene.labels(), (shift, shift), axis=(0, 1))
    light = scene.pixels.astype(float).mean(axis=0)
    step, border = np.abs(light[:, 2:] - light[:, :-2]), labels[:, 2:] != labels[:, :-2]
    return step[border].mean() / step[~border].mean()


def test_the_picture_fits_the_truth_best_where_it_lies(generate):
    scene = generate.make_scene(256, 1.0, seed=2, landscape="mixed")
    spread = {shift: _spread_within(scene, shift) for shift in (-4, 0, 4)}
    assert spread[0] < min(spread[-4], spread[4])


def _spread_within(scene, shift):
    """Give the mean variance of light within parcels moved by some columns."""
    labels = np.roll(scene.labels(), shift, axis=1)[:, 8:-8].ravel()
    light = scene.pixels.astype(float).mean(axis=0)[:, 8:-8].ravel()
    count = np.bincount(labels)
    mean = np.bincount(labels, light) / np.maximum(count, 1)
    return np.mean((light - mean[labels])[labels > 0] ** 2)


def test_some_neighbours_differ_in_colour_and_some_hardly(generate):
    scene = generate.make_scene(256, 2.0, seed=2, landscape="strips")
    labels = scene.labels()
    count = np.maximum(np.bincount(labels.ravel()), 1)
    means = np.array([np.bincount(labels.ravel(), band.ravel()) / count for band in scene.pixels])
    pairs = np.stack([labels[:, :-1], labels[:, 1:]], axis=-1).reshape(-1, 2)
    pairs = np.unique(pairs[(pairs[:, 0] != pairs[:, 1]) & (pairs > 0).all(axis=1)], axis=0)
    contrast = np.abs(means[:, pairs[:, 0]] - means[:, pairs[:, 1]]).max(axis=0)
    assert contrast.max() > 30
    assert contrast.min() < 12


def test_strips_of_the_painting_leave_no_seam(generate, monkeypatch):
    whole = generate.make_scene(96, 1.0, seed=6, landscape="bocage").pixels
    monkeypatch.setattr("picture.STRIP", 32)
    parts = generate.make_scene(96, 1.0, seed=6, landscape="bocage").pixels
    difference = np.abs(whole.astype(int) - parts)
    assert np.mean(difference > 1) < 0.001


@pytest.mark.parametrize("size, resolution", [(16, 0.5), (64, 0.1), (64, 9.0)])
def test_sizes_and_resolutions_out_of_range_are_refused(generate, size, resolution):
    with pytest.raises(ValueError, match="use at least 32, of 0.2 to 5 m"):
        generate.make_scene(size, resolution)


def test_an_unknown_landscape_is_refused_with_the_known_ones(generate):
    with pytest.raises(ValueError, match="no landscape 'tundra'; use one of bocage, mixed"):
        generate.make_scene(64, 1.0, landscape="tundra")


@pytest.mark.parametrize("resolution", [0.2, 5.0])
def test_the_finest_and_the_coarsest_resolution_give_a_scene(generate, resolution):
    scene = generate.make_scene(64, resolution, seed=1, landscape="mixed")
    assert scene.pixels.shape == (3, 64, 64)
    assert scene.pixels.std() > 3


def test_the_command_writes_both_files(sample_data, tmp_path):
    picture, parcels = tmp_path / "scene.tif", tmp_path / "parcels.gpkg"
    options = ["--size", "64", "--landscape", "bocage", "--crs", "EPSG:25832"]
    command = [sys.executable, sample_data / "generate.py", picture, parcels, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"parcels in {parcels}" in done.stdout
    with rasterio.open(picture) as file:
        assert file.shape == (64, 64)
        assert file.crs.to_epsg() == 25832
        assert [one.name for one in file.colorinterp] == ["red", "green", "blue"]
    assert pyogrio.read_info(parcels, layer="parcels")["crs"] == "EPSG:25832"


def test_the_committed_scene_is_what_the_generator_makes(generate, sample_data):
    # Other versions of numpy and GEOS may round otherwise, so a few pixels may differ.
    scene = generate.make_scene(1024, 0.5, seed=SAMPLE_SEED, landscape="mixed")
    with rasterio.open(sample_data / "scene.tif") as file:
        difference = np.abs(file.read().astype(int) - scene.pixels)
        assert file.transform == scene.transform
    assert np.mean(difference > 2) < 0.01
    stored = pyogrio.read_dataframe(sample_data / "parcels.gpkg", layer="parcels")
    assert stored.area_m2.sum() == pytest.approx(shapely.area(scene.parcels).sum(), rel=1e-3)
    assert 25 <= len(stored) <= 60


def test_the_committed_files_are_small(sample_data):
    assert (sample_data / "scene.tif").stat().st_size < 3_000_000
    assert (sample_data / "parcels.gpkg").stat().st_size < 400_000
