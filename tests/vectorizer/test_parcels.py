"""Labels to parcels: drawn cases, exactness across strips, coverages, an oracle."""

import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from geoseg.errors import GridError, OptionError
from geoseg.grid import GeoBox
from geoseg.vectorizer import LineOptions, parcels

RAW = {"method": "none", "smooth": "none"}
LINES = [
    RAW,
    {"method": "none"},
    {},
    {"tolerance": 3.0},
    {"tolerance": 40.0},
    {"smooth": "none", "tolerance": 2.0},
    {"method": "vw"},
    {"method": "vw", "smooth": "none", "tolerance": 5.0},
    {"trim": 4.0},
    {"tolerance": 2.0, "trim": 12.0},
    {"method": "vw", "trim": 6.0},
]


@st.composite
def rasters(draw, largest=64):
    """Draw a raster of 1 to 5 values: noise, blobs, and blobs with salt and pepper."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    values, scale = draw(st.integers(1, 5)), draw(st.sampled_from([1, 1, 3, 8]))
    coarse = random.integers(0, values, (height // scale + 1, width // scale + 1))
    labels = coarse.repeat(scale, 0).repeat(scale, 1)[:height, :width].astype(np.int32)
    noise = random.random(labels.shape) < draw(st.sampled_from([0, 0.02, 0.2]))
    labels[noise] = random.integers(0, values, noise.sum())
    return labels


def _equal(one, two):
    columns = [name for name in one.__slots__ if name != "classes"]
    return all(np.array_equal(getattr(one, c), getattr(two, c), equal_nan=True) for c in columns)


def _burn(shapes, values, shape):
    pairs = zip(shapes, values.tolist(), strict=True)
    return rasterio.features.rasterize(
        pairs, shape, transform=Affine(1, 0, 0, 0, -1, 0), fill=-7, dtype="int32"
    )


def test_a_pixel_is_a_square(digits, vectorize, polygons):
    parcel = vectorize(digits("000 010 000"), **RAW)
    assert polygons(parcel)[0].equals(shapely.box(1, -2, 2, -1))
    assert parcel.parcel_id.tolist() == [5]
    assert parcel.value.tolist() == [1]
    assert parcel.area_m2.tolist() == [1]
    assert parcel.perimeter_m.tolist() == [4]
    assert parcel.edge.tolist() == [False]


def test_parcels_come_by_last_row_then_by_first_pixel(digits, vectorize):
    parcel = vectorize(digits("1223 1123 4443"), **RAW)
    assert parcel.value.tolist() == [1, 2, 3, 4]
    assert parcel.parcel_id.tolist() == [1, 2, 4, 9]


def test_a_junction_on_a_straight_border_is_a_point_of_all_three(digits, vectorize, polygons):
    top, *_ = polygons(vectorize(digits("11 23"), **RAW))
    assert (1, -1) in top.exterior.coords


def test_a_hole_that_touches_the_shell_at_a_corner_is_a_ring_of_its_own(
    digits, vectorize, polygons
):
    ring = polygons(vectorize(digits("011 101 111"), **RAW))[0]
    assert ring.is_valid
    assert len(ring.interiors) == 1
    assert ring.area == 7


def test_diagonal_pixels_are_two_parcels_with_connectivity_4(digits, vectorize):
    assert len(vectorize(digits("10 01"), **RAW)) == 2


def test_diagonal_pixels_are_one_valid_multipolygon_with_connectivity_8(
    digits, vectorize, polygons
):
    parcel = vectorize(digits("10 01"), connectivity=8, **RAW)
    shape = polygons(parcel)[0]
    assert len(parcel) == 1
    assert shape.geom_type == "MultiPolygon"
    assert shape.is_valid
    assert parcel.area_m2.tolist() == [2]
    assert parcel.parcel_id.tolist() == [1]


def test_skipped_values_make_no_parcels(digits, vectorize):
    assert vectorize(digits("12 21"), skip=(2,), **RAW).value.tolist() == [1, 1]


def test_nothing_but_background_makes_no_batch(digits, vectorize):
    assert vectorize(digits("00 00")) is None


def test_a_raster_of_one_value_is_one_rectangle(digits, vectorize, polygons):
    parcel = vectorize(digits("777 777"))
    assert polygons(parcel)[0].normalize() == shapely.box(0, -2, 3, 0).normalize()
    assert parcel.edge.tolist() == [True]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int64"])
def test_every_integer_type_gives_the_same(dtype, digits, vectorize):
    labels = digits("1122 3332")
    assert _equal(vectorize(labels.astype(dtype)), vectorize(labels))


def test_values_beyond_32_bits_stay_apart(vectorize):
    labels = np.array([[1, 1 + 2**40, -(2**60)]])
    assert vectorize(labels, **RAW).value.tolist() == [1, 1 + 2**40, -(2**60)]


def test_a_parcel_beside_pixels_without_data_is_on_the_edge(vectorize):
    labels = np.zeros((7, 7), np.int32)
    labels[2, 2], labels[4, 4], labels[4, 5] = 1, 2, -1
    assert vectorize(labels, **RAW).edge.tolist() == [False, True]


def test_confidence_is_the_mean_over_valid_pixels(digits, vectorize):
    probabilities = np.full((2, 3, 4), 255, np.uint8)
    probabilities[0, 1, 1:3] = 254, 127
    probabilities[0, 1, 1] = 255
    parcel = vectorize(digits("0000 0110 0000"), probabilities=probabilities, **RAW)
    assert parcel.confidence.tolist() == [0.5]
    assert np.isnan(parcel.boundary).all()


def test_boundary_is_the_mean_over_both_sides_of_every_border_edge(digits, vectorize):
    probabilities = np.zeros((2, 3, 3), np.uint8)
    probabilities[1] = [[9, 10, 9], [20, 2, 30], [9, 254, 9]]
    parcel = vectorize(digits("000 010 000"), probabilities=probabilities, **RAW)
    assert parcel.boundary[0] == pytest.approx((4 * 2 + 10 + 20 + 30 + 254) / 8 / 254)


def test_a_border_on_the_scene_edge_counts_its_inner_side(vectorize):
    probabilities = np.full((2, 1, 1), 127, np.uint8)
    labels = np.ones((1, 1), np.int32)
    assert vectorize(labels, probabilities=probabilities).boundary.tolist() == [0.5]


@pytest.mark.parametrize("options", LINES)
def test_scene_corners_stay(options, digits, vectorize, polygons):
    shapes = polygons(vectorize(digits("122 333 333"), **options))
    assert shapely.area(shapes).sum() == 9
    assert shapely.bounds(shapely.union_all(shapes)).tolist() == [0, -3, 3, 0]


@settings(max_examples=25, deadline=None)
@given(rasters(32))
def test_unsimplified_parcels_burn_back_to_the_labels(vectorize, polygons, labels):
    parcel = vectorize(labels, skip=(), **RAW)
    assert np.array_equal(_burn(polygons(parcel), parcel.value, labels.shape), labels)
    assert parcel.area_m2.sum() == labels.size


@settings(max_examples=25, deadline=None)
@given(rasters(32))
def test_unsimplified_parcels_are_the_polygons_of_gdal(vectorize, polygons, labels):
    parcel = vectorize(labels, skip=(), **RAW)
    shapes = rasterio.features.shapes(labels, transform=Affine(1, 0, 0, 0, -1, 0))
    expected = sorted(
        (shapely.normalize(shapely.geometry.shape(shape)).wkb, int(value))
        for shape, value in shapes
    )
    plain = shapely.normalize(shapely.simplify(polygons(parcel), 0))
    rewritten = [
        (shapely.normalize(shapely.simplify(shapely.from_wkb(wkb), 0)).wkb, value)
        for wkb, value in expected
    ]
    mine = zip(shapely.to_wkb(plain), parcel.value.tolist(), strict=True)
    assert sorted(mine) == sorted(rewritten)


@settings(max_examples=60, deadline=None)
@given(rasters(), st.sampled_from(LINES), st.sampled_from([(), (0, -1)]), st.sampled_from([4, 8]))
def test_parcels_are_a_valid_coverage(vectorize, polygons, labels, options, skip, connectivity):
    parcel = vectorize(labels, skip=skip, connectivity=connectivity, **options)
    count = vectorize(labels, skip=skip, connectivity=connectivity, **RAW)
    assert (parcel is None) == (count is None)
    if parcel is not None:
        shapes = polygons(parcel)
        assert len(parcel) == len(count)
        assert shapely.is_valid(shapes).all()
        assert shapely.coverage_is_valid(shapes)
        assert (shapely.area(shapes) > 0).all()
        assert np.allclose(shapely.area(shapes), parcel.area_m2)
        assert np.allclose(shapely.length(shapes), parcel.perimeter_m)


@settings(max_examples=40, deadline=None)
@given(
    rasters(), st.sampled_from(LINES), st.sampled_from([1, 2, 7, 16, 33]), st.sampled_from([4, 8])
)
def test_the_height_of_strips_changes_nothing(vectorize, labels, options, strip, connectivity):
    random = np.random.default_rng(1)
    given_ = {
        "probabilities": random.integers(0, 256, (2, *labels.shape)).astype(np.uint8),
        "skip": (0,),
        "connectivity": connectivity,
        **options,
    }
    whole, cut = vectorize(labels, **given_), vectorize(labels, strip=strip, **given_)
    assert (whole is None and cut is None) or _equal(whole, cut)


@settings(max_examples=12, deadline=None)
@given(rasters(), st.sampled_from(LINES), st.sampled_from([2, 3]))
def test_the_number_of_threads_changes_nothing(vectorize, labels, options, threads):
    one, many = (vectorize(labels, threads=n, **options) for n in (1, threads))
    assert (one is None and many is None) or _equal(one, many)


def test_batches_are_the_same_for_every_strip(as_source):
    labels = np.arange(1, 9001, dtype=np.int32).reshape(90, 100)
    grid = GeoBox(90, 100, Affine.identity(), None)
    sizes = [
        [len(batch) for batch in parcels(as_source(labels), grid, options=LineOptions(), strip=s)]
        for s in (1, 64, 90)
    ]
    assert sizes[0] == sizes[1] == sizes[2] == [4096, 4096, 808]


@pytest.mark.parametrize(
    "transform",
    [
        Affine(2, 0, 100, 0, -2, 50),
        Affine(2, 0, 100, 0, 2, 50),
        Affine(0.48, 0.15, 0, 0.15, -0.48, 0),
        Affine(1, 0.3, 7, 0.2, -1.5, 9),
    ],
    ids=["north-up", "south-up", "rotated", "sheared"],
)
def test_shells_are_counter_clockwise_and_neighbours_share_points(
    transform, digits, vectorize, polygons
):
    labels = digits("11122 13332 13033 14442")
    shapes = polygons(vectorize(labels, geobox=GeoBox(*labels.shape, transform, None)))
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)


def test_progress_counts_every_row_once(as_source):
    done = []
    grid = GeoBox(10, 3, Affine.identity(), None)
    labels = as_source(np.ones((10, 3), np.uint8))
    list(parcels(labels, grid, options=LineOptions(), strip=4, progress=done.append))
    assert done == [4, 4, 2]


def test_a_grid_of_another_shape_is_refused(as_source):
    grid = GeoBox(3, 3, Affine.identity(), None)
    with pytest.raises(GridError, match=r"shape \(2, 3\), its grid has \(3, 3\)"):
        list(parcels(as_source(np.ones((2, 3), int)), grid, options=LineOptions()))


@pytest.mark.parametrize(
    "wrong", [
        {"tolerance": -1}, {"trim": -2}, {"method": "spline"}, {"smooth": "yes"},
        {"connectivity": 6},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(OptionError, match=str(next(iter(wrong.values())))):
        LineOptions(**wrong)
