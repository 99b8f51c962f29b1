"""What `geoseg polygonize` takes for a class raster, and what it refuses."""

import numpy as np
import pytest
import rasterio
from affine import Affine

import geoseg
from geoseg.errors import OptionError


@pytest.fixture
def two_bands(tmp_path):
    """Give a raster of two bands: one class everywhere, and two halves."""
    data = np.ones((2, 8, 8), np.uint8)
    data[1, :, 4:] = 2
    with rasterio.open(
        tmp_path / "two.tif", "w", driver="GTiff", count=2, height=8, width=8, dtype="uint8",
        crs="EPSG:32633", transform=Affine(10, 0, 500_000, 0, -10, 5_400_000),
    ) as raster:
        raster.write(data)
    return tmp_path / "two.tif"


def test_a_scene_is_not_taken_for_classes(two_bands, tmp_path):
    with pytest.raises(OptionError, match="2 bands and is no mask .* use geoseg vectorize"):
        geoseg.polygonize(two_bands, tmp_path / "out.gpkg")
    assert list(tmp_path.iterdir()) == [two_bands]


def test_a_band_of_several_is_used_where_it_is_named(two_bands, tmp_path):
    assert geoseg.polygonize(two_bands, tmp_path / "one.gpkg", band=1).count == 1
    assert geoseg.polygonize(two_bands, tmp_path / "two.gpkg", band=2).count == 2


def test_a_band_that_is_not_there_is_refused(two_bands, tmp_path):
    with pytest.raises(OptionError, match="2 bands; --band was 3"):
        geoseg.polygonize(two_bands, tmp_path / "out.gpkg", band=3)
