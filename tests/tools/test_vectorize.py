"""The main job on the sample scene, as a user runs it."""

import json
import shutil

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

import geoseg
from geoseg.errors import MemoryBudgetError, ModelError, OptionError, OutputError, RasterError


@pytest.fixture(scope="module")
def scene(sample_data):
    return sample_data / "scene.tif"


@pytest.fixture(scope="module")
def made(scene, tmp_path_factory):
    return geoseg.vectorize(scene, tmp_path_factory.mktemp("made") / "parcels.gpkg")


@pytest.fixture
def clip(cut_scene, tmp_path):
    """Give a function that writes a 300 x 260 clip of the scene with another profile."""

    def write(name="clip.tif", **profile):
        return cut_scene(tmp_path / name, 100, 200, 300, 260, **profile)

    return write


def test_the_sample_scene_s_parcels_are_found(made, sample_data):
    scores = geoseg.evaluate(made.path, sample_data / "parcels.gpkg").scores
    assert scores["parcel_f1"] >= 0.7


def test_parcels_are_a_coverage_with_the_promised_attributes(made, scene):
    parcels = made.parcels
    assert list(parcels.columns) == [
        "parcel_id", "class", "area_m2", "perimeter_m", "confidence", "boundary", "edge",
        "geometry",
    ]
    assert shapely.coverage_is_valid(parcels.geometry.values)
    assert parcels.is_valid.all()
    assert parcels["parcel_id"].is_unique
    assert np.allclose(parcels["area_m2"], parcels.area, rtol=2e-3)
    with rasterio.open(scene) as source:
        assert parcels.crs == source.crs


def test_parcels_of_a_lower_confidence_are_left_out_and_the_others_are_the_same(clip, tmp_path):
    mask = geoseg.predict(clip(), tmp_path / "mask.tif").path
    every = geoseg.polygonize(mask, tmp_path / "a.gpkg", min_confidence=0).parcels
    least = every["confidence"].median()
    sure = geoseg.polygonize(mask, tmp_path / "s.gpkg", min_confidence=least - 1e-6).parcels
    wanted = every[every["confidence"] >= least]
    assert 0 < len(wanted) < len(every)
    assert list(sure["parcel_id"]) == list(wanted["parcel_id"])


def test_borders_are_simplified_by_the_chosen_way_and_stay_a_coverage(clip, tmp_path):
    mask = geoseg.predict(clip(), tmp_path / "mask.tif").path
    made = {by: geoseg.polygonize(mask, tmp_path / f"{by}.gpkg", simplify=3.0, simplify_by=by)
            for by in ("dp", "vw")}
    shapes = {by: one.parcels.geometry.values for by, one in made.items()}
    assert all(shapely.coverage_is_valid(one) for one in shapes.values())
    assert shapely.get_num_coordinates(shapes["dp"]).sum() != (
        shapely.get_num_coordinates(shapes["vw"]).sum()
    )
    with pytest.raises(OptionError, match="--simplify-by is 'ramer', wanted dp or vw"):
        geoseg.polygonize(mask, tmp_path / "x.gpkg", simplify_by="ramer")


def test_spurs_of_four_pixels_are_trimmed_unless_the_user_says_otherwise(scene, tmp_path):
    mask = geoseg.predict(scene, tmp_path / "mask.tif").path
    by_itself, kept, chosen = (
        geoseg.polygonize(mask, tmp_path / f"{trim}.gpkg", trim=trim).parcels
        for trim in (None, 0, 2.0)  # metres; a pixel has half a metre
    )
    assert list(by_itself["parcel_id"]) == list(kept["parcel_id"])
    points = [shapely.get_num_coordinates(one.geometry).sum() for one in (by_itself, kept, chosen)]
    assert points[0] < 0.99 * points[1]
    assert points[2] == pytest.approx(points[0], rel=0.003)  # the grid's metres are not quite true
    with pytest.raises(OptionError, match="--trim is for borders without stairs"):
        geoseg.polygonize(mask, tmp_path / "x.gpkg", simplify=0, trim=1)
    with pytest.raises(OptionError, match="--trim is -1, wanted 0 or more"):
        geoseg.polygonize(mask, tmp_path / "x.gpkg", trim=-1)


def test_a_second_run_gives_the_same_bytes(whole, tmp_path):
    path = whole[0]
    for name in ("one", "two"):
        geoseg.vectorize(path, tmp_path / f"{name}.gpkg")
    assert (tmp_path / "one.gpkg").read_bytes() == (tmp_path / "two.gpkg").read_bytes()


@pytest.fixture
def whole(clip, tmp_path):
    """Give the parcels and the mask of a clip that is one tile."""
    path = clip()
    made = geoseg.vectorize(path, tmp_path / "whole.gpkg", mask=tmp_path / "whole.tif", tile=512)
    with rasterio.open(tmp_path / "whole.tif") as mask:
        return path, made.parcels, mask.read()


@pytest.mark.parametrize("options", [{"tile": 64}, {"tile": 100, "batch": 3}, {"tile": 256}])
def test_neither_the_mask_nor_the_polygons_depend_on_the_tile(whole, tmp_path, options):
    path, parcels, expected = whole
    tiled = geoseg.vectorize(path, tmp_path / "t.gpkg", mask=tmp_path / "t.tif", **options)
    with rasterio.open(tmp_path / "t.tif") as mask:
        assert (mask.read() == expected).all()
    assert (tiled.parcels.to_wkb() == parcels.to_wkb()).all(axis=None)


def test_predict_then_polygonize_is_vectorize(whole, tmp_path):
    path, expected, _ = whole
    mask = geoseg.predict(path, tmp_path / "mask.tif")
    parcels = geoseg.polygonize(mask.path, tmp_path / "out.gpkg").parcels
    assert (parcels.to_wkb() == expected.to_wkb()).all(axis=None)


ALBERS = (
    'PROJCS["made up",GEOGCS["GRS80",DATUM["none",SPHEROID["GRS80",6378137,298.257222101]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Albers_Conic_Equal_Area"],PARAMETER["latitude_of_center",50],'
    'PARAMETER["longitude_of_center",15],PARAMETER["standard_parallel_1",45],'
    'PARAMETER["standard_parallel_2",55],PARAMETER["false_easting",0],'
    'PARAMETER["false_northing",0],UNIT["metre",1]]'
)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        (ALBERS, Affine(0.5, 0, 1000, 0, -0.5, 2000)),
        ("EPSG:4326", Affine(7e-6, 0, 15.0, 0, -4.5e-6, 50.0)),
        ("EPSG:2265", Affine(1.64, 0, 2e6, 0, -1.64, 4e5)),
        ("EPSG:32633", Affine(0.5, 0, 5e5, 0, -0.5, 5.4e6) @ Affine.rotation(17)),
        ("EPSG:32633", Affine(0.5, 0, 5e5, 0, 0.5, 5.4e6)),
        ("EPSG:32633", Affine(0.5, 0.1, 5e5, 0, -0.6, 5.4e6)),
    ],
    ids=["custom wkt", "degrees", "feet", "rotated", "south-up", "sheared"],
)
def test_parcels_lie_over_the_scene_in_any_crs(clip, crs, transform, tmp_path):
    path = clip(crs=crs, transform=transform)
    parcels = geoseg.vectorize(path, tmp_path / "out.gpkg").parcels
    assert len(parcels) > 2
    assert shapely.coverage_is_valid(parcels.geometry.values)
    assert shapely.is_ccw(shapely.get_exterior_ring(parcels.geometry.values)).all()
    corners = shapely.Polygon([transform @ p for p in [(0, 0), (300, 0), (300, 260), (0, 260)]])
    allowed = corners.buffer(1e-6 * corners.length)
    assert parcels.within(allowed).all()
    metres = parcels["area_m2"].sum() / parcels.area.sum()
    expected = {"EPSG:4326": 111.3e3 * 71.7e3, "EPSG:2265": 0.3048**2}.get(crs, 1.0)
    assert metres == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_other_dtypes_are_stretched_to_the_model_s_range(clip, dtype, tmp_path):
    path = clip(data=lambda pixels: (pixels * 12.0 + 300).astype(dtype))
    assert geoseg.vectorize(path, tmp_path / "out.gpkg").count > 2


def test_nodata_makes_no_parcels_and_its_neighbours_touch_the_edge(clip, tmp_path):
    def cut(pixels):
        pixels[:, :, :150] = 0
        return pixels

    path = clip(data=cut, nodata=0)
    parcels = geoseg.vectorize(path, tmp_path / "out.gpkg").parcels
    with rasterio.open(path) as source:
        middle = (source.transform @ (150, 0))[0]
    assert parcels.total_bounds[0] >= middle - 1e-6
    assert parcels["edge"].any()


def test_a_coarser_scene_is_resampled_and_the_extent_kept(scene, tmp_path, caplog):
    with rasterio.open(scene) as source:
        profile = source.profile | {
            "width": 64, "height": 64, "transform": source.transform @ Affine.scale(16),
            "tiled": False, "compress": "none",
        }
        pixels = source.read(out_shape=(3, 64, 64))
    for key in ("blockxsize", "blockysize", "photometric"):
        profile.pop(key, None)
    with rasterio.open(tmp_path / "coarse.tif", "w", **profile) as target:
        target.write(pixels)
    mask = geoseg.predict(tmp_path / "coarse.tif", tmp_path / "mask.tif")
    assert "times finer; better take --model parcels-satellite" in caplog.text
    with rasterio.open(mask.path) as fine, rasterio.open(scene) as source:
        assert fine.bounds == pytest.approx(source.bounds)


def test_only_the_area_of_interest_is_used(made, scene, tmp_path):
    one = made.parcels.sort_values("area_m2").iloc[[-1]]
    one.to_crs(4326).to_file(tmp_path / "aoi.gpkg")
    parcels = geoseg.vectorize(scene, tmp_path / "out.gpkg", aoi=tmp_path / "aoi.gpkg").parcels
    assert len(parcels) >= 1
    assert parcels.union_all().difference(one.union_all().buffer(1.5)).area < 1


def test_only_the_extent_is_used(scene, tmp_path):
    with rasterio.open(scene) as source:
        left, bottom, _, _ = source.bounds
    extent = (left + 50, bottom + 60, left + 250, bottom + 200)
    parcels = geoseg.vectorize(scene, tmp_path / "out.gpkg", extent=extent).parcels
    assert shapely.box(*extent).buffer(1e-6).contains(shapely.box(*parcels.total_bounds))


def test_an_existing_output_is_kept_without_overwrite(made, scene, tmp_path):
    shutil.copy(made.path, tmp_path / "out.gpkg")
    with pytest.raises(OutputError, match="--overwrite"):
        geoseg.vectorize(scene, tmp_path / "out.gpkg")
    assert (tmp_path / "out.gpkg").read_bytes() == made.path.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["out.gpkg"]


def test_other_layers_of_the_geopackage_survive(clip, made, tmp_path):
    shutil.copy(made.path, tmp_path / "out.gpkg")
    geoseg.vectorize(clip(), tmp_path / "out.gpkg", layer="second")
    layers = {name for name, _ in pyogrio.list_layers(tmp_path / "out.gpkg")}
    assert {"parcels", "second"} <= layers


@pytest.mark.parametrize("suffix", [".parquet", ".fgb", ".geojson", ".shp"])
def test_the_suffix_chooses_the_format(clip, suffix, tmp_path):
    result = geoseg.vectorize(clip(), tmp_path / f"out{suffix}")
    assert len(result.parcels) == result.count > 2


def test_a_dry_run_writes_nothing(scene, tmp_path):
    report = geoseg.vectorize(scene, tmp_path / "out.gpkg", dry_run=True).report
    assert report["plan"]["memory_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_events_tell_the_plan_and_every_stage(clip, tmp_path):
    events = []
    geoseg.vectorize(clip(), tmp_path / "out.gpkg", progress=events.append)
    json.dumps(events)
    assert events[0]["event"] == "plan"
    stages = [event["stage"] for event in events if event["event"] == "progress"]
    assert list(dict.fromkeys(stages)) == ["predict", "find parcels", "draw parcels"]
    last = {event["stage"]: event for event in events[1:]}
    assert all(event["done"] == event["total"] for event in last.values())


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"model": "none"}, ModelError, "none"),
        ({"threshold": 1.5}, OptionError, "--threshold is 1.5"),
        ({"bands": (1, 2)}, OptionError, "the model wants 3"),
        ({"memory": 1 << 20}, MemoryBudgetError, "needs at least"),
        ({"aoi": "none.gpkg"}, OSError, "none.gpkg"),
    ],
)
def test_what_cannot_work_is_refused_with_one_line(scene, tmp_path, options, error, said):
    with pytest.raises(error, match=said) as raised:
        geoseg.vectorize(scene, tmp_path / "out.gpkg", **options)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_scene_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(RasterError, match="does not exist"):
        geoseg.vectorize(tmp_path / "none.tif", tmp_path / "out.gpkg")
