import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from shapely.geometry import box

from geoseg.cli.train import train as command
from geoseg.errors import LockedError, OptionError, TrainingError, VectorError
from geoseg.grid import GeoBox
from geoseg.learning.checkpoint import load, read_spec
from geoseg.learning.recipe import Recipe
from geoseg.publish import holding
from geoseg.tools.pairs import EDGE, Pair, find_pairs, load_pairs, named_pairs, read_labels
from geoseg.tools.train import train
from geoseg.tools.training_data import measured_range, scaling_of

SIDE, FIELD, METRES = 160, 20, 2.0
PLACE = Affine(METRES, 0, 500_000, 0, -METRES, 5_000_000)
QUICK = {"chip": 32, "batch": 2, "width": 4, "device": "cpu", "threads": 1}
SHORT = Recipe(steps=6, validations=1, statistics_batches=1, rate=2e-2)


def board():
    """A board of fields: every third square is not one."""
    rows, cols = np.indices((SIDE, SIDE)) // FIELD
    labels = rows * (SIDE // FIELD) + cols + 1
    return np.where((rows + cols) % 3 == 0, 0, labels).astype(np.uint16)


def picture(seed=0, dtype="uint8", top=255):
    random = np.random.default_rng(seed)
    colours = random.integers(top // 3, top, (board().max() + 1, 3))
    return colours[board()].transpose(2, 0, 1).astype(dtype)


def write_raster(path, data, *, crs="EPSG:32633", transform=PLACE, **options):
    data = data if data.ndim == 3 else data[None]
    place = {} if crs is None else {"crs": crs, "transform": transform}
    with rasterio.open(
        path, "w", driver="GTiff", height=data.shape[1], width=data.shape[2], count=len(data),
        dtype=data.dtype, photometric="RGB" if len(data) == 3 else "MINISBLACK", **place, **options,
    ) as file:
        file.write(data)
    return path


def write_fields(path, crs="EPSG:32633"):
    labels, shapes = board(), []
    for number in np.unique(labels[labels > 0]):
        rows, cols = np.nonzero(labels == number)
        left, top = PLACE @ (cols.min(), rows.min())
        right, bottom = PLACE @ (cols.max() + 1, rows.max() + 1)
        shapes.append(box(left, bottom, right, top))
    geopandas.GeoDataFrame(geometry=shapes, crs="EPSG:32633").to_crs(crs).to_file(path)
    return path


@pytest.fixture
def scenes(tmp_path):
    """Give a folder with three scenes and their labels."""
    for number in range(3):
        write_raster(tmp_path / f"s{number}.tif", picture(number))
        write_raster(tmp_path / f"s{number}_labels.tif", board())
    return tmp_path


def test_a_folder_of_scenes_becomes_a_model_with_its_spec(scenes, tmp_path):
    model = tmp_path / "out" / "fields.safetensors"
    outcome = train([scenes], model, recipe=SHORT, license="MIT", source="a board", **QUICK)
    spec, network = load(model)
    assert outcome.steps == 6 and outcome.scores.keys() >= {"parcel_iou", "boundary_iou"}
    assert [one.name for one in spec.bands] == ["red", "green", "blue"]
    assert [one.name for one in spec.classes] == ["parcel", "boundary"]
    assert (spec.bands[0].low, spec.bands[0].high, spec.dtype) == (0, 255, "uint8")
    assert spec.resolution == pytest.approx((1.0, 4.0), rel=0.01)
    assert (spec.license, spec.source, spec.width, spec.halo) == ("MIT", "a board", 4, 96)
    held = json.loads(spec.history["held_out"])
    assert len(held) == 1 and held[0] in ("s0", "s1", "s2")
    assert sum(one.numel() for one in network.parameters()) > 0


def test_named_scenes_are_held_out(scenes, tmp_path):
    model = tmp_path / "one.safetensors"
    train([scenes], model, recipe=SHORT, hold_out_names=("s1",), **QUICK)
    assert json.loads(read_spec(model).history["held_out"]) == ["s1"]


def test_a_model_that_another_run_trains_is_left_alone(scenes, tmp_path):
    model = tmp_path / "one.safetensors"
    with holding(model), pytest.raises(LockedError, match=r"one\.safetensors"):
        train([scenes], model, recipe=SHORT, restart=True, **QUICK)
    assert not model.exists() and not model.with_suffix(".training").exists()


def test_vector_labels_in_another_crs_give_the_labels_of_the_raster(tmp_path):
    scene = write_raster(tmp_path / "s.tif", picture())
    fields = write_fields(tmp_path / "s.gpkg", crs="EPSG:4326")
    (source,) = load_pairs([Pair(scene, fields)]).sources
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    assert ((source.labels[inner] > 0) == (board()[inner] > 0)).mean() > 0.999
    assert len(np.unique(source.labels[inner])) == len(np.unique(board()))


def test_labels_at_the_edge_of_a_scene_do_not_count(scenes):
    (source,) = load_pairs([Pair(scenes / "s0.tif", scenes / "s0_labels.tif")]).sources
    known = source.labels >= 0
    assert known[EDGE:-EDGE, EDGE:-EDGE].all()
    assert known.sum() == (SIDE - 2 * EDGE) ** 2


def test_pixels_without_data_in_a_label_raster_are_not_known(tmp_path):
    scene = write_raster(tmp_path / "s.tif", picture())
    labels = write_raster(tmp_path / "l.tif", board(), nodata=5)
    (source,) = load_pairs([Pair(scene, labels)]).sources
    assert (source.labels[board() == 5] == -1).all() and (source.labels == 6).any()


def test_images_and_instances_with_the_same_names_are_pairs(tmp_path):
    for folder in ("images", "instances"):
        (tmp_path / folder).mkdir()
    for name in ("b", "a"):
        write_raster(tmp_path / "images" / f"{name}.tif", picture())
        write_raster(tmp_path / "instances" / f"{name}.tif", board())
    write_raster(tmp_path / "images" / "c.tif", picture())
    pairs = find_pairs([tmp_path])
    assert [pair.scene.name for pair in pairs] == ["a.tif", "b.tif"]
    assert all(pair.labels.parent.name == "instances" for pair in pairs)


def test_a_csv_list_has_paths_from_its_folder_and_weights(scenes):
    listed = scenes / "list.csv"
    listed.write_text("scene,labels,weight\ns0.tif,s0_labels.tif,2.5\ns1.tif,s1_labels.tif,\n")
    pairs = find_pairs([listed])
    assert [pair.weight for pair in pairs] == [2.5, 1.0]
    assert pairs[0].scene == scenes / "s0.tif"


def test_scene_and_labels_alternate(scenes):
    names = [scenes / name for name in ("s0.tif", "s0_labels.tif", "s1.tif", "s1_labels.tif")]
    assert [pair.scene.name for pair in find_pairs(names)] == ["s0.tif", "s1.tif"]


def test_a_scene_without_labels_is_refused(scenes):
    with pytest.raises(OptionError, match="s1.tif has no labels"):
        find_pairs([scenes / "s0.tif", scenes / "s0_labels.tif", scenes / "s1.tif"])


def test_a_csv_without_its_first_line_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("a.tif,b.tif\n")
    with pytest.raises(OptionError, match="wants a first line scene,labels"):
        find_pairs([tmp_path / "list.csv"])


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(OptionError, match="no scene with labels"):
        find_pairs([tmp_path])


def test_labels_on_another_grid_are_refused(scenes):
    moved = write_raster(
        scenes / "moved.tif", board(), transform=PLACE @ Affine.translation(3, 0)
    )
    with pytest.raises(OptionError, match="moved.tif .* is not on the grid of its scene"):
        load_pairs([Pair(scenes / "s0.tif", moved)])


def test_labels_of_another_size_are_refused(scenes):
    small = write_raster(scenes / "small.tif", board()[:40])
    with pytest.raises(OptionError, match="160 x 40.* is not on the grid"):
        load_pairs([Pair(scenes / "s0.tif", small)])


def test_scenes_with_other_bands_are_refused(scenes):
    grey = write_raster(scenes / "grey.tif", picture()[:1])
    labels = scenes / "s0_labels.tif"
    with pytest.raises(OptionError, match="s0.tif has bands red, green, blue .*grey.tif has"):
        load_pairs([Pair(scenes / "s0.tif", labels), Pair(grey, labels)])


def test_chosen_bands_make_scenes_alike(scenes):
    write_raster(scenes / "four.tif", np.concatenate([picture(), picture()[:1]]))
    labels = scenes / "s0_labels.tif"
    pairs = [Pair(scenes / "s0.tif", labels), Pair(scenes / "four.tif", labels)]
    assert len(load_pairs(pairs, bands=(1, 2, 3)).sources) == 2


def test_scenes_of_one_name_in_two_folders_are_told_apart(scenes):
    (scenes / "other").mkdir()
    write_raster(scenes / "other" / "s0.tif", picture())
    labels = scenes / "s0_labels.tif"
    twins = [Pair(scenes / "s0.tif", labels), Pair(scenes / "other" / "s0.tif", labels)]
    loaded = load_pairs(twins)
    assert [one.name for one in loaded.sources] == [f"{scenes.name}/s0", "other/s0"]


def test_uint16_is_scaled_by_its_own_percentiles(tmp_path):
    scene = write_raster(tmp_path / "s.tif", picture(dtype="uint16", top=6000))
    labels = write_raster(tmp_path / "l.tif", board())
    loaded = load_pairs([Pair(scene, labels)])
    (band, *_) = scaling_of(loaded, None)
    assert (band.low, band.high) == measured_range(loaded.sources[0])
    assert 2000 <= band.low < 2400 and 5500 < band.high < 6000
    (given, *_) = scaling_of(loaded, (0, 10_000))
    assert (given.low, given.high) == (0, 10_000)


def test_scenes_without_a_place_want_a_resolution(tmp_path):
    scene = write_raster(tmp_path / "s.tif", picture(), crs=None)
    labels = write_raster(tmp_path / "l.tif", board(), crs=None)
    with pytest.raises(OptionError, match="give --resolution FINEST,COARSEST"):
        train([(scene, labels)], tmp_path / "m.safetensors", recipe=SHORT, **QUICK)
    train(
        [(scene, labels)], tmp_path / "m.safetensors", recipe=SHORT, resolution=(0.5, 3), **QUICK
    )
    assert read_spec(tmp_path / "m.safetensors").resolution == (0.5, 3)


def test_a_border_in_metres_wants_scenes_with_a_place(tmp_path):
    scene = write_raster(tmp_path / "s.tif", picture(), crs=None)
    labels = write_raster(tmp_path / "l.tif", board(), crs=None)
    options = {**QUICK, "recipe": SHORT, "resolution": (1, 2), "boundary_in_metres": True}
    with pytest.raises(OptionError, match="s does not say how large its pixels are"):
        train([(scene, labels)], tmp_path / "m.safetensors", **options)


def test_scenes_without_any_parcel_are_refused_before_training(tmp_path):
    scene = write_raster(tmp_path / "s.tif", picture())
    labels = write_raster(tmp_path / "l.tif", board() * 0)
    with pytest.raises(TrainingError, match="no scene has a parcel on it"):
        train([(scene, labels)], tmp_path / "m.safetensors", recipe=SHORT, **QUICK)


def test_labels_beside_their_scene_are_said_to_lie_there(tmp_path, caplog):
    scene = write_raster(tmp_path / "s.tif", picture())
    with rasterio.open(scene) as opened:
        crs, left = opened.crs, opened.bounds.right + 100
    parcels = geopandas.GeoDataFrame(geometry=[box(left, 0, left + 10, 10)], crs=crs)
    parcels.to_file(tmp_path / "l.gpkg")
    with pytest.raises(TrainingError, match="no scene has a parcel on it"):
        train([(scene, tmp_path / "l.gpkg")], tmp_path / "m.safetensors", recipe=SHORT, **QUICK)
    assert "l.gpkg lies beside its scene: it spans" in caplog.text


def test_a_mask_of_0_and_255_is_warned_about(tmp_path, caplog):
    scene = write_raster(tmp_path / "s.tif", picture())
    labels = write_raster(tmp_path / "l.tif", ((board() > 0) * 255).astype(np.uint8))
    train([(scene, labels)], tmp_path / "m.safetensors", recipe=SHORT, **QUICK)
    assert "labels are 0 and 255 only" in caplog.text


def test_a_missing_vector_file_is_a_vector_error(scenes):
    with pytest.raises(VectorError):
        load_pairs([Pair(scenes / "s0.tif", scenes / "gone.gpkg")])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"chip": 40}, "multiple of 16, got 40"),
        ({"chip": 16}, "at least 32 pixels"),
        ({"zoom": (2.0, 0.5)}, "zoom goes from small to large"),
    ],
)
def test_an_option_that_cannot_be_is_refused(tmp_path, options, text):
    with pytest.raises(OptionError, match=text):
        train([], tmp_path / "m.safetensors", **QUICK | options)


def test_a_model_file_ends_in_safetensors(tmp_path):
    with pytest.raises(OptionError, match="ends in .safetensors, got .*m.pt"):
        train([], tmp_path / "m.pt")


def test_restart_forgets_the_earlier_run(scenes, tmp_path):
    model = tmp_path / "m.safetensors"
    train([scenes], model, recipe=SHORT, **QUICK)
    other = Recipe(steps=5, validations=1, statistics_batches=1, rate=3e-2)
    with pytest.raises(TrainingError, match="use --restart"):
        train([scenes], model, recipe=other, **QUICK)
    assert train([scenes], model, recipe=other, restart=True, **QUICK).steps == 5


def test_a_run_on_other_scenes_is_not_resumed(scenes, tmp_path):
    model = tmp_path / "m.safetensors"
    train([scenes], model, recipe=SHORT, **QUICK)
    pair = (scenes / "s0.tif", scenes / "s0_labels.tif")
    with pytest.raises(TrainingError, match="holds a run with .*use --restart"):
        train([pair], model, recipe=SHORT, **QUICK)


def test_the_command_trains_and_prints_its_scores_as_json(scenes, tmp_path):
    model = tmp_path / "m.safetensors"
    options = (
        "--steps 6 --rate 0.02 --validations 1 --chip 32 --batch 2 --width 4 --threads 1 "
        "--statistics-batches 1 --boundary-width 8m --hold-out s2 --json --progress none"
    )
    arguments = [str(scenes), str(model), *options.split()]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    values = json.loads(done.stdout)
    assert values["steps"] == 6 and 0 <= values["parcel_iou"] <= 1
    assert read_spec(model).history["boundary"] == "8 m"


def test_the_command_refuses_a_boundary_width_that_is_no_width(tmp_path):
    done = CliRunner().invoke(command, ["a", "b", "m.safetensors", "--boundary-width", "thin"])
    assert done.exit_code == 2 and "'thin' is not a width such as 4 or 3m" in done.output


@pytest.mark.data
def test_the_real_parcels_are_thirty_pairs(data_folder: Path):
    pairs = find_pairs([data_folder / "parcels_naip"])
    assert len(pairs) == 30
    source = load_pairs(pairs[:1]).sources[0]
    assert source.shape == (1024, 1024) and source.resolution is None and source.labels.max() > 10


def test_labels_are_read_on_the_grid_of_the_scene(scenes):
    with rasterio.open(scenes / "s0.tif") as file:
        height, width = file.shape
    from geoseg.raster import Scene

    with Scene(scenes / "s0.tif") as scene:
        labels = read_labels(scenes / "s0_labels.tif", scene.geobox)
    assert labels.shape == (height, width) and (labels == board()).all()


def test_arrays_and_tables_train_as_their_files_do(scenes, tmp_path):
    fields = geopandas.read_file(write_fields(tmp_path / "fields.gpkg", crs="EPSG:4326"))
    grid = GeoBox(SIDE, SIDE, PLACE, rasterio.CRS.from_epsg(32633).wkt)
    pairs = [((picture(0), grid), fields), ((picture(1), grid), (board(), grid))]
    with rasterio.open(scenes / "s2.tif") as dataset:
        with named_pairs([*pairs, (dataset, str(scenes / "s2_labels.tif"))]) as named:
            held = load_pairs(find_pairs(named))
        with named_pairs([(picture(2), grid), (board(), grid)]) as named:  # one after the other
            assert len(find_pairs(named)) == 1
    files = [scenes / f"s{n}{end}.tif" for n in range(3) for end in ("", "_labels")]
    stored = load_pairs(find_pairs(files))
    for one, two in zip(held.sources, stored.sources, strict=True):
        assert (one.image == two.image).all() and (one.labels > 0).sum() == (two.labels > 0).sum()
    model = tmp_path / "model.safetensors"
    made = train(pairs, model, recipe=SHORT, **QUICK)
    assert made.path == model and made.steps == 6 and made.scores["score"] >= 0
    assert train(pairs, model, recipe=SHORT, **QUICK).steps == 6  # known again by its content


def test_a_training_shows_its_curves_and_validations_in_a_notebook(scenes, tmp_path):
    recipe = Recipe(steps=6, validations=2, statistics_batches=1, rate=2e-2)
    made = train([scenes], tmp_path / "m.safetensors", recipe=recipe, **QUICK)
    html = made._repr_html_()
    assert len(made.validations) == 2 and html.count("<tr>") == 3
    assert html.count("<polyline") == 3 and "6 steps in" in html and "<script" not in html
    assert made.validations[-1]["train_loss"] in html
    Path(tmp_path / "m.training" / "log.csv").unlink()
    assert "6 steps in" in made._repr_html_()


def test_a_scene_on_the_network_keeps_its_address_and_an_item_gives_its_asset(tmp_path):
    (tmp_path / "item.json").write_text(json.dumps({"assets": {"a": {"href": "a.tif"}}}))
    pairs = find_pairs([("https://host/a.tif", "a.gpkg"), (tmp_path / "item.json", "b.geojson")])
    assert pairs[0].scene == "https://host/a.tif"
    assert pairs[1] == Pair(tmp_path / "a.tif", Path("b.geojson"))


def test_a_palette_of_labels_is_read_as_its_numbers(scenes, tmp_path):
    path = write_raster(tmp_path / "palette.tif", board().astype(np.uint8))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {n: (n * 7 % 256, 255 - n, n, 255) for n in range(256)})
    grid = GeoBox(SIDE, SIDE, PLACE, None)
    assert (read_labels(path, grid) == board()).all()
