"""Border lines, corrected as a surveyor does, become parcels again."""

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

import geoseg
from geoseg.cli.main import main
from geoseg.errors import CRSError, OptionError, VectorError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give parcels and lines of a drawn raster with a hole, in 10 m pixels."""
    folder = tmp_path_factory.mktemp("rebuild")
    data = np.random.default_rng(5).integers(1, 4, (6, 8)).repeat(5, 0).repeat(5, 1)
    data[12:17, 12:19] = 0
    with rasterio.open(
        folder / "classes.tif", "w", driver="GTiff", count=1, height=30, width=40, nodata=0,
        dtype="uint8", crs="EPSG:32633", transform=Affine(10, 0, 500_000, 0, -10, 5_400_000),
    ) as raster:
        raster.write(data.astype(np.uint8), 1)
    out = folder / "p.gpkg"
    return geoseg.polygonize(folder / "classes.tif", out, lines=out, simplify=8)


def _edited(made, tmp_path, change, name="edited.gpkg"):
    lines = change(made.lines.copy())
    lines.to_file(tmp_path / name, layer="lines", engine="pyogrio")
    return tmp_path / name


@pytest.mark.parametrize("with_old", [True, False])
def test_lines_that_are_not_changed_give_the_same_parcels_to_the_last_bit(
    made, tmp_path, with_old
):
    old = made.path if with_old else None
    again = geoseg.polygonize(None, tmp_path / "a.gpkg", lines=made.path, parcels=old).parcels
    one, two = (x.set_index("parcel_id").sort_index() for x in (made.parcels, again))
    assert one.index.equals(two.index)
    same = shapely.equals_exact(one.normalize().values, two.normalize().values, tolerance=0)
    assert same.all()
    assert (one["edge"] == two["edge"]).all()
    assert np.allclose(one["area_m2"], two["area_m2"], rtol=1e-3)
    if with_old:
        assert list(again.columns) == list(made.parcels.columns)
        assert (one["value"] == two["value"]).all()


def test_a_line_taken_out_makes_one_parcel_of_two_under_the_larger_one_s_id(made, tmp_path):
    shared = made.lines.dropna(subset=["left", "right"])
    gone = shared.index[0]
    two = made.parcels.set_index("parcel_id").loc[shared.loc[gone, ["left", "right"]].astype(int)]
    whole = two.union_all()
    apart = made.lines.geometry.within(whole) & ~made.lines.within(whole.boundary)
    path = _edited(made, tmp_path, lambda lines: lines[~apart])
    again = geoseg.polygonize(None, tmp_path / "a.gpkg", lines=path, parcels=made.path).parcels
    assert len(again) == made.count - 1
    assert shapely.coverage_is_valid(again.geometry.values)
    merged = again.set_index("parcel_id").loc[two["area_m2"].idxmax()]
    assert merged.geometry.equals(whole)
    assert merged["value"] == two.loc[two["area_m2"].idxmax(), "value"]


def _split(made, parcel, short=0.0):
    """Give a line across a parcel, from west to east; its ends stop short of the border."""
    west, south, east, north = parcel.bounds
    middle = (south + north) / 2
    across = shapely.LineString([(west - 1e4, middle), (east + 1e4, middle)])
    inside = shapely.intersection(across, parcel)
    (ax, ay), (bx, by) = max(shapely.get_parts(inside), key=shapely.length).coords
    return shapely.LineString([(ax + short, ay), (bx - short, by)])


@pytest.mark.parametrize("short", [-30.0, -0.5, 0.0, 0.6])
def test_a_line_drawn_across_a_parcel_splits_it_though_its_ends_miss_the_border(
    made, tmp_path, short
):
    largest = made.parcels.loc[made.parcels.area.idxmax()]
    line = _split(made, largest.geometry, short)
    path = _edited(made, tmp_path, lambda lines: geopandas.GeoDataFrame(
        {"geometry": [*lines.geometry, line], "left": [*lines["left"], None],
         "right": [*lines["right"], None]}, crs=lines.crs))
    again = geoseg.polygonize(None, tmp_path / "a.gpkg", lines=path, parcels=made.path).parcels
    assert len(again) == made.count + 1
    assert shapely.coverage_is_valid(again.geometry.values)
    assert again["parcel_id"].is_unique
    pieces = again[again.representative_point().within(largest.geometry)]
    assert len(pieces) == 2
    keeps = pieces.loc[pieces["area_m2"].idxmax(), "parcel_id"]
    assert keeps == largest["parcel_id"]
    assert set(again["parcel_id"]) - set(made.parcels["parcel_id"]) == {
        made.parcels["parcel_id"].max() + 1
    }
    assert (pieces["value"] == largest["value"]).all()


def test_an_end_that_misses_by_more_than_the_tolerance_is_said_and_parts_nothing(
    made, tmp_path, caplog
):
    largest = made.parcels.loc[made.parcels.area.idxmax()].geometry
    line = _split(made, largest, 5.0)
    path = _edited(made, tmp_path, lambda lines: geopandas.GeoDataFrame(
        geometry=[*lines.geometry, line], crs=lines.crs))
    again = geoseg.polygonize(None, tmp_path / "a.gpkg", lines=path, parcels=made.path)
    assert again.report["dangles"] == 1
    assert "1 lines part nothing and were left out; the first one starts at 500" in caplog.text


def test_a_hole_stays_a_hole_and_a_parcel_may_be_drawn_into_it(made, tmp_path):
    everything = made.parcels.union_all()
    hole = max(shapely.get_parts(everything.envelope.difference(everything)), key=shapely.area)
    drawn = hole.centroid.buffer(10)
    path = _edited(made, tmp_path, lambda lines: geopandas.GeoDataFrame(
        {"geometry": [*lines.geometry, drawn.exterior], "left": [*lines["left"], None],
         "right": [*lines["right"], None]}, crs=lines.crs))
    again = geoseg.polygonize(None, tmp_path / "a.gpkg", lines=path).parcels
    assert len(again) == made.count + 1
    assert again.geometry.area.sum() == pytest.approx(made.parcels.area.sum() + drawn.area)


def test_the_command_line_builds_parcels_of_lines_and_keeps_them_in_the_file(
    made, tmp_path, capsys
):
    copy = tmp_path / "p.gpkg"
    copy.write_bytes(made.path.read_bytes())
    with pytest.raises(SystemExit, match="0"):
        main(["polygonize", "--lines", str(copy), str(copy), "--parcels", str(copy),
              "--overwrite"])
    assert f"{made.count} polygons" in capsys.readouterr().out
    assert len(geopandas.read_file(copy, layer="lines")) == len(made.lines)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda lines: lines.head(1), VectorError, "encloses nothing"),
        (lambda lines: lines.set_geometry(lines.centroid), VectorError, "and no lines"),
        (lambda lines: lines.set_crs(None, allow_override=True), CRSError, "has a CRS"),
    ],
)
def test_what_cannot_become_parcels_is_refused(made, tmp_path, change, error, text):
    path = _edited(made, tmp_path, change)
    with pytest.raises(error, match=text):
        geoseg.polygonize(None, tmp_path / "a.gpkg", lines=path, parcels=made.path)
    assert not (tmp_path / "a.gpkg").exists()


def test_options_that_do_not_fit_are_refused(made, tmp_path):
    with pytest.raises(OptionError, match="there is no MASK"):
        geoseg.polygonize(None, tmp_path / "a.gpkg")
    with pytest.raises(OptionError, match="without a MASK"):
        geoseg.polygonize(made.path, tmp_path / "a.gpkg", parcels=made.path)


@pytest.mark.parametrize(
    "options",
    [{"simplify": 2.0}, {"min_area": 0.0}, {"band": 1}, {"shape": "smooth"}, {"connectivity": 8}],
)
def test_options_that_need_a_raster_are_refused_where_parcels_are_built_of_lines(
    made, tmp_path, options
):
    (name,) = options
    with pytest.raises(OptionError, match=f"{name} has no meaning there"):
        geoseg.polygonize(None, tmp_path / "a.gpkg", lines=made.path, **options)
    assert not list(tmp_path.iterdir())


def _alike(one, other):
    return (one.to_wkb() == other.to_wkb()).all(axis=None)


def test_python_builds_the_same_parcels_of_a_table_of_lines_as_of_their_file(made, tmp_path):
    of_files = geoseg.polygonize(None, tmp_path / "a.gpkg", lines=made.path, parcels=made.path)
    scene = made.path.with_name("classes.tif")
    of_tables = geoseg.vectorize(
        scene, tmp_path / "b.gpkg", edited_lines=made.lines, parcels=made.parcels
    )
    assert _alike(of_files.parcels, of_tables.parcels)
    assert of_tables.report["scene"] == "classes.tif" and of_tables.count == made.count
    without = geoseg.vectorize(None, tmp_path / "c.gpkg", edited_lines=str(made.path))
    assert "scene" not in without.report and without.count == made.count


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"threshold": 0.5}, OptionError, "threshold has no meaning there"),
        ({"mask": "mask.tif"}, OptionError, "mask has no meaning there"),
        ({"shape": "regular"}, OptionError, "shape has no meaning there"),
        ({"dry_run": True}, OptionError, "dry_run has no meaning there"),
        ({"tile": 256}, OptionError, "tile has no meaning there"),
        ({"snap": -1.0}, OptionError, "--snap is -1.0"),
        ({"parcels": "none.gpkg"}, VectorError, "none.gpkg does not exist"),
    ],
)
def test_options_that_do_not_fit_edited_lines_are_refused(made, tmp_path, options, error, text):
    with pytest.raises(error, match=text):
        geoseg.vectorize(None, tmp_path / "a.gpkg", edited_lines=made.path, **options)
    assert not list(tmp_path.iterdir())


def test_lines_beside_their_scene_and_parcels_without_lines_are_refused(made, tmp_path):
    away = made.lines.assign(geometry=made.lines.translate(5000))
    scene = made.path.with_name("classes.tif")
    with pytest.raises(CRSError, match="lies outside"):
        geoseg.vectorize(scene, tmp_path / "a.gpkg", edited_lines=away)
    with pytest.raises(OptionError, match="give a scene, or edited_lines"):
        geoseg.vectorize(scene, tmp_path / "a.gpkg", parcels=made.path)
    with pytest.raises(OptionError, match="give a scene, or edited_lines"):
        geoseg.vectorize(None, tmp_path / "a.gpkg")
